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
from delegation.model import key_region
from delegation.statements import Conditions, Statement

_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")
_PLACEHOLDER = re.compile(r"\$\{AWS::(Partition|Region|AccountId)\}")
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*-]*:[0-9*]*:[^${}]+")
"""An ARN once its placeholders are filled with ``x`` (``0`` for the account)."""


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
            if resource != "*" and not _is_arn(resource):
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


def boundary_statements(needs: Iterable[Need], regions: Iterable[str]) -> tuple[Statement, ...]:
    """The statements that allow exactly these needs, one for each service and kind of resource."""
    regions = tuple(regions)
    grouped: dict[tuple[str, str], list[Need]] = {}
    for need in needs:
        grouped.setdefault((need.action.split(":")[0], need.resource), []).append(need)
    statements: dict[str, Statement] = {}
    for (service, resource), group in sorted(grouped.items()):
        sid = _unused_sid(f"Use{names.construct_id(service)}{_kind(resource)}", statements)
        statements[sid] = Statement(
            sid=sid,
            actions=tuple(sorted({need.action for need in group})),
            resources=_arns(resource, regions),
            why="; ".join(dict.fromkeys(need.why for need in group)),
            source="; ".join(dict.fromkeys(need.source for need in group)),
        )
    return tuple(statements.values()) or (_NOTHING,)


_NOTHING = Statement(
    sid="UseNothing",
    effect="Deny",
    actions=("*",),
    resources=("*",),
    why="no step of the role's runbooks calls AWS, and a policy cannot be empty",
    source="IAM User Guide, Grammar of the IAM JSON policy language",
)


def volume_key_statements(keys: Iterable[str]) -> tuple[Statement, ...]:
    """What starting instances with volumes under these KMS keys needs, one statement a Region."""
    by_region: dict[str, list[str]] = {}
    for key in keys:
        by_region.setdefault(key_region(key), []).append(key)
    several = len(by_region) > 1
    statements = []
    for region, arns in sorted(by_region.items()):
        conditions: Conditions = (
            ("Bool", "kms:GrantIsForAWSResource", "true"),
            ("StringEquals", "kms:ViaService", f"ec2.{region}.${{AWS::URLSuffix}}"),
        )
        statements.append(
            Statement(
                sid="LetEc2UseVolumeKeys" + (names.construct_id(region) if several else ""),
                actions=("kms:CreateGrant",),
                resources=tuple(arns),
                conditions=conditions,
                why="EC2 attaches an encrypted volume at start under a grant that the caller gives",
                source="EBS User Guide, Requirements for Amazon EBS encryption",
            )
        )
    return tuple(statements)


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
    if not _is_arn(topic):
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


def _arns(resource: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    if resource == "*" or resource.startswith("arn:"):
        return (resource,)
    return tuple(names.ec2_arn(resource, region) for region in regions)


def _kind(resource: str) -> str:
    """``Instance`` for ``instance/*``, the kind of an ARN's resource, nothing for ``*``."""
    if resource == "*":
        return ""
    last = _filled(resource).split(":", 5)[5] if resource.startswith("arn:") else resource
    word = re.sub(r"[^A-Za-z0-9]", "", re.split(r"[/:]", last)[0])
    return word[:1].upper() + word[1:]


def _inputs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs: Mapping[str, Any] = step.get("inputs", {})
    return inputs


def _is_arn(value: object) -> bool:
    return isinstance(value, str) and _ARN.fullmatch(_filled(value)) is not None


def _filled(arn: str) -> str:
    """An ARN with something for each placeholder, so that it can be taken apart."""
    return _PLACEHOLDER.sub(lambda match: "0" if match[1] == "AccountId" else "x", arn)


def _unused_sid(sid: str, used: Iterable[str]) -> str:
    taken = set(used)
    number, candidate = 1, sid
    while candidate in taken:
        number += 1
        candidate = f"{sid}{number}"
    return candidate
