"""What EventBridge Scheduler may do for a deployment, and who may see its schedules."""

from collections.abc import Iterable
from typing import Any

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.teams import Team
from delegation.policies.quotas import portions
from delegation.policies.statements import PolicyDocument, Statement, substituted, trust_policy

_SAR = "Service Authorization Reference, AWS Systems Manager"
_SCHEDULER = "Service Authorization Reference, Amazon EventBridge Scheduler"
_START = "ssm:StartAutomationExecution"


def group_name(deployment: Deployment) -> str:
    """The name of the group that holds the schedules, in each Region."""
    return deployment.naming.named(names.SCHEDULE_GROUP)


def queue_name(deployment: Deployment) -> str:
    """The name of the queue of what was not started, and of the alarm on it."""
    return deployment.naming.named(names.NOT_STARTED)


def schedule_trust(deployment: Deployment) -> PolicyDocument:
    """Who may assume the role of schedules: EventBridge Scheduler, for the deployment's group.

    Source: EventBridge Scheduler User Guide, Cross-service confused deputy prevention.
    """
    group = f"schedule-group/{group_name(deployment)}"
    groups = tuple(names.schedule_arn(group, region) for region in deployment.arn_regions)
    return trust_policy(
        "LetSchedulerAssume",
        {"Service": names.SCHEDULER_SERVICE},
        conditions=(
            ("StringEquals", "aws:SourceAccount", "${AWS::AccountId}"),
            ("StringEquals", "aws:SourceArn", groups),
        ),
    )


def schedule_policies(deployment: Deployment) -> tuple[tuple[Statement, ...], ...]:
    """What the role of schedules may do, as the statements of one managed policy each: start what
    schedules start, and report what was not started."""
    started = tuple(dict.fromkeys(schedule.starts for schedule in deployment.schedules))
    if not started:
        return ()
    first = _everything(deployment)
    return tuple(
        (*(() if number else first), _starting(deployment, runbooks))
        for number, runbooks in enumerate(
            portions(
                started,
                lambda runbooks: (_starting(deployment, runbooks),),
                lambda runbook: _arns(deployment, [runbook]),
                first=first,
            )
        )
    )


def _everything(deployment: Deployment) -> tuple[Statement, ...]:
    regions = deployment.arn_regions
    return (
        Statement(
            sid="StartExecutions",
            actions=(_START,),
            resources=tuple(names.ssm_arn("automation-execution/*", r) for r in regions),
            why="a start needs the execution as well as the document; its id is made at the start",
            source=_SAR,
        ),
        Statement(
            sid="ReportWhatWasNotStarted",
            actions=("sqs:SendMessage",),
            resources=tuple(names.queue_arn(queue_name(deployment), r) for r in regions),
            why="what was refused or failed until the last try goes to the dead-letter queue",
            source="EventBridge Scheduler User Guide, Configuring a dead-letter queue",
        ),
    )


def _starting(deployment: Deployment, runbooks: Iterable[str]) -> Statement:
    return Statement(
        sid="StartScheduledRunbooks",
        actions=(_START,),
        resources=_arns(deployment, runbooks),
        why="the runbooks that schedules start, every version of them, and no other",
        source=_SAR,
    )


def _arns(deployment: Deployment, runbooks: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        names.ssm_arn(resource, region)
        for runbook in runbooks
        for resource in (f"document/{runbook}", f"automation-definition/{runbook}:*")
        for region in deployment.arn_regions
    )


def seeing_schedules(deployment: Deployment, team: Team) -> tuple[Statement, ...]:
    """What lets operators see when their runbooks are started; nothing without a schedule."""
    mine = [each.name for each in deployment.schedules if each.starts in team.runbooks]
    if not mine:
        return ()
    group = group_name(deployment)
    return (
        Statement(
            sid="ListSchedules",
            actions=("scheduler:ListSchedules",),
            resources=("*",),
            why="which schedules there are; the list call has no resource-level permission",
            source=_SCHEDULER,
        ),
        Statement(
            sid="ReadSchedules",
            actions=("scheduler:GetSchedule",),
            resources=tuple(
                names.schedule_arn(f"schedule/{group}/{name}", region)
                for name in mine
                for region in deployment.arn_regions
            ),
            why="when the team's runbooks are started next",
            source=_SCHEDULER,
        ),
    )


def queue_policy(queue: str) -> dict[str, Any]:
    """What refuses whatever comes to the queue, or is read from it, unencrypted."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RefuseWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": substituted(queue),
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
