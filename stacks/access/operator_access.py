"""OperatorAccess: what the restricted operators may do, and how it reaches them."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment, Profile
from delegation.deployment.people import (
    PermissionSet,
    iam_users,
    never_lending,
)
from delegation.deployment.teams import Team
from delegation.policies.operators import NEVER_LEND, operator_groups, operator_policies
from stacks.access.console_user import ConsoleUser
from stacks.access.group_access import own_group
from stacks.access.managed_policy import managed_policy

_DENIAL_DESCRIPTION = "Keep runbooks without a role from the permissions of their callers"
_DESCRIPTION = "Run the approved runbooks of this deployment and watch them"


class OperatorAccess(Construct):
    """``OperatorRestrictedPermissions``, for the people who run runbooks.

    Least privilege: IAM users hold it through a group, so that the next operator is one
    membership; existing roles directly; a permission set refers to it by its name. Guide: it is
    attached to the one user.
    """

    groups: tuple[iam.CfnGroup, ...]
    """The first group of each team that has IAM users; none in the guide profile."""
    users: tuple[iam.CfnUser, ...]
    """The operators' IAM users."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        cli_group: iam.CfnGroup | None,
    ) -> None:
        super().__init__(scope, id_)
        by_team = self._build_groups(deployment)
        self.groups = tuple(groups[0] for groups in by_team.values() if groups)
        people = Construct(self, "Users")
        self.users = tuple(
            ConsoleUser(
                people,
                names.construct_id(user),
                user_name=user,
                groups=[
                    group
                    for team in deployment.teams
                    if user in iam_users(team.operators)
                    for group in by_team[team.name]
                ],
                cli_group=cli_group,
                deployment=deployment,
            ).resource
            for user in iam_users(deployment.operators)
        )
        for team in deployment.teams:
            self._build_policies(deployment, team, by_team[team.name])
        self._build_denial(deployment)

    def _build_groups(self, deployment: Deployment) -> dict[str, tuple[iam.CfnGroup, ...]]:
        """The groups of each team, by its name: one, or as many as IAM's ten policies a group ask
        for."""
        scope = Construct(self, "Groups")
        has_groups = deployment.profile is Profile.LEAST_PRIVILEGE
        return {
            team.name: tuple(
                own_group(scope, names.construct_id(name), name, deployment)
                for name, _ in operator_groups(deployment, team)
                if has_groups and iam_users(team.operators)
            )
            for team in deployment.teams
        }

    def _build_policies(
        self, deployment: Deployment, team: Team, groups: Sequence[iam.CfnGroup]
    ) -> None:
        group_of = {
            policy: group
            for group, (_, held) in zip(groups, operator_groups(deployment, team), strict=False)
            for policy in held
        }
        policy_name = names.of_team(names.OPERATOR_POLICY, team.name)
        for index, statements in enumerate(operator_policies(deployment, team)):
            managed_policy(
                self,
                names.part(policy_name, index + 1),
                deployment=deployment,
                description=_DESCRIPTION,
                statements=statements,
                groups=[group_of[index]] if group_of else (),
                people=team.operators,
                users=() if self.groups else self.users,
            )

    def _build_denial(self, deployment: Deployment) -> None:
        """What keeps runbooks without a role from the permissions of the people who start them: of
        IAM users always, of those who exist already where the deployment says so; a permission set
        can name the policy."""
        others = never_lending(deployment.operators)
        named = any(isinstance(person, PermissionSet) for person in deployment.operators)
        if self.users or others or named:
            managed_policy(
                self,
                names.OPERATOR_DENY_POLICY,
                deployment=deployment,
                description=_DENIAL_DESCRIPTION,
                statements=NEVER_LEND,
                groups=self.groups,
                people=others,
                users=() if self.groups else self.users,
            )
