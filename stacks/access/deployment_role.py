"""A role with statements of its own: its fixed name, its trust, its policies and nothing else."""

from collections.abc import Mapping, Sequence

from aws_cdk import Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.policies.statements import Statement
from stacks.access.managed_policy import managed_policy, own_path


def deployment_role(
    scope: Construct,
    name: str,
    *,
    deployment: Deployment,
    description: str,
    trust: Mapping[str, object],
    policies: Sequence[Sequence[Statement]] = (),
) -> iam.CfnRole:
    """A role of an author, of a pipeline or of schedules, under the company's permissions boundary
    where it asks for one; one managed policy for each list of statements."""
    boundary = deployment.company_boundary
    role = Construct(scope, names.construct_id(name))
    attached = [
        managed_policy(
            role,
            names.part(names.role_policy(name), number),
            deployment=deployment,
            description=description,
            statements=statements,
        ).ref
        for number, statements in enumerate(policies, start=1)
    ]
    return iam.CfnRole(
        role,
        "Resource",
        role_name=deployment.naming.named(name),
        path=own_path(deployment),
        description=description,
        assume_role_policy_document=trust,
        managed_policy_arns=attached or None,
        permissions_boundary=Fn.sub(boundary) if boundary else None,
    )
