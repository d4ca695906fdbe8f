"""Resources as the account has them: by an id that CloudFormation or AWS makes, by a name among
others, or by nobody's template."""

from collections.abc import Iterator
from typing import Any

from account.aws import Aws
from review.templates.resources import Resource


def physical_id(aws: Aws, resource: Resource) -> str:
    """The physical id of a resource: the ARN of a topic, the id of a key. Empty where its stack
    has no such resource."""
    answer = aws.read(
        *("cloudformation", "describe_stack_resource"),
        region=resource.region,
        StackName=resource.template.stack,
        LogicalResourceId=resource.logical_id,
    )
    detail = answer["StackResourceDetail"] if answer else {}
    return str(detail.get("PhysicalResourceId") or "")


def log_group(aws: Aws, region: str, name: str) -> dict[str, Any] | None:
    """A log group; None where there is none of the name."""
    groups = aws.listed(
        *("logs", "describe_log_groups", "logGroups"), region=region, logGroupNamePrefix=name
    )
    return next((group for group in groups if group["logGroupName"] == name), None)


def trails(aws: Aws, region: str) -> Iterator[dict[str, Any]]:
    """The trails of CloudTrail that a Region shows."""
    return aws.listed("cloudtrail", "describe_trails", "trailList", region=region)
