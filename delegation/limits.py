"""The limits that an administrator sets on a service role, and what they make of its runbooks.

Which instances is a matter of IAM: a condition of the role's boundary. How many, who approves and
when are matters of the document as it is deployed: ``maxItems``, and steps before the first.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from delegation import names
from delegation.authorization import judged_on
from delegation.check.references import whole_reference
from delegation.check.scope import named_steps
from delegation.check.types import plain
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.model import ServiceRole
from delegation.needs import Need
from delegation.needs.arns import document_arn
from delegation.people import ExistingRole
from delegation.runbooks import Runbook
from delegation.statements import substituted

APPROVAL_STEP = "approveRun"
CALENDAR_STEP = "assertCalendarIsOpen"

_INSTANCE_TYPE = "AWS::EC2::Instance::Id"
_INSTANCE_INPUTS = ("InstanceIds", "InstanceId", "Iterators")
_APPROVAL_SECONDS = 7 * 24 * 3600
"""How long an approval is awaited. Source: Systems Manager User Guide, aws:approve."""


def deployed_content(runbook: Runbook, role: ServiceRole) -> dict[str, Any]:
    """A runbook's document as it is deployed: under its role, within the role's limits."""
    content = dict(runbook.content)
    content["assumeRole"] = substituted(names.role_arn(role.name))
    if role.at_most_instances is not None:
        content["parameters"] = _limited_parameters(runbook, role.at_most_instances)
    if first := [*_approval_steps(runbook, role), *_calendar_steps(role)]:
        content["mainSteps"] = [*first, *runbook.content["mainSteps"]]
    return content


def needs_of_role(role: ServiceRole, runbooks: Mapping[str, Runbook]) -> tuple[Need, ...]:
    """What the steps of a service role's runbooks need, runbook by runbook."""
    return tuple(need for _, need in needs_by_runbook(role, runbooks))


def needs_by_runbook(
    role: ServiceRole, runbooks: Mapping[str, Runbook]
) -> Iterator[tuple[str, Need]]:
    """Each need of a service role with the name of the runbook that has it."""
    for name in role.runbooks:
        if role.calendar is not None:
            yield name, _calendar_need(role.calendar)
        for need in runbooks[name].needs:
            yield name, need


def check_role_limits(role: ServiceRole, runbooks: Mapping[str, Runbook]) -> None:
    """Raises DelegationError for a runbook that a limit of its role could not limit."""
    for name in role.runbooks:
        runbook = runbooks[name]
        most = role.at_most_instances
        if most is not None and (reason := _why_unlimited(runbook.content, most)):
            raise DelegationError(
                f"at_most_instances of service role {role.name!r} cannot limit runbook {name!r}: "
                f"{reason}; give it a role without that limit {IN_DEPLOYMENTS}"
            )
        if role.only_instances_tagged is not None:
            for need in runbook.needs:
                if _escapes_tags(need):
                    raise DelegationError(
                        f"only_instances_tagged of service role {role.name!r} cannot limit runbook "
                        f"{name!r}: step {need.step!r} needs {need.action} on {need.resource}, not "
                        f"on the ARNs of instances; narrow it, or give the runbook a role without "
                        f"that limit {IN_DEPLOYMENTS}"
                    )
        taken = {step.name for step in named_steps(runbook.content)}
        for step in (*_approval_steps(runbook, role), *_calendar_steps(role)):
            if step["name"] in taken:
                raise DelegationError(
                    f"{runbook.file}: step {step['name']!r} is called as the step that a limit of "
                    f"service role {role.name!r} puts before it; rename it"
                )


def _approval_steps(runbook: Runbook, role: ServiceRole) -> list[dict[str, Any]]:
    """The step that waits for the approvers; none without an approval."""
    if role.approval is None:
        return []
    approvers = [
        names.role_arn(person.name)
        if isinstance(person, ExistingRole)
        else names.user_arn(person.name)
        for person in role.approval.by
    ]
    return [
        {
            "name": APPROVAL_STEP,
            "action": "aws:approve",
            "timeoutSeconds": _APPROVAL_SECONDS,
            "onFailure": "Abort",
            "inputs": {
                "Message": f"{runbook.name} waits for your approval",
                "MinRequiredApprovals": role.approval.at_least,
                "Approvers": [substituted(approver) for approver in approvers],
            },
        }
    ]


