"""What a runbook's steps need of IAM, derived from each step's action and inputs.

A step whose calls cannot be seen from its action and inputs declares its needs in the sidecar
beside the document; undeclared, it is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from delegation import names
from delegation.errors import DelegationError

_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One IAM action that one step needs."""

    step: str
    """The step's name."""
    action: str
    """``service:Action``."""
    resource: str
    """``instance/*`` and the like: the last part of an EC2 ARN; an ARN; or ``*``."""
    why: str
    """What the step calls it for."""
    source: str
    """Where that is documented, or the sidecar that declares it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredNeed:
    """What a sidecar says that one step needs."""

    step: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    file: str

    @classmethod
    def read(cls, entry: object, file: str) -> "DeclaredNeed":
        """The declared need of a sidecar's entry; raises DelegationError for a malformed one."""
        keys = {"step", "actions", "resources", "why"}
        if not isinstance(entry, dict) or set(map(str, entry)) != keys:
            raise DelegationError(
                f"{file}: a declared need has exactly the keys {', '.join(sorted(keys))}; "
                f"found {entry!r}"
            )
        for key in ("actions", "resources"):
            if not isinstance(entry[key], list):
                raise DelegationError(f"{file}: {key} of step {entry['step']!r} is not a list")
        if bool(entry["actions"]) != bool(entry["resources"]):
            raise DelegationError(
                f"{file}: step {entry['step']!r} declares actions without resources or the "
                f"reverse; a step that calls nothing has two empty lists"
            )
        for action in entry["actions"]:
            if not isinstance(action, str) or not _ACTION.fullmatch(action):
                raise DelegationError(
                    f"{file}: action {action!r} of step {entry['step']!r} is not service:Action "
                    f"spelled out, without wildcards"
                )
        for resource in entry["resources"]:
            if resource != "*" and not names.is_arn(resource):
                raise DelegationError(
                    f"{file}: resource {resource!r} of step {entry['step']!r} is neither * nor an "
                    f"ARN (arn:${{AWS::Partition}}:SERVICE:${{AWS::Region}}:${{AWS::AccountId}}:…)"
                )
        if not isinstance(entry["why"], str) or not entry["why"].strip():
            raise DelegationError(f"{file}: step {entry['step']!r} declares needs without a why")
        return cls(
            step=str(entry["step"]),
            actions=tuple(entry["actions"]),
            resources=tuple(entry["resources"]),
            why=entry["why"],
            file=file,
        )


def needs_of(
    content: Mapping[str, Any], declared: Iterable[DeclaredNeed], file: str
) -> tuple[Need, ...]:
    """What the steps of a document need, derived where the action tells, else as declared."""
    by_step: dict[str, list[DeclaredNeed]] = {}
    for need in declared:
        by_step.setdefault(need.step, []).append(need)
    found: list[Need] = []
    for step in _steps(content, file):
        own = by_step.pop(step["name"], [])
        derived = _derive(step, file)
        if derived is None and not own:
            raise DelegationError(
                f"{file}: step {step['name']!r}: what {step['action']!r} calls cannot be derived; "
                f"declare its needs in the .delegation.yaml beside it"
            )
        if derived is not None and own:
            raise DelegationError(
                f"{own[0].file}: declares needs of step {step['name']!r}, which are derived from "
                f"its action {step['action']!r}; remove them"
            )
        found += derived if derived is not None else _declared(step["name"], own)
    for name, orphans in by_step.items():
        raise DelegationError(f"{orphans[0].file}: declares needs of {name!r}, no step of {file}")
    return tuple(found)


def _steps(content: Mapping[str, Any], file: str) -> list[dict[str, Any]]:
    steps = content.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        raise DelegationError(f"{file}: mainSteps is not a list of at least one step")
    seen: set[str] = set()
    for number, step in enumerate(steps, start=1):
        if not isinstance(step, dict):
            raise DelegationError(f"{file}: step {number} is {step!r}, not an object of fields")
        for key in ("name", "action"):
            if not isinstance(step.get(key), str) or not step[key]:
                raise DelegationError(f"{file}: step {number} has no {key}")
        if not isinstance(step.get("inputs", {}), dict):
            raise DelegationError(
                f"{file}: step {step['name']!r}: inputs is {step['inputs']!r}, not an object"
            )
        if step["name"] in seen:
            raise DelegationError(f"{file}: step name {step['name']!r} stands twice")
        seen.add(step["name"])
    return steps


def _derive(step: Mapping[str, Any], file: str) -> list[Need] | None:
    """The needs that the action and inputs tell; None where they do not."""
    if step["action"] in _CALL_NOTHING:
        return []
    if step["action"] == "aws:approve":
        return _approve(step, file)
    if step["action"] == "aws:changeInstanceState":
        return _change_instance_state(step, file)
    return None


_CALL_NOTHING = ("aws:branch", "aws:pause", "aws:sleep", "aws:updateVariable")


def _approve(step: Mapping[str, Any], file: str) -> list[Need]:
    """A message to the topic that asks for the approval, where one is named."""
    topic = _inputs(step).get("NotificationArn")
    if topic is None:
        return []
    if not names.is_arn(topic):
        raise DelegationError(
            f"{file}: step {step['name']!r}: NotificationArn is {topic!r}; "
            f"an SNS topic's ARN, spelled out"
        )
    return [
        Need(
            step=step["name"],
            action="sns:Publish",
            resource=topic,
            why="aws:approve tells the approvers",
            source="Systems Manager User Guide, aws:approve",
        )
    ]


_STATE_CALLS = {
    "running": ("ec2:StartInstances",),
    "stopped": ("ec2:StopInstances",),
    "terminated": ("ec2:TerminateInstances",),
}


def _change_instance_state(step: Mapping[str, Any], file: str) -> list[Need]:
    """The call that changes the state, and the polling until the instances are in it."""
    inputs = _inputs(step)
    state, check_only = inputs.get("DesiredState"), inputs.get("CheckStateOnly", False)
    if not isinstance(state, str) or state not in _STATE_CALLS:
        raise DelegationError(
            f"{file}: step {step['name']!r}: DesiredState is {state!r}; "
            f"one of {', '.join(_STATE_CALLS)}, spelled out"
        )
    changes = () if str(check_only).lower() == "true" else _STATE_CALLS[state]
    calls = [
        (action, "instance/*", f"aws:changeInstanceState brings instances to {state}")
        for action in changes
    ]
    polling = "aws:changeInstanceState awaits the state; the call has no resource-level permission"
    return [
        Need(
            step=step["name"],
            action=action,
            resource=resource,
            why=why,
            source="Systems Manager User Guide, aws:changeInstanceState; "
            "Service Authorization Reference, Amazon EC2",
        )
        for action, resource, why in [*calls, ("ec2:DescribeInstanceStatus", "*", polling)]
    ]


def _declared(step: str, declared: Iterable[DeclaredNeed]) -> list[Need]:
    return [
        Need(step=step, action=action, resource=resource, why=entry.why, source=entry.file)
        for entry in declared
        for action in entry.actions
        for resource in entry.resources
    ]


def _inputs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs: Mapping[str, Any] = step.get("inputs", {})
    return inputs
