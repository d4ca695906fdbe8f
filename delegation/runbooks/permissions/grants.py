"""Grants, and the resources that a call's inputs narrow them to."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from delegation.runbooks.permissions.arns import (
    PLACEHOLDER,
    PSEUDO,
    document_arn,
    filled,
    is_arn_of,
)
from delegation.runbooks.permissions.authorization import arn_forms, judged_on
from delegation.runbooks.permissions.calls import Call
from delegation.runbooks.permissions.naming import (
    names_kind,
    spelled_out,
    values_of_placeholder,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One IAM action on one resource."""

    action: str
    """``service:Action``."""
    resource: str
    """An ARN as an ``Fn::Sub`` string, or ``*``."""
    why: str
    source: str
    passed_to: str = ""
    """Of ``iam:PassRole``: the service that the role is passed to, ``ssm.amazonaws.com``, as an
    ``Fn::Sub`` string."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """What can be determined of a step's calls."""

    grants: tuple[Grant, ...] = ()
    unseen: str = ""
    """Why there is more that cannot be determined; empty where the grants are all."""


def on_kinds(action: str, why: str, call: Call, source: str) -> tuple[Grant, ...] | None:
    """An action on every kind of resource that the call has it judged on, as narrow as the inputs
    show; None where they do not show the kinds."""
    judged = judged_on(action)
    if judged is None:
        return None
    prefix = action.split(":")[0]
    if not judged.required and not judged.optional:
        text = f"{why}; the call has no resource-level permission"
        return (Grant(action, "*", text, source),)
    kinds = [*judged.required, *(k for k in judged.optional if names_kind(prefix, k, call))]
    if judged.optional and _names_anything(call):
        return None
    if not kinds:
        is_read = action.split(":")[1].startswith(_READS)
        return (Grant(action, "*", f"{why}, which names nothing", source),) if is_read else None
    alone = len(judged.required) == 1
    return tuple(
        Grant(action, found, why, source)
        for kind in kinds
        for found in _judged_as(action, kind, _arns_of_kind(prefix, kind, call, alone=alone))
    )


def _judged_as(action: str, kind: str, arns: Iterable[str]) -> Iterator[str]:
    """The ARNs as the action is judged on them.

    Source: CloudWatch Logs API Reference, LogGroup: IAM policies name a log group with ``:*`` after
    it, except for its tags.
    """
    service, name = action.split(":")
    is_group = (service, kind) == ("logs", "log-group") and name not in _TAGS_OF_LOGS
    for found in arns:
        yield f"{found}:*" if is_group and not found.endswith("*") else found


_TAGS_OF_LOGS = ("TagResource", "UntagResource", "ListTagsForResource")


def _names_anything(call: Call) -> bool:
    """Whether an input of a general name, as ``ResourceIds``, is not spelled out: it may name a
    resource of any kind."""
    return any(
        _GENERAL.fullmatch(name) and not call.is_spelled_out(value)
        for name, value in call.inputs.items()
    )


_GENERAL = re.compile(r"Resources?(Id|Arn|ARN|Name)?s?")
_READS = ("Describe", "Get", "List", "Search", "BatchGet")
"""How actions begin that are judged on ``*`` where the call names no resource."""


def _arns_of_kind(prefix: str, kind: str, call: Call, *, alone: bool) -> Iterator[str]:
    """The ARNs of a kind: those that inputs name, else of all."""
    spelled = spelled_out(prefix, kind, call)
    for form in arn_forms(prefix, kind):
        placeholders = [p for p in PLACEHOLDER.findall(form) if p not in PSEUDO]
        values = [values_of_placeholder(p, kind, call, alone=alone) for p in placeholders]
        if spelled and all(value == ("*",) for value in values):
            yield from spelled
            continue
        for given in product(*values):
            if len(given) == 1 and is_arn_of(prefix, given[0]):
                yield given[0]
                continue
            plain = ["*" if text.startswith("arn:") else text for text in given]
            if (prefix, kind) == ("ssm", "document"):
                yield document_arn(plain[0])
            else:
                yield filled(form, dict(zip(placeholders, plain, strict=True)))
