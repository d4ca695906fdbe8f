"""The limits that an administrator sets on a service role, and what they make of its runbooks.

Which instances is a matter of IAM: a condition of the role's boundary. How many, who approves and
when are matters of the document as it is deployed: ``maxItems``, and steps before the first.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from aws_facts.partitions import CONSOLE_HOSTS
from delegation import names
from delegation.deployment.limit_tags import tags_in_words
from delegation.deployment.people import approver_arn
from delegation.deployment.service_roles import FleetRole, ServiceRole
from delegation.policies.statements import substituted
from delegation.runbooks.checks.references import whole_reference
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.checks.types import plain
from delegation.runbooks.permissions import Need
from delegation.runbooks.permissions.arns import document_arn
from delegation.runbooks.runbook import Runbook

APPROVAL_STEP = "approveRun"
CALENDAR_STEP = "assertCalendarIsOpen"
REASON = "Reason"
"""The parameter that says why a run is started."""

_INSTANCE_TYPE = "AWS::EC2::Instance::Id"
_INSTANCE_INPUTS = ("InstanceIds", "InstanceId", "Iterators")
APPROVAL_SECONDS = 7 * 24 * 3600
"""How long an approval is awaited. Source: Systems Manager User Guide, aws:approve."""


def deployed_content(
    runbook: Runbook, role: ServiceRole, naming: names.Naming, partition: str
) -> dict[str, Any]:
    """A runbook's document as it is deployed: under its role, within the role's limits; in this
    partition, where that is known."""
    content = dict(runbook.content)
    content["assumeRole"] = substituted(naming.role_arn(role.name))
    if runbook.name not in role.runbooks:
        return content  # of a target, whose fleet has limits of its own
    if role.at_most_instances is not None:
        content["parameters"] = _limited_parameters(runbook, role.at_most_instances)
    if role.require_reason:
        content["parameters"] = {**content.get("parameters", {}), REASON: _reason(role)}
    if first := [*approval_steps(runbook, role, naming, partition), *calendar_steps(role)]:
        content["mainSteps"] = [*first, *runbook.content["mainSteps"]]
    return content


def required_parameters(runbook: Runbook, role: ServiceRole) -> tuple[str, ...]:
    """The parameters that anyone who starts a runbook under its role has to give."""
    return (*runbook.required_parameters, *((REASON,) if role.require_reason else ()))


def needs_of_role(role: ServiceRole, runbooks: Mapping[str, Runbook]) -> tuple[Need, ...]:
    """What the steps of a service role's runbooks need, runbook by runbook."""
    return tuple(need for _, need in needs_by_runbook(role, runbooks))


def needs_by_runbook(
    role: ServiceRole, runbooks: Mapping[str, Runbook]
) -> Iterator[tuple[str, Need]]:
    """Each need of a service role with the name of the runbook that has it."""
    for name in role.documents:
        is_limited = name in role.runbooks
        if role.approval_topic is not None and is_limited:
            yield name, _notification_need(role.approval_topic)
        if role.calendar is not None and is_limited:
            yield name, _calendar_need(role.calendar)
        for need in runbooks[name].needs:
            yield name, need


def approval_steps(
    runbook: Runbook, role: ServiceRole, naming: names.Naming, partition: str
) -> list[dict[str, Any]]:
    """The step that waits for the approvers; none without an approval."""
    if role.approval is None:
        return []
    topic = role.approval_topic
    return [
        {
            "name": APPROVAL_STEP,
            "action": "aws:approve",
            "timeoutSeconds": APPROVAL_SECONDS,
            "onFailure": "Abort",
            "inputs": {
                "Message": _message(runbook, role, partition),
                "MinRequiredApprovals": role.approval.at_least,
                "Approvers": [
                    substituted(approver_arn(person, naming)) for person in role.approval.by
                ],
                **({"NotificationArn": substituted(_topic(topic))} if topic else {}),
            },
        }
    ]


def _message(runbook: Runbook, role: ServiceRole, partition: str) -> str:
    """What approvers get: what waits and why, what limits it, where to see and answer it; the link
    where the partition is known.

    Source: Systems Manager User Guide, Automation system variables; the console's own links.
    """
    reason = f": {{{{ {REASON} }}}}" if role.require_reason else ""
    id_, region = "{{ automation:EXECUTION_ID }}", "{{ global:REGION }}"
    lines = [
        f"{runbook.name} waits for your approval{reason}",
        *(f"Limit: {limit}" for limit in _limits_in_words(runbook, role)),
        f"See and answer it: operate approve {id_} --region {region}",
    ]
    if host := CONSOLE_HOSTS.get(partition):
        page = f"systems-manager/automation/execution/{id_}?region={region}"
        lines.append(f"In the console: https://{region}.{host}/{page}")
    return "\n".join(lines)


def _limits_in_words(runbook: Runbook, role: ServiceRole) -> Iterator[str]:
    """What holds an execution that is approved."""
    if isinstance(role, FleetRole):
        yield str(runbook.content["description"])
    if tags := tags_in_words(role.instance_tags):
        yield f"only instances with the tag {tags}"
    if role.at_most_instances is not None:
        yield f"at most {role.at_most_instances} instances at a time"
    if role.calendar is not None:
        yield f"only while the Change Calendar {role.calendar} is open"


def calendar_steps(role: ServiceRole) -> list[dict[str, Any]]:
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


def _topic(name: str) -> str:
    """The topic in the Region of the stack."""
    return names.topic_arn(name, names.ANY_REGION)


def _notification_need(topic: str) -> Need:
    return Need(
        step=APPROVAL_STEP,
        action="sns:Publish",
        resource=_topic(topic),
        why="approvers get the message of the approval step",
        source="Systems Manager User Guide, aws:approve, NotificationArn",
    )


def _calendar_need(calendar: str) -> Need:
    return Need(
        step=CALENDAR_STEP,
        action="ssm:GetCalendarState",
        resource=document_arn(calendar),
        why="the run begins only while the Change Calendar is open",
        source="Systems Manager User Guide, Change Calendar; Service Authorization Reference",
    )


def _reason(role: ServiceRole) -> dict[str, Any]:
    return {
        "type": "String",
        "description": "(Required) Why this is run",
        "allowedPattern": role.reason_pattern,
    }


def _limited_parameters(runbook: Runbook, most: int) -> dict[str, Any]:
    """The parameters, those that list instances with ``maxItems``."""
    limited = {}
    for name, field in runbook.content["parameters"].items():
        if is_list(field) and name in instance_parameters(runbook.content):
            field = {**field, "maxItems": min(most, field.get("maxItems", most))}
        limited[name] = field
    return limited


def is_list(field: Mapping[str, Any]) -> bool:
    """Whether a parameter takes several values."""
    return plain(field["type"]) == "StringList"


def instance_parameters(content: Mapping[str, Any]) -> set[str]:
    """The parameters that name instances: by their type, or by the inputs that take them."""
    parameters = content.get("parameters", {})
    typed = {name for name, field in parameters.items() if _INSTANCE_TYPE in field["type"]}
    used = {
        reference
        for step in named_steps(content)
        for name in _INSTANCE_INPUTS
        for value in elements(step.inputs.get(name))
        if (reference := whole_reference(value)) in parameters
    }
    return typed | {name for name in used if name is not None}


def elements(value: object) -> list[Any]:
    """A list's elements, or the value alone."""
    return value if isinstance(value, list) else [value]
