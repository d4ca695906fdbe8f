"""Grants, and the resources that a call's inputs narrow them to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from delegation.authorization import arn_forms, judged_on
from delegation.needs.arns import PLACEHOLDER, PSEUDO, filled
from delegation.needs.calls import Call, keys_within


@dataclass(frozen=True, slots=True)
class Grant:
    """One IAM action on one resource."""

    action: str
    """``service:Action``."""
    resource: str
    """An ARN as an ``Fn::Sub`` string, or ``*``."""
    why: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """What can be told of a step's calls."""

    grants: tuple[Grant, ...] = ()
    unseen: str = ""
    """Why there is more that cannot be told; empty where the grants are all."""


def on_kinds(action: str, why: str, call: Call, source: str) -> tuple[Grant, ...] | None:
    """An action on every kind of resource that the call has it judged on, as narrow as the inputs
    tell; None where they do not tell the kinds."""
    judged = judged_on(action)
    if judged is None:
        return None
    prefix = action.split(":")[0]
    if not judged.required and not judged.optional:
        text = f"{why}; the call has no resource-level permission"
        return (Grant(action, "*", text, source),)
    kinds = [*judged.required, *(k for k in judged.optional if _names_kind(prefix, k, call))]
    if not kinds and len(judged.optional) <= _FEW_KINDS:
        kinds = list(judged.optional)
    if not kinds:
        return None
    alone = len(judged.required) == 1
    return tuple(
        Grant(action, found, why, source)
        for kind in kinds
        for found in _arns_of_kind(prefix, kind, call, alone=alone)
    )


_FEW_KINDS = 4
"""Of so many kinds that a call may be judged on, all are granted where the inputs name none."""


def _arns_of_kind(prefix: str, kind: str, call: Call, *, alone: bool) -> Iterator[str]:
    """The ARNs of a kind: those that inputs name, else of all."""
    for form in arn_forms(prefix, kind):
        placeholders = [p for p in PLACEHOLDER.findall(form) if p not in PSEUDO]
        values = [_values_of_placeholder(p, call, alone=alone) for p in placeholders]
        for given in product(*values):
            whole = [text for text in given if text.startswith("arn:")]
            yield whole[0] if whole else filled(form, dict(zip(placeholders, given, strict=True)))


def _values_of_placeholder(placeholder: str, call: Call, *, alone: bool) -> tuple[str, ...]:
    """What stands for a placeholder: the values of the input of that name, or ``*``."""
    for name, value in call.inputs.items():
        is_plain_name = alone and name in ("Name", "Names")
        if not _is_named_as(name, placeholder) and not is_plain_name:
            continue
        texts = call.values_of(value)
        if texts and all(_SAFE.fullmatch(text) for text in texts):
            return tuple(text.lstrip("/").rsplit("/queue/")[-1] for text in texts)
    return ("*",)


_SAFE = re.compile(r"[\w+=,.@/:-]+")
_SUFFIX = re.compile(r"(identifier|withoutleadingslash|ids?|names?|arns?|s)$")


_ALSO_CALLED = {"ObjectName": "Key"}
"""Inputs that are called otherwise than what they stand for."""


def _is_named_as(name: str, placeholder: str) -> bool:
    """Whether an input gives what a placeholder stands for: ``InstanceIds`` an ``InstanceId``; an
    ``ImageName`` is no ``ImageId``."""
    if _ALSO_CALLED.get(placeholder) == name:
        return True
    kinds = {kind for text in (name, placeholder) for kind in _NAMING.findall(text)}
    return _stem(name) == _stem(placeholder) and len(kinds) < 2


_NAMING = re.compile(r"(Id|Name)s?$")


def _stem(name: str) -> str:
    """A name without what says how it names: ``instance`` for ``InstanceIds``."""
    stem, before = re.sub(r"[^a-z0-9]", "", name.lower()), ""
    while stem != before and len(stem) > 2:
        before, stem = stem, _SUFFIX.sub("", stem) or stem
    return stem


def _names_kind(prefix: str, kind: str, call: Call) -> bool:
    """Whether some input, however deep, names a resource of a kind."""
    stems = {_stem(p) for f in arn_forms(prefix, kind) for p in PLACEHOLDER.findall(f)[-1:]}
    stems |= {_stem(kind), *_ALSO_NAMED.get(kind, ())}
    return not stems.isdisjoint(map(_stem, keys_within(call.inputs)))


_ALSO_NAMED = {
    "object": ("key",),
    "security-group": ("group",),
    "volume": ("blockdevicemapping",),
}
