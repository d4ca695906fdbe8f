"""The pipeline's roles, as PipelineStack of an assembly makes them."""

from collections.abc import Mapping
from typing import Any

from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import PIPELINE_STACK

_ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"


def pipeline_role(assembly: Assembly, role: str, account: str | None) -> Mapping[str, Any]:
    """The properties of the role of this name, without prefix, in an account; empty where the
    assembly makes none. Without an account, the one of stacks that may go to any."""
    stacks = (s for s in assembly.named(PIPELINE_STACK) if s.account in (None, account))
    return next(filter(None, (stack.role(role) for stack in stacks)), {})


def pipeline_role_arn(assembly: Assembly, role: str, account: str | None) -> str:
    """The ARN of a role by its name without prefix, with CloudFormation's placeholders."""
    properties = pipeline_role(assembly, role, account)
    return f"{_ARN}{properties.get('Path', '/')}{properties.get('RoleName', role)}"
