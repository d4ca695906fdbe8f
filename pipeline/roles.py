"""The pipeline's roles, as PipelineStack of an assembly makes them."""

from collections.abc import Mapping
from typing import Any

from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import PIPELINE_STACK, prefix_of

_ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"


def pipeline_role(assembly: Assembly, role: str, account: str | None) -> Mapping[str, Any]:
    """The properties of the role of this name, without prefix, in an account; empty where the
    assembly makes none. Without an account, the one of stacks that may go to any."""
    for stack in assembly.named(PIPELINE_STACK):
        if stack.account not in (None, account):
            continue
        for resource in stack.template.get("Resources", {}).values():
            properties = resource.get("Properties", {})
            if properties.get("RoleName") == prefix_of(stack.name) + role:
                return dict(properties)
    return {}


def pipeline_role_arn(assembly: Assembly, role: str, account: str | None) -> str:
    """The ARN of a role by its name without prefix, with CloudFormation's placeholders."""
    properties = pipeline_role(assembly, role, account)
    return f"{_ARN}{properties.get('Path', '/')}{properties.get('RoleName', role)}"
