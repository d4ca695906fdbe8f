"""The AWS managed policies of ``aws_managed_policies/``: the emulator knows only some of AWS's."""

import json
from pathlib import Path

from ministack.services import iam

FOLDER = Path(__file__).resolve().parents[2] / "aws_managed_policies"


def install() -> None:
    """Puts every policy of the folder into IAM's catalogue, under its ARN and version."""
    for path in sorted(FOLDER.glob("*.json")):
        policy = json.loads(path.read_text("utf-8"))
        name = policy["Arn"].split(":policy/", 1)[1]
        document = json.dumps(policy["Document"])
        record = iam._make_aws_managed_record(name, document)
        (version,) = record["Versions"].values()
        record["Versions"] = {policy["VersionId"]: {**version, "VersionId": policy["VersionId"]}}
        record["DefaultVersionId"] = policy["VersionId"]
        iam._aws_managed_policies[policy["Arn"]] = record
