"""Customer managed policies, written from the model's statements."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.people import Person, existing
from delegation.policies.statements import Statement, policy_document
from stacks.acknowledgement import GUIDES_USER, acknowledge, in_standards, wildcard_reasons

_EXISTING_USER = (
    "the user exists already, and who is in which group is decided where it was made; an IamUser "
    "or an ExistingGroup holds the policy through a group"
)


def own_path(deployment: Deployment) -> str | None:
    """The path of what the deployment makes in IAM; None for the one that IAM takes itself."""
    return None if deployment.iam_path == "/" else deployment.iam_path


def managed_policy(
    scope: Construct,
    name: str,
    *,
    deployment: Deployment,
    description: str,
    statements: Sequence[Statement],
    groups: Sequence[iam.CfnGroup] = (),
    users: Sequence[iam.CfnUser] = (),
    people: Sequence[Person] = (),
) -> iam.CfnManagedPolicy:
    """A policy under its name in the account, attached as given and to those of the people who
    exist already, its wildcards acknowledged with reasons.

    IAM can change neither name, path nor description, and CloudFormation cannot replace a named
    policy: they are constants of the project and of the deployment.
    """
    policy = iam.CfnManagedPolicy(
        scope,
        names.construct_id(name),
        managed_policy_name=deployment.naming.named(name),
        path=own_path(deployment),
        description=description,
        policy_document=policy_document(statements),
        groups=[*(group.ref for group in groups), *existing(people, "group")] or None,
        roles=list(existing(people, "role")) or None,
        users=[*(user.ref for user in users), *existing(people, "user")] or None,
    )
    on_users = in_standards("IAMUserNoPolicies", GUIDES_USER) if users else {}
    if existing(people, "user"):
        on_users = in_standards("IAMUserNoPolicies", _EXISTING_USER)
    acknowledge(policy, {**wildcard_reasons(statements), **on_users})
    return policy
