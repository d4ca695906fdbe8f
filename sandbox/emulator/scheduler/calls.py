"""Calls of EventBridge Scheduler: judged on the schedule's group, refused as AWS refuses them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ministack.services import scheduler

from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import Check, arn
from sandbox.emulator.scheduler.occurrences import refusal

_ON_SCHEDULES = ("CreateSchedule", "UpdateSchedule", "GetSchedule", "DeleteSchedule")
_PASSING = ("CreateSchedule", "UpdateSchedule")


def schedule_checks(call: Call) -> list[Check]:
    """The schedule in its group, and the role that it is given."""
    if call.operation not in _ON_SCHEDULES:
        return []
    named = call.parameters.get("GroupName") or (call.query.get("groupName") or ["default"])[0]
    name = unquote(call.path.rsplit("/", 1)[-1])
    schedule = arn("scheduler", f"schedule/{named}/{name}")
    checks = [Check(action=f"scheduler:{call.operation}", resource=schedule)]
    role = (call.parameters.get("Target") or {}).get("RoleArn")
    if call.operation in _PASSING and role:
        passed = {"iam:PassedToService": "scheduler.amazonaws.com"}
        checks.append(Check(action="iam:PassRole", resource=role, context=passed))
    return checks


_create, _update = scheduler._create_schedule, scheduler._update_schedule


def create_schedule(name: str, body: Mapping[str, Any]) -> Any:
    """Makes a schedule, if its expression and time zone are such."""
    return _refused(body) or _create(name, body)


def update_schedule(name: str, body: Mapping[str, Any]) -> Any:
    """Changes a schedule, if its expression and time zone are such."""
    return _refused(body) or _update(name, body)


def _refused(body: Mapping[str, Any]) -> Any:
    message = refusal(body) if body.get("ScheduleExpression") else ""
    return scheduler._error(400, "ValidationException", message) if message else None
