"""GroupAccess: people of one part who hold the same policies, by a group, by roles, or by name."""

from collections.abc import Callable, Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.people import Person, iam_users
from delegation.policies.statements import Statement
from stacks.access.console_user import ConsoleUser
from stacks.access.managed_policy import managed_policy, own_path


def own_group(scope: Construct, id_: str, name: str, deployment: Deployment) -> iam.CfnGroup:
    """A group under its name in the account."""
    named = deployment.naming.named(name)
    return iam.CfnGroup(scope, id_, group_name=named, path=own_path(deployment))


class GroupAccess(Construct):
    """The policies for approvers or for auditors of each team, with the users that they are."""

    groups: tuple[iam.CfnGroup, ...]
    """The group of each team that has IAM users."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        cli_group: iam.CfnGroup | None,
        people: Mapping[str, Sequence[Person]],
        group_name: str,
        policy_name: str,
        description: str,
        policies: Callable[[str], Sequence[Sequence[Statement]]],
    ) -> None:
        """``people`` by the name of their team, as ``policies`` takes it, which returns the
        statements of each; the names of its policies and group end in it."""
        super().__init__(scope, id_)
        groups = {
            team: own_group(self, f"Group{team}", names.of_team(group_name, team), deployment)
            for team, members in people.items()
            if iam_users(members)
        }
        self.groups = tuple(groups.values())
        folder = Construct(self, "Users")
        for user in dict.fromkeys(user for of in people.values() for user in iam_users(of)):
            ConsoleUser(
                folder,
                names.construct_id(user),
                user_name=user,
                groups=[groups[team] for team, of in people.items() if user in iam_users(of)],
                cli_group=cli_group,
                deployment=deployment,
            )
        for team, members in people.items():
            for number, statements in enumerate(policies(team), start=1):
                managed_policy(
                    self,
                    names.part(names.of_team(policy_name, team), number),
                    deployment=deployment,
                    description=description,
                    statements=statements,
                    groups=[groups[team]] if team in groups else (),
                    people=members,
                )
