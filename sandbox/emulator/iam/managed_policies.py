"""The AWS managed policies of ``aws_facts``: the emulator knows only some of AWS's."""

import json
from typing import Any

from ministack.services import iam

from aws_facts.managed_policies import ManagedPolicy, managed_policies


def records() -> dict[str, dict[str, Any]]:
    """Each policy by its ARN, as the emulator's catalogue holds them."""
    return {policy.arn: _record(policy) for policy in managed_policies()}


def _record(policy: ManagedPolicy) -> dict[str, Any]:
    name = policy.arn.split(":policy/", 1)[1]
    record: dict[str, Any] = iam._make_aws_managed_record(name, json.dumps(policy.document))
    (version,) = record["Versions"].values()
    return {
        **record,
        "Versions": {policy.version: {**version, "VersionId": policy.version}},
        "DefaultVersionId": policy.version,
    }
