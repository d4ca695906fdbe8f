"""OperatorAccess: what the restricted operators may do, and how it reaches them."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment, Profile
from delegation.deployment.people import (
    PermissionSet,
    existing_roles,
    iam_users,
    never_lending_roles,
)
from delegation.policies.operators import NEVER_LEND, group_portions, operator_policies
from delegation.policies.statements import Statement
from stacks.console_user import ConsoleUser
from stacks.managed_policy import managed_policy

_DENIAL_DESCRIPTION = "Keep runbooks without a role from the permissions of their callers"
_DESCRIPTION = "Run the approved runbooks of this deployment and watch them"


class OperatorAccess(Construct):
    """``OperatorRestrictedPermissions``, for the people who run runbooks.

    Least privilege: IAM users hold it through a group, so that the next operator is one
    membership; existing roles directly; a permission set refers to it by its name. Guide: it is
    attached to the one user.
    """

    groups: tuple[iam.CfnGroup, ...]
    """The operators' groups; none in the guide profile or without IAM users."""
    users: tuple[iam.CfnUser, ...]
    """The operators' IAM users."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id_)
        users = iam_users(deployment.operators)
        policies = operator_policies(deployment)
        portions: tuple[range, ...] = ()
        if users and deployment.profile is Profile.LEAST_PRIVILEGE:
            portions = group_portions(len(policies))
        self.groups = self._build_groups(len(portions))
        people = Construct(self, "Users")
        self.users = tuple(
            ConsoleUser(
                people,
                names.construct_id(user),
                user_name=user,
                groups=self.groups,
                boundary=deployment.company_boundary,
            ).resource
            for user in users
        )
        self._build_policies(deployment, policies, portions)
        self._build_denial(deployment)

    def _build_groups(self, count: int) -> tuple[iam.CfnGroup, ...]:
        """One group, or as many as IAM's ten policies a group ask for."""
        scope = Construct(self, "Groups")
        group_names = [names.part(names.OPERATOR_GROUP, number + 1) for number in range(count)]
        return tuple(
            iam.CfnGroup(scope, names.construct_id(name), group_name=name) for name in group_names
        )

    def _build_policies(
        self,
        deployment: Deployment,
        policies: tuple[tuple[Statement, ...], ...],
        portions: tuple[range, ...],
    ) -> None:
        group_of = {
            policy: group
            for group, portion in zip(self.groups, portions, strict=True)
            for policy in portion
        }
        for index, statements in enumerate(policies):
            managed_policy(
                self,
                names.part(names.OPERATOR_POLICY, index + 1),
                description=_DESCRIPTION,
                statements=statements,
                groups=[group_of[index]] if group_of else (),
                roles=existing_roles(deployment.operators),
                users=() if self.groups else self.users,
            )

    def _build_denial(self, deployment: Deployment) -> None:
        """What keeps runbooks without a role from the permissions of the people who start them: of
        IAM users always, of existing roles where the deployment says so; a permission set can name
        the policy."""
        roles = never_lending_roles(deployment.operators)
        named = any(isinstance(person, PermissionSet) for person in deployment.operators)
        if self.users or roles or named:
            managed_policy(
                self,
                names.OPERATOR_DENY_POLICY,
                description=_DENIAL_DESCRIPTION,
                statements=NEVER_LEND,
                groups=self.groups[:1],
                roles=roles,
                users=() if self.groups else self.users,
            )
