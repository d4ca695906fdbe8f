"""Whether what starts by itself is what was synthesized, and whether it was started."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from account.aws import Aws
from account.expected import Expected, canonical
from account.findings import Finding, Harm, guarded
from review.templates.resource_types import QUEUE, SCHEDULE, SCHEDULE_GROUP
from review.templates.resources import Resource

_BY_HAND = "somebody changed it by hand"
_DEPLOY = "make diff, then make deploy"
_REVERT = "deploy its stack again after a change, or revert it by hand"
_DEFAULTS = {"ScheduleExpressionTimezone": "UTC", "State": "ENABLED"}
_WHEN = (
    *("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "State"),
    "FlexibleTimeWindow",
)


def check_schedules(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each schedule that differs, is missing or is of no template, and for starts
    that were not made."""
    for resource in expected.of_type(SCHEDULE, SCHEDULE_GROUP, QUEUE):
        what = f"{resource.logical_id} of {resource.template.stack} in {resource.region}"
        yield from guarded(what, _CHECKS[resource.type](aws, expected, resource))


def _check_schedule(aws: Aws, _: Expected, schedule: Resource) -> Iterator[Finding]:
    where = f"schedule {schedule.name} in {schedule.region}"
    found = aws.read(
        "scheduler",
        "get_schedule",
        region=schedule.region,
        Name=schedule.name,
        GroupName=schedule.get("GroupName"),
    )
    if found is None:
        yield _missing(where)
        return
    if canonical(_target(found["Target"])) != canonical(_target(schedule.get("Target"))):
        what = f"{where} starts something else than synthesized, or otherwise"
        yield Finding(Harm.ACCESS, what, _BY_HAND, _REVERT)
    for name in _WHEN:
        becomes, wanted = (
            _comparable(of.get(name, _DEFAULTS.get(name))) for of in (found, schedule)
        )
        if becomes != wanted:
            what = f"{where} has {name} {becomes or 'none'}, not {wanted or 'none'}"
            yield Finding(Harm.FUNCTION, what, _BY_HAND, _REVERT)


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target, its numbers as numbers: a template may have them as text."""
    policy = {name: int(value) for name, value in (target.get("RetryPolicy") or {}).items()}
    return {**target, "RetryPolicy": policy}


def _comparable(value: Any) -> Any:
    """A time as the templates write it; anything else as it is."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value


def _check_group(aws: Aws, expected: Expected, group: Resource) -> Iterator[Finding]:
    known = {
        schedule.name
        for schedule in expected.of_type(SCHEDULE)
        if (schedule.region, schedule.get("GroupName")) == (group.region, group.name)
    }
    listed = aws.listed(
        "scheduler", "list_schedules", "Schedules", region=group.region, GroupName=group.name
    )
    for name in sorted({str(each["Name"]) for each in listed} - known):
        yield Finding(
            Harm.ACCESS,
            f"schedule {name} in {group.region} is in the group {group.name}, whose schedules "
            f"start runbooks, and of no template",
            "somebody made it by hand",
            f"aws scheduler delete-schedule --group-name {group.name} --name {name} "
            f"--region {group.region}",
        )


def _check_queue(aws: Aws, _: Expected, queue: Resource) -> Iterator[Finding]:
    where = f"queue {queue.name} in {queue.region}"
    found = aws.read("sqs", "get_queue_url", region=queue.region, QueueName=queue.name)
    if found is None:
        yield _missing(where)
        return
    answer = aws.read(
        "sqs",
        "get_queue_attributes",
        region=queue.region,
        QueueUrl=found["QueueUrl"],
        AttributeNames=("ApproximateNumberOfMessages",),
    )
    count = int((answer or {}).get("Attributes", {}).get("ApproximateNumberOfMessages", 0))
    if count:
        yield Finding(
            Harm.FUNCTION,
            f"{where} holds {count} {'start' if count == 1 else 'starts'} of schedules that "
            f"EventBridge Scheduler gave up",
            "the runbook was not there, or its role might not start it",
            f"aws sqs receive-message --queue-url {found['QueueUrl']} "
            f"--message-attribute-names All --region {queue.region}",
        )


_CHECKS = {SCHEDULE: _check_schedule, SCHEDULE_GROUP: _check_group, QUEUE: _check_queue}


def _missing(what: str) -> Finding:
    cause = "it was deleted, or never deployed"
    return Finding(Harm.FUNCTION, f"{what} does not exist", cause, _DEPLOY)
