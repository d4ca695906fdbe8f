"""The names of what a deployment makes in IAM, without their prefix, and whether they are free."""

from collections.abc import Iterator

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.people import existing, iam_users
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.policies.operators import approver_policies, operator_groups, operator_policies
from delegation.policies.schedules import schedule_policies


def check_names(deployment: Deployment) -> None:
    """Raises DelegationError where something that exists already is called as what the deployment
    makes: IAM has a name once, whatever path and letter case."""
    people = (*deployment.operators, *deployment.approvers, *deployment.auditors)
    own_groups = {deployment.naming.named(group).lower() for group in groups(deployment)}
    for name in existing(people, "group"):
        if name.lower() in own_groups:
            raise DelegationError(
                f"group {name!r} is one that the deployment makes; name another, or give the "
                f"deployment a name_prefix {IN_DEPLOYMENTS}"
            )
    boundary = deployment.permissions_boundary
    own_policies = {deployment.naming.named(policy).lower() for policy in policies(deployment)}
    if boundary and boundary.policy.rsplit("/", 1)[-1].lower() in own_policies:
        raise DelegationError(
            f"policy {boundary.policy!r} of the CompanyBoundary is one that the deployment makes; "
            f"name the company's own {IN_DEPLOYMENTS}"
        )


def policies(deployment: Deployment) -> Iterator[str]:
    """The names of the policies that the deployment makes, and of those that there may be, without
    their prefix."""
    yield from (names.OPERATOR_PASSWORD_POLICY, names.OPERATOR_DENY_POLICY)
    if deployment.has_own_mfa:
        yield from (names.OWN_MFA_POLICY, names.REQUIRE_MFA_POLICY)
    if deployment.cli_users:
        yield names.CLI_SIGN_IN_POLICY
    for team in deployment.teams:
        policy = names.of_team(names.OPERATOR_POLICY, team.name)
        for number in range(1, len(operator_policies(deployment, team)) + 1):
            yield names.part(policy, number)
        if team.approvers:
            policy = names.of_team(names.APPROVER_POLICY, team.name)
            for number in range(1, len(approver_policies(deployment, team)) + 1):
                yield names.part(policy, number)
    if deployment.auditors:
        yield names.AUDITOR_POLICY
    yield from _policies_of_roles(deployment)


def _policies_of_roles(deployment: Deployment) -> Iterator[str]:
    for role in deployment.service_roles:
        yield names.boundary(role.name)
        yield names.own_policy(role.name)
    if deployment.has_author_roles:
        yield from map(names.role_policy, names.AUTHOR_ROLES)
    if deployment.pipeline:
        yield from map(names.role_policy, names.PIPELINE_ROLES)
    for number, _ in enumerate(schedule_policies(deployment), start=1):
        yield names.part(names.role_policy(names.SCHEDULE_ROLE), number)


def roles(deployment: Deployment) -> Iterator[str]:
    """The names of the roles that the deployment makes, without their prefix."""
    yield from (role.name for role in deployment.service_roles)
    if deployment.has_author_roles:
        yield from names.AUTHOR_ROLES
    if deployment.pipeline:
        yield from names.PIPELINE_ROLES
    if deployment.schedules:
        yield names.SCHEDULE_ROLE


def users(deployment: Deployment) -> tuple[str, ...]:
    """The names of the users that the deployment makes."""
    return iam_users((*deployment.operators, *deployment.approvers, *deployment.auditors))


def groups(deployment: Deployment) -> Iterator[str]:
    """The names of the groups that may exist, without their prefix."""
    if deployment.cli_users:
        yield names.CLI_GROUP
    for team in deployment.teams:
        yield from (group for group, _ in operator_groups(deployment, team))
        if team.approvers:
            yield names.of_team(names.APPROVER_GROUP, team.name)
    if deployment.auditors:
        yield names.AUDITOR_GROUP
