"""What CloudFormation's own handlers of resource types may call, by type and by what they do.

Source: the types' schemas in the CloudFormation registry, ``handlers`` and their ``permissions``,
as pulumi/pulumi-aws-native keeps them (2026-11). A handler calls some of them for some properties
only.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_TAGGING = {
    "AWS::Events::Rule": {
        "create": ("events:TagResource",),
        "read": ("events:ListTagsForResource",),
        "update": ("events:TagResource", "events:UntagResource"),
    }
}
"""What the schemas above leave out: CloudFormation tags rules since August 2025.
Source: aws-cloudformation/cloudformation-coverage-roadmap, issue 358."""

WITHOUT_A_RESOURCE = {
    *("secretsmanager:GetRandomPassword", "kms:CreateKey", "logs:DescribeLogGroups"),
    *("logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DeleteResourcePolicy"),
    "cloudwatch:DescribeAlarms",
}
"""Calls of handlers that name no resource, or every one of a kind.
Source: Service Authorization Reference."""

OF_VENDED_LOGS = {
    *("logs:CreateLogDelivery", "s3:REST.PUT.OBJECT", "firehose:TagDeliveryStream"),
    *("logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
}
"""What the handlers of log groups list for the delivery of vended logs, and do not call otherwise.
Inferred from their names."""

_FILE = Path(__file__).parent / "resource_handlers.json"


@cache
def handlers(type_: str) -> Mapping[str, tuple[str, ...]]:
    """The IAM actions of ``create``, ``read``, ``update`` and ``delete``; empty for a type that is
    not in the data."""
    found = json.loads(_FILE.read_text("utf-8")).get(type_, {})
    tagging = _TAGGING.get(type_, {})
    return {verb: (*actions, *tagging.get(verb, ())) for verb, actions in found.items()}
