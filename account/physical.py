"""The ids that resources have in the account where CloudFormation or AWS makes their names."""

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
