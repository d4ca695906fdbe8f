"""AWS managed policies, from their texts in ``aws_managed_policies/``, each with its date."""

import json
from functools import cache
from pathlib import Path

from review.errors import ReviewError
from review.statements import Policy, read_policy

_FOLDER = Path(__file__).resolve().parent.parent / "aws_managed_policies"


@cache
def aws_managed_policy(arn: str) -> Policy:
    """The policy of this ARN, in whichever partition."""
    path = arn.split(":", 5)[5]
    for file in sorted(_FOLDER.glob("*.json")):
        text = json.loads(file.read_text("utf-8"))
        if text["Arn"].split(":", 5)[5] == path:
            policy = read_policy(path.rsplit("/", 1)[1], text["Document"])
            name = f"{policy.name} ({text['VersionId']}, {text['UpdateDate']})"
            return Policy(name=name, statements=policy.statements)
    raise ReviewError(
        f"the text of the AWS managed policy {arn} is not in aws_managed_policies/; "
        f"add it as NAME.json with Arn, VersionId, UpdateDate and Document"
    )
