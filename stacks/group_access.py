"""GroupAccess: people of one part who hold one policy, by a group, by their roles, or by name."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.people import Person, existing_roles, iam_users
from delegation.policies.statements import Statement
from stacks.console_user import ConsoleUser
from stacks.managed_policy import managed_policy


class GroupAccess(Construct):
    """A policy for approvers or for auditors, with the users that they are."""

    groups: tuple[iam.CfnGroup, ...] = ()
    """The group; none without IAM users."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        people: Sequence[Person],
        group_name: str,
        policy_name: str,
        description: str,
        statements: Sequence[Statement],
    ) -> None:
        super().__init__(scope, id_)
        users = iam_users(people)
        if users:
            self.groups = (iam.CfnGroup(self, "Group", group_name=group_name),)
        folder = Construct(self, "Users")
        for user in users:
            ConsoleUser(
                folder,
                names.construct_id(user),
                user_name=user,
                groups=self.groups,
                boundary=deployment.company_boundary,
            )
        managed_policy(
            self,
            policy_name,
            description=description,
            statements=statements,
            groups=self.groups,
            roles=existing_roles(people),
        )
