"""Schedules of templates: what EventBridge Scheduler starts, when, as which role."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from review.errors import ReviewError
from review.iam.statements import read_policy
from review.templates.files import parse_json
from review.templates.resource_types import (
    ALARM,
    QUEUE,
    QUEUE_POLICY,
    SCHEDULE,
    SCHEDULE_GROUP,
)
from review.templates.resources import Resource

_TARGET = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"}
_OFF = {"Mode": "OFF"}
_OF_SCHEDULES = (SCHEDULE, SCHEDULE_GROUP, QUEUE, QUEUE_POLICY, ALARM)


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Schedule:
    """A schedule that starts a runbook."""

    name: str
    group: str
    region: str
    starts: str
    """The name of the document."""
    role: str
    """The ARN of the role that starts it."""
    at: str
    """The expression with its time zone."""
    between: str
    """From when until when; empty for always."""
    is_on: bool
    undelivered: str
    """The ARN of the queue of what was not started; empty for none."""

    @property
    def resource(self) -> str:
        """The end of its ARN."""
        return f"schedule/{self.group}/{self.name}"

    @property
    def title(self) -> str:
        """As sentences name it."""
        return f"schedule {self.name} in {self.region}"


def read_schedules(resources: Iterable[Resource]) -> tuple[Schedule, ...]:
    """The schedules; ReviewError for one that calls anything else, or gives more than the name of a
    document, and for a queue that lets anybody in."""
    return tuple(_read(resources))


def _read(resources: Iterable[Resource]) -> Iterator[Schedule]:
    for resource in resources:
        if resource.type in _OF_SCHEDULES:
            for name in resource.properties:
                resource.get(name)  # refused where it refers to what is not there
        if resource.type == QUEUE_POLICY:
            _refuse_allows(resource)
        if resource.type == SCHEDULE:
            yield _schedule(resource)


def _schedule(resource: Resource) -> Schedule:
    environment = resource.template.environment
    target = _object(resource, "Target", resource.get("Target"))
    if unknown := sorted(target.keys() - _TARGET):
        raise ReviewError(
            f"{resource.where}: the review does not know what {unknown[0]} of a target does "
            f"(review/model/schedules.py)"
        )
    start = f"arn:{environment.partition}:scheduler:::aws-sdk:ssm:startAutomationExecution"
    if target.get("Arn") != start:
        raise ReviewError(
            f"{resource.where}: the review does not know what a schedule does by "
            f"{target.get('Arn')}; it knows {start} (review/model/schedules.py)"
        )
    given = _object(resource, "Input", parse_json(resource.where, str(target.get("Input"))))
    if given.keys() != {"DocumentName"}:
        raise ReviewError(
            f"{resource.where}: a schedule gives {', '.join(sorted(given)) or 'nothing'}; the "
            f"review knows those that give DocumentName and nothing else"
        )
    if resource.get("FlexibleTimeWindow") != _OFF:
        raise ReviewError(f"{resource.where}: FlexibleTimeWindow is not {_OFF}")
    dead = _object(resource, "DeadLetterConfig", target.get("DeadLetterConfig") or {})
    times = [str(resource.get(name) or "") for name in ("StartDate", "EndDate")]
    state = resource.get("State", "ENABLED")
    if state not in ("ENABLED", "DISABLED"):
        raise ReviewError(f"{resource.where}: State is {state!r}")
    return Schedule(
        name=resource.name,
        group=str(resource.get("GroupName", "default")),
        region=resource.region,
        starts=str(given["DocumentName"]),
        role=str(target.get("RoleArn")),
        at=f"{resource.get('ScheduleExpression')} "
        f"{resource.get('ScheduleExpressionTimezone', 'UTC')}",
        between="/".join(times) if any(times) else "",
        is_on=state == "ENABLED",
        undelivered=str(dead.get("Arn", "")),
    )


def _object(resource: Resource, what: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReviewError(f"{resource.where}: {what} is {value!r}, not an object")
    return value


def _refuse_allows(resource: Resource) -> None:
    policy = read_policy(resource.where, resource.get("PolicyDocument"), of_a_resource=True)
    if any(statement.allows for statement in policy.statements):
        raise ReviewError(
            f"{resource.where}: a policy of a queue lets somebody in, whose messages nobody has "
            f"evaluated (review/model/schedules.py)"
        )