def _calendar_steps(role: ServiceRole) -> list[dict[str, Any]]:
    """The step that asks the Change Calendar, after any approval: it may have taken days."""
    if role.calendar is None:
        return []
    return [
        {
            "name": CALENDAR_STEP,
            "action": "aws:assertAwsResourceProperty",
            "onFailure": "Abort",
            "inputs": {
                "Service": "ssm",
                "Api": "GetCalendarState",
                "CalendarNames": [role.calendar],
                "PropertySelector": "$.State",
                "DesiredValues": ["OPEN"],
            },
        }
    ]


def _calendar_need(calendar: str) -> Need:
    return Need(
        step=CALENDAR_STEP,
        action="ssm:GetCalendarState",
        resource=document_arn(calendar),
        why="the run begins only while the Change Calendar is open",
        source="Systems Manager User Guide, Change Calendar; Service Authorization Reference",
    )


def _limited_parameters(runbook: Runbook, most: int) -> dict[str, Any]:
    """The parameters, those that list instances with ``maxItems``."""
    limited = {}
    for name, field in runbook.content["parameters"].items():
        if _is_list(field) and name in _instance_parameters(runbook.content):
            field = {**field, "maxItems": min(most, field.get("maxItems", most))}
        limited[name] = field
    return limited


def _why_unlimited(content: Mapping[str, Any], most: int) -> str:
    """Why the number of a runbook's instances cannot be limited by its parameters; empty where
    it can."""
    named = _instance_parameters(content)
    lists = [name for name in named if _is_list(content["parameters"][name])]
    if not named:
        return "none of its parameters names instances"
    if len(lists) > 1:
        return f"{' and '.join(sorted(lists))} both list instances"
    for name in lists:
        field = content["parameters"][name]
        if field.get("minItems", 0) > most:
            return f"{name} has minItems {field['minItems']}"
        if isinstance(field.get("default"), list) and len(field["default"]) > most:
            return f"{name} has {len(field['default'])} values by default"
    for step in named_steps(content):
        if "Targets" in step.inputs:
            return f"step {step.name!r} names its instances by Targets"
        for value in _elements(step.inputs.get("InstanceIds")):
            reference = whole_reference(value)
            if reference and reference not in named and not reference.endswith(_ITERATOR):
                return f"step {step.name!r} takes its instances from {reference}"
    return ""


_ITERATOR = ".CurrentIteratorValue"


def _is_list(field: Mapping[str, Any]) -> bool:
    return plain(field["type"]) == "StringList"


def _instance_parameters(content: Mapping[str, Any]) -> set[str]:
    """The parameters that name instances: by their type, or by the inputs that take them."""
    parameters = content.get("parameters", {})
    typed = {name for name, field in parameters.items() if _INSTANCE_TYPE in field["type"]}
    used = {
        reference
        for step in named_steps(content)
        for name in _INSTANCE_INPUTS
        for value in _elements(step.inputs.get(name))
        if (reference := whole_reference(value)) in parameters
    }
    return typed | {name for name in used if name is not None}


def _elements(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _escapes_tags(need: Need) -> bool:
    """Whether a need may reach instances otherwise than by ARNs that carry their tags.

    A kind of resource that is not spelled out may be that of instances; so may every resource of
    an action that nothing is known of.
    """
    judged = judged_on(need.action)
    may_reach = judged is None or not _INSTANCE_KINDS.isdisjoint(
        (*judged.required, *judged.optional)
    )
    if need.resource == "*":
        return may_reach
    service, _, _, last = names.filled(need.resource).split(":", 5)[2:]
    kind = re.split(r"[/:]", last)[0]
    return not _PLAIN.fullmatch(service) or not _PLAIN.fullmatch(kind)


_INSTANCE_KINDS = {"instance", "managed-instance"}
_PLAIN = re.compile(r"[A-Za-z0-9-]+")
