"""``NAME.delegation.yaml``: what delegation has to know about a runbook beside its document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delegation import names
from delegation.files import Location, Source
from delegation.runbooks.checks.delegation_rules import is_constrained
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.rules import Rule

SIDECAR_ENDING = ".delegation.yaml"

_KEYS = ("targetType", "freeParameters", "needs")
_NEED_KEYS = ("step", "actions", "resources", "why")
_PASSED_TO = "passedTo"
_PASS_ROLE = "iam:PassRole"
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_TARGET_TYPE = re.compile(r"/[\w.:/-]{0,199}")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredNeed:
    """What a sidecar says that one step needs."""

    step: str
    actions: tuple[str, ...]
    """``service:Action``, spelled out; empty for a step that calls nothing."""
    resources: tuple[str, ...]
    """ARNs as ``Fn::Sub`` strings, or ``*``."""
    why: str
    location: Location
    """Where it stands in the sidecar."""
    passed_to: str = ""
    """Of ``iam:PassRole``: the service that the role is passed to; empty for any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sidecar:
    """A runbook's sidecar; with no file, the defaults."""

    target_type: str = "/"
    """The kind of resource that the runbook runs on; ``/`` for any.
    Source: SSM API Reference, CreateDocument, TargetType."""
    free_parameters: Mapping[str, str] = field(default_factory=dict)
    """The why of each parameter that may take any text."""
    needs: tuple[DeclaredNeed, ...] = ()


def read_sidecar(source: Source, content: Mapping[str, Any], findings: Findings) -> Sidecar:
    """The sidecar in a file, as far as it is sound; notes what is not.

    ``content`` is the document that it stands beside.
    """
    findings.add_repeated_keys()
    for key in source.content:
        if key not in _KEYS:
            findings.add_unknown(Rule.SIDECAR, (str(key),), "key of a sidecar", _KEYS)
    free = _free_parameters(source, findings)
    _check_free(free, content.get("parameters"), findings)
    return Sidecar(
        target_type=_target_type(source, findings),
        free_parameters=free,
        needs=_needs(source, findings),
    )


def _check_free(free: Mapping[str, str], parameters: object, findings: Findings) -> None:
    """Notes parameters that are freed without need: unknown ones, and constrained ones."""
    known = {str(k): v for k, v in parameters.items()} if isinstance(parameters, dict) else {}
    for name in free:
        location = ("freeParameters", name)
        if name not in known:
            findings.add(
                Rule.SIDECAR,
                location,
                "is not a parameter of the document",
                f"parameters: {listed(known) or 'none'}",
                among=known,
                like=name,
                at_key=True,
            )
        elif isinstance(known[name], dict) and is_constrained(known[name]):
            findings.add(
                Rule.SIDECAR, location, "is constrained by the document", "remove it", at_key=True
            )


def _target_type(source: Source, findings: Findings) -> str:
    value = source.content.get("targetType", "/")
    if isinstance(value, str) and _TARGET_TYPE.fullmatch(value):
        return value
    findings.add(
        Rule.SIDECAR,
        ("targetType",),
        f"is {shown_value(value)}",
        "/ and up to 199 letters, digits or _.:/-, as in /AWS::EC2::Instance",
    )
    return "/"


def _free_parameters(source: Source, findings: Findings) -> dict[str, str]:
    value = source.content.get("freeParameters", {})
    if not isinstance(value, dict):
        found = shown_value(value)
        findings.add(Rule.SIDECAR, ("freeParameters",), f"is {found}", "an object of name and why")
        return {}
    for name, why in value.items():
        if not isinstance(why, str) or not why.strip():
            findings.add(
                Rule.SIDECAR,
                ("freeParameters", str(name)),
                f"is {shown_value(why)}",
                "why the parameter may take any text",
            )
    return {str(name): str(why) for name, why in value.items()}


def _needs(source: Source, findings: Findings) -> tuple[DeclaredNeed, ...]:
    value = source.content.get("needs", [])
    if not isinstance(value, list):
        findings.add(
            Rule.SIDECAR, ("needs",), f"is {shown_value(value)}", "a list of declared needs"
        )
        return ()
    found = (_need(entry, ("needs", index), findings) for index, entry in enumerate(value))
    return tuple(need for need in found if need is not None)


def _are_sound(entry: Mapping[str, Any], location: Location, findings: Findings) -> bool:
    """Whether every declared action and resource is one; notes the first that is not."""
    for index, action in enumerate(entry["actions"]):
        if not isinstance(action, str) or not _ACTION.fullmatch(action):
            findings.add(
                Rule.SIDECAR,
                (*location, "actions", index),
                f"is {shown_value(action)}",
                "service:Action spelled out, without wildcards",
            )
            return False
    for index, resource in enumerate(entry["resources"]):
        if resource != "*" and not names.is_arn(resource):
            findings.add(
                Rule.SIDECAR,
                (*location, "resources", index),
                f"is {shown_value(resource)}",
                "* or an ARN (arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:…)",
            )
            return False
    return True


def _passed_to(entry: Mapping[Any, Any], location: Location, findings: Findings) -> str | None:
    """The service that a declared role is passed to, empty for any; None where it is unsound."""
    service = entry.get(_PASSED_TO, "")
    is_sound = isinstance(service, str) and bool(_SERVICE.fullmatch(service))
    if _PASSED_TO not in entry or (is_sound and entry["actions"] == [_PASS_ROLE]):
        return str(service)
    findings.add(
        Rule.SIDECAR,
        (*location, _PASSED_TO),
        f"is {shown_value(service)}",
        f"beside the one action {_PASS_ROLE}, a service as ec2.amazonaws.com",
    )
    return None


def _need(entry: object, location: Location, findings: Findings) -> DeclaredNeed | None:
    if not isinstance(entry, dict) or set(map(str, entry)) - {_PASSED_TO} != set(_NEED_KEYS):
        keys = f"{listed(_NEED_KEYS)}; with {_PASS_ROLE} also {_PASSED_TO}"
        findings.add(Rule.SIDECAR, location, f"is {shown_value(entry)}", f"exactly the keys {keys}")
        return None
    for key in ("actions", "resources"):
        if not isinstance(entry[key], list):
            findings.add(Rule.SIDECAR, (*location, key), f"is {shown_value(entry[key])}", "a list")
            return None
    if bool(entry["actions"]) != bool(entry["resources"]):
        findings.add(
            Rule.SIDECAR,
            location,
            "declares actions without resources or the reverse",
            "a step that calls nothing has two empty lists",
        )
    if not _are_sound(entry, location, findings):
        return None
    if not isinstance(entry["why"], str) or not entry["why"].strip():
        findings.add(
            Rule.SIDECAR, (*location, "why"), f"is {shown_value(entry['why'])}", "a reason"
        )
    passed_to = _passed_to(entry, location, findings)
    if passed_to is None:
        return None
    return DeclaredNeed(
        step=str(entry["step"]),
        actions=tuple(entry["actions"]),
        resources=tuple(entry["resources"]),
        why=str(entry["why"]),
        location=location,
        passed_to=passed_to,
    )
