"""IAM policy statements as plain values, with the reason for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Conditions = tuple[tuple[str, str, str | tuple[str, ...]], ...]
"""Rows of (operator, condition key, value or values)."""

PolicyDocument = dict[str, Any]

_VERSION = "2012-10-17"


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of a policy: what is granted, on what, and why."""

    sid: str
    """A verb phrase that names the grant, unique in its policy."""
    actions: tuple[str, ...]
    """IAM actions, ``service:Action``, spelled out; of a Deny with ``all_but_these``, those that it
    leaves alone."""
    resources: tuple[str, ...]
    """Resource ARNs as ``Fn::Sub`` strings, or ``*``."""
    why: str
    """What the grant is for; where a resource holds ``*``, also why IAM allows no narrower one."""
    source: str
    """The AWS page or data that says so."""
    effect: str = "Allow"
    """``Allow`` or ``Deny``."""
    conditions: Conditions = ()
    all_but_these: bool = False
    """Whether the statement is on every action but these."""

    def render(self) -> dict[str, Any]:
        """The statement as CloudFormation takes it: ARNs with placeholders become ``Fn::Sub``."""
        rendered: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": self.effect,
            "NotAction" if self.all_but_these else "Action": list(self.actions),
            "Resource": [substituted(resource) for resource in self.resources],
        }
        if self.conditions:
            rendered["Condition"] = render_conditions(self.conditions)
        return rendered


def substituted(text: str) -> str | dict[str, str]:
    """``Fn::Sub`` of a string with placeholders, else the text itself."""
    return {"Fn::Sub": text} if "${" in text else text


def render_conditions(conditions: Conditions) -> dict[str, dict[str, Any]]:
    """A policy's ``Condition`` block of (operator, key, value) rows."""
    rendered: dict[str, dict[str, Any]] = {}
    for operator, key, value in conditions:
        rendered.setdefault(operator, {})[key] = (
            substituted(value)
            if isinstance(value, str)
            else [substituted(element) for element in value]
        )
    return rendered


def trust_policy(
    sid: str,
    principal: Mapping[str, object],
    *,
    action: str = "sts:AssumeRole",
    conditions: Conditions = (),
) -> PolicyDocument:
    """The trust policy of a role with one statement: who may assume it, and when."""
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": dict(principal),
        "Action": action,
    }
    if conditions:
        statement["Condition"] = render_conditions(conditions)
    return {"Version": _VERSION, "Statement": [statement]}


def policy_document(statements: Iterable[Statement]) -> PolicyDocument:
    """A policy document (version 2012-10-17) of these statements."""
    return {
        "Version": _VERSION,
        "Statement": [statement.render() for statement in statements],
    }
