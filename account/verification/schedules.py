"""Probes of schedules: who they start a runbook as, where a failure goes, what is recorded."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from account.verification.lab import SLEEP, Json, Lab, allow
from account.verification.probe import Probe

_SOON = timedelta(seconds=5)
_UG = "EventBridge Scheduler User Guide"


def _group(lab: Lab) -> str:
    scheduler, name = lab.client("scheduler"), lab.name("Group")
    scheduler.create_schedule_group(Name=name)
    lab.later(f"schedule group {name}", scheduler.delete_schedule_group, Name=name)
    return name


def _role(lab: Lab, group: str, *statements: Json) -> str:
    """The ARN of a role that Scheduler assumes for the schedules of a group alone."""
    equals = {
        "aws:SourceArn": lab.arn("scheduler", f"schedule-group/{group}"),
        "aws:SourceAccount": lab.account,
    }
    return lab.role(statements, "scheduler.amazonaws.com", {"StringEquals": equals})


def _soon(lab: Lab, group: str, role: str, document: str, **target: Any) -> None:
    """A schedule that starts a runbook in some seconds, once."""
    at = datetime.now(UTC) + _SOON
    lab.client("scheduler").create_schedule(
        Name=lab.name("Schedule"),
        GroupName=group,
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:{lab.partition}:scheduler:::aws-sdk:ssm:startAutomationExecution",
            "RoleArn": role,
            "Input": json.dumps({"DocumentName": document}),
            **target,
        },
    )


def _starts(lab: Lab) -> str:
    group, document, ssm = _group(lab), lab.document(SLEEP), lab.client("ssm")
    started = [lab.arn("ssm", f"document/{document}"), lab.arn("ssm", "automation-execution/*")]
    role = _role(lab, group, allow("ssm:StartAutomationExecution", started))
    _soon(lab, group, role, document)
    filters = [{"Key": "DocumentNamePrefix", "Values": [document]}]

    def found() -> list[Mapping[str, Any]]:
        listed = ssm.describe_automation_executions(Filters=filters)
        return list(listed["AutomationExecutionMetadataList"])

    executions = lab.until(found, seconds=180)
    if not executions:
        return "nothing starts"
    session = f":assumed-role/{role.rsplit('/', 1)[-1]}/"
    return f"as {'its role' if session in executions[0]['ExecutedBy'] else 'somebody else'}"


def _fails(lab: Lab) -> str:
    group, (queue, arn) = _group(lab), lab.queue()
    role = _role(lab, group, allow("sqs:SendMessage", arn))
    policies = {"RetryPolicy": {"MaximumRetryAttempts": 0}, "DeadLetterConfig": {"Arn": arn}}
    _soon(lab, group, role, lab.document(SLEEP), **policies)
    return "in the queue" if lab.receives(queue, seconds=180) else "nowhere"


def _recorded(lab: Lab) -> str:
    group, trail = _group(lab), lab.client("cloudtrail")
    document = lab.document(SLEEP)
    role = _role(lab, group, allow("ssm:StartAutomationExecution"))
    _soon(lab, group, role, document)
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "CreateSchedule"}]

    def found() -> list[str]:
        events = trail.lookup_events(LookupAttributes=wanted)["Events"]
        given = (json.loads(event["CloudTrailEvent"])["requestParameters"] for event in events)
        return sorted(
            name for parameters in given for name, value in parameters.items() if value == group
        )

    return ", ".join(lab.until(found, seconds=900) or ()) or "not recorded"


SCHEDULES = (
    Probe(
        id="schedule-starts-a-runbook",
        assumption="Scheduler starts a runbook by its universal target, as a role that trusts it "
        "for the schedule's group alone",
        source=f"{_UG}, Using universal targets, Cross-service confused deputy prevention",
        call="a schedule that is due at once",
        expected="as its role",
        ask=_starts,
        minutes=4,
    ),
    Probe(
        id="start-that-fails",
        assumption="a start that AWS refuses goes to the queue, which the schedule's role may "
        "write to",
        source=f"{_UG}, Configuring a dead-letter queue",
        call="a schedule whose role may not start its runbook",
        expected="in the queue",
        ask=_fails,
        minutes=4,
    ),
    Probe(
        id="schedule-in-cloudtrail",
        assumption="CloudTrail records the group of a schedule that is made as groupName",
        source=f"{_UG}, Logging API calls using AWS CloudTrail (without an example)",
        call="CreateSchedule, then LookupEvents",
        expected="groupName",
        ask=_recorded,
        minutes=16,
    ),
)
