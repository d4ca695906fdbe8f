"""Customer managed policies, written from the model's statements."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.policies.statements import Statement, policy_document
from stacks.acknowledgement import GUIDES_USER, acknowledge, in_standards, wildcard_reasons


def managed_policy(
    scope: Construct,
    name: str,
    *,
    description: str,
    statements: Sequence[Statement],
    groups: Sequence[iam.CfnGroup] = (),
    roles: Sequence[str] = (),
    users: Sequence[iam.CfnUser] = (),
) -> iam.CfnManagedPolicy:
    """A policy under its fixed name, attached as given, its wildcards acknowledged with reasons.

    IAM can change neither name nor description, and CloudFormation cannot replace a named policy:
    both are constants of the project.
    """
    policy = iam.CfnManagedPolicy(
        scope,
        names.construct_id(name),
        managed_policy_name=name,
        description=description,
        policy_document=policy_document(statements),
        groups=[group.ref for group in groups] or None,
        roles=list(roles) or None,
        users=[user.ref for user in users] or None,
    )
    on_users = in_standards("IAMUserNoPolicies", GUIDES_USER) if users else {}
    acknowledge(policy, {**wildcard_reasons(statements), **on_users})
    return policy
