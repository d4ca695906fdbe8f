"""What an operator may do who follows their own executions alone: a start carries tags.

Untried on AWS. Source: Systems Manager User Guide, identity-based policies, *Must provide a
specific tag parameter for the automation execution*; the AWS managed policy
AWSQuickSetupManagedInstanceProfileExecutionPolicy, which starts under the same conditions.
"""

from delegation.deployment.teams import Team
from delegation.policies.statements import Conditions, Statement
from delegation.runbooks.document_tags import TEAM

STARTED_BY = "StartedBy"
"""The tag of an execution with the user id of its starter, as ``sts:GetCallerIdentity``
answers it: ``AIDA…`` of a user, ``AROA…:SESSION`` of a role."""
_SELF = "${!aws:userid}"
SOURCE = (
    "Systems Manager User Guide, identity-based policies; the AWS managed policy "
    "AWSQuickSetupManagedInstanceProfileExecutionPolicy"
)


def statements(executions: tuple[str, ...], team: Team) -> tuple[Statement, ...]:
    """To start, follow and stop executions as one's own, and to take nobody else's over."""
    tagged = tuple(
        ("StringEquals", f"{key}/{tag}", value)
        for key in ("aws:RequestTag", "aws:ResourceTag")
        for tag, value in ((STARTED_BY, _SELF), (TEAM, team.execution_tag))
    )
    return (
        Statement(
            sid="StartOwnExecutions",
            actions=("ssm:StartAutomationExecution",),
            resources=executions,
            conditions=tagged,
            why="a start needs the execution as well as the document, here with the tags of its "
            "starter and team; its id is made at the start",
            source=SOURCE,
        ),
        Statement(
            sid="TagOwnExecutions",
            actions=("ssm:AddTagsToResource",),
            resources=executions,
            conditions=(*tagged, ("ForAllValues:StringEquals", "aws:TagKeys", (STARTED_BY, TEAM))),
            why="a start with tags needs it",
            source=SOURCE,
        ),
        Statement(
            sid="NeverTakeExecutionsOver",
            effect="Deny",
            actions=("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"),
            resources=executions,
            conditions=(("StringNotEquals", f"aws:ResourceTag/{STARTED_BY}", _SELF),),
            why="tags say whose an execution is; it keeps them, whatever else grants a change",
            source=SOURCE,
        ),
        Statement(
            sid="FollowAndStopOwnExecutions",
            actions=("ssm:GetAutomationExecution", "ssm:StopAutomationExecution"),
            resources=executions,
            conditions=(("StringEquals", f"aws:ResourceTag/{STARTED_BY}", _SELF),),
            why="follow an own run step by step, and end it; execution ids are made at run time",
            source=SOURCE,
        ),
    )


def started_by(team: Team) -> Conditions:
    """That a start gives the tag of a team."""
    return (("StringEquals", f"aws:RequestTag/{TEAM}", team.execution_tag),)


def of_team(team: Team) -> Conditions:
    """That an execution is of a team's operators."""
    return (("StringEquals", f"aws:ResourceTag/{TEAM}", team.execution_tag),)
