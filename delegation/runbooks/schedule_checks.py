"""Whether a schedule may start what it names, asked before anything is synthesized."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from delegation.deployment.deployment import Deployment
from delegation.deployment.limits import APPROVAL_SECONDS, REASON
from delegation.deployment.schedules import Schedule
from delegation.deployment.service_roles import FleetRole, ServiceRole
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.runbook import Runbook

_TAKING = {"Service": "ssm", "Api": "PutParameter", "Type": "String"}
_HOLDER = "{{ automation:EXECUTION_ID }}"
_CHANGING = ("DeleteParameter", "DeleteParameters", "PutParameter")


def check_schedules(deployment: Deployment, runbooks: Mapping[str, Runbook]) -> None:
    """Raises DelegationError for a schedule that starts anything but a runbook that takes nothing
    from its start, and that runs once however often it is started."""
    roles = {name: role for role in deployment.service_roles for name in role.runbooks}
    for schedule in deployment.schedules:
        role = roles.get(schedule.starts)
        if role is None:
            raise DelegationError(
                f"schedule {schedule.name!r} starts {schedule.starts!r}, which is neither a fleet "
                f"nor a runbook of the deployment: {', '.join(roles)} {IN_DEPLOYMENTS}"
            )
        runbook = runbooks[schedule.starts]
        _check_parameters(schedule, role, runbook)
        _check_lock(schedule, role, runbook)
        _check_approval(schedule, role, deployment)


def _check_parameters(schedule: Schedule, role: ServiceRole, runbook: Runbook) -> None:
    takes = [
        *(runbook.content.get("parameters") or {}),
        *([REASON] if role.require_reason else []),
    ]
    if takes:
        raise DelegationError(
            f"schedule {schedule.name!r} starts {runbook.name!r}, which takes {', '.join(takes)}; "
            f"a schedule gives no parameters, so that nobody chooses them: name a fleet, or a "
            f"runbook without any {IN_DEPLOYMENTS}"
        )


def _check_lock(schedule: Schedule, role: ServiceRole, runbook: Runbook) -> None:
    if isinstance(role, FleetRole):
        if not role.fleet.one_at_a_time:
            raise DelegationError(
                f"schedule {schedule.name!r} starts fleet {runbook.name!r}, which may run twice at "
                f"the same time, and EventBridge Scheduler delivers at least once; leave "
                f"one_at_a_time=False out {IN_DEPLOYMENTS}"
            )
        return
    if not _has_lock(runbook.content["mainSteps"]):
        raise DelegationError(
            f"{runbook.file}: schedule {schedule.name!r} starts it, and EventBridge Scheduler "
            f"delivers at least once; make its first step a lock that its last step gives back "
            f"(docs/administrators.md, Schedules)"
        )


def _has_lock(steps: list[dict[str, Any]]) -> bool:
    """Whether the first step takes a lock, a parameter that cannot be made while it exists, and
    none but the last can give it back."""
    first, rest = steps[0], steps[1:]
    inputs = first.get("inputs") or {}
    name = str(inputs.get("Name"))
    takes = (
        first.get("action") == "aws:executeAwsApi"
        and inputs == {**_TAKING, "Name": name, "Value": _HOLDER}
        and "{{" not in name
        and first.get("onFailure", "Abort") == "Abort"
        and not {"nextStep", "isEnd", "isCritical"} & first.keys()
    )
    return takes and not any(_may_change(step, name) for step in rest[:-1]) and _ends(rest)


def _may_change(step: Mapping[str, Any], lock: str) -> bool:
    """Whether a step, or one within it, may change the parameter of a lock."""
    text = json.dumps(step)
    names_it = json.dumps(lock) in text
    changes = any(f'"Api": "{api}"' in text for api in _CHANGING)
    return changes and (names_it or "{{" in text)


def _ends(steps: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nothing comes after the last step."""
    return any("nextStep" not in step for step in [*steps][-1:])


def _check_approval(schedule: Schedule, role: ServiceRole, deployment: Deployment) -> None:
    if role.approval is None:
        return
    if deployment.own_executions:
        raise DelegationError(
            f"schedule {schedule.name!r} starts {schedule.starts!r}, which waits for approval; "
            f"with own_executions approvers answer executions with a tag of their team alone, and "
            f"those of a schedule have none: leave one of the two out {IN_DEPLOYMENTS}"
        )
    interval, awaited = schedule.shortest_interval, timedelta(seconds=APPROVAL_SECONDS)
    if interval is not None and interval < awaited:
        raise DelegationError(
            f"schedule {schedule.name!r} starts {schedule.starts!r} again after {interval}, and an "
            f"approval is awaited {awaited.days} days; start it more rarely, or leave its approval "
            f"out {IN_DEPLOYMENTS}"
        )
