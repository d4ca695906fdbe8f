"""Grants, and the resources that a call's inputs narrow them to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from delegation import names
from delegation.authorization import arn_forms, judged_on
from delegation.check.references import has_reference


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


_EC2_KINDS = {
    "ami": "image",
    "eni": "network-interface",
    "i": "instance",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
"""Kinds of EC2 resources by the prefix of their ids."""
_PATTERN_PREFIX = re.compile(r"\^?([a-z]+)-")


class FixedValues:
    """The values that inputs can have, as far as the document fixes them."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters

    def of(self, value: object) -> tuple[str, ...] | None:
        """All texts that a value can be: itself, or the allowed values of its parameter; None
        where it can be any."""
        if isinstance(value, list):
            each = [self.of(element) for element in value]
            return None if None in each else tuple(text for texts in each for text in texts or ())
        if not isinstance(value, str):
            return None if isinstance(value, dict) else (str(value),)
        if not has_reference(value):
            return (value,)
        name = value.strip().removeprefix("{{").removesuffix("}}").strip()
        field = self._parameters.get(name)
        allowed = field.get("allowedValues") if isinstance(field, dict) else None
        if isinstance(allowed, list) and all(isinstance(text, str) for text in allowed):
            return tuple(allowed)
        return None

    def kind_of(self, value: object) -> str | None:
        """The kind of EC2 resource whose id a value is, as far as it tells.

        A reference tells it by the end of its name (``copy.ImageId``), or by its parameter's typed
        id or pattern.
        """
        if not isinstance(value, str):
            return None
        if not has_reference(value):
            return _EC2_KINDS.get(value.split("-", 1)[0])
        name = value.strip().removeprefix("{{").removesuffix("}}").strip()
        field = self._parameters.get(name)
        if isinstance(field, dict):
            if "AWS::EC2::Instance::Id" in str(field.get("type")):
                return "instance"
            prefix = _PATTERN_PREFIX.match(str(field.get("allowedPattern", "")))
            return _EC2_KINDS.get(prefix[1]) if prefix else None
        by_name = {f"{kind.replace('-', '')}id": kind for kind in _EC2_KINDS.values()}
        return by_name.get(name.rsplit(".", 1)[-1].lower().rstrip("s"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The inputs of a step, as far as they tell which resources it acts on."""

    inputs: Mapping[str, Any]
    values: FixedValues

    def values_of(self, value: object) -> tuple[str, ...] | None:
        """All texts that an input can be; None where it can be any."""
        return None if value is None else self.values.of(value)

    def is_true(self, name: str) -> bool:
        """Whether an input is written out as true."""
        return str(self.inputs.get(name, False)).lower() == "true"

    def ec2_arns(self, kind: str, name: str) -> tuple[str, ...]:
        """The ARNs of EC2 resources whose ids an input gives; of all where it gives any."""
        ids = self.values_of(self.inputs.get(name))
        if ids is None or not all(re.fullmatch(r"[a-z]+-[0-9a-z]+", each) for each in ids):
            return (arn("ec2", kind, {}),)
        placeholder = _PLACEHOLDER.findall(arn_forms("ec2", kind)[0])[-1]
        return tuple(arn("ec2", kind, {placeholder: id_}) for id_ in ids)

    def ec2_kinds(self, name: str) -> tuple[str, ...] | None:
        """The kinds of EC2 resources that an input's ids are of; None where it does not tell.

        An id tells by its prefix; a reference by its name or its parameter's typed id or pattern.
        """
        value = self.inputs.get(name)
        kinds = [
            self.values.kind_of(each) for each in (value if isinstance(value, list) else [value])
        ]
        if not kinds or None in kinds:
            return None
        return tuple(dict.fromkeys(kind for kind in kinds if kind))


_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_PSEUDO = {
    "Partition": "${AWS::Partition}",
    "Region": names.ANY_REGION,
    "Account": "${AWS::AccountId}",
}


def arn(prefix: str, kind: str, given: Mapping[str, str]) -> str:
    """The ARN of a kind of resource, with what is given of its placeholders, else ``*``."""
    return _filled(arn_forms(prefix, kind)[0], given)


def document_arn(name: str) -> str:
    """The ARN of an SSM document, which one of AWS's own has without account."""
    if name.startswith("arn:"):
        return name
    found = arn("ssm", "document", {"DocumentName": name})
    return found.replace("${AWS::AccountId}", "") if _is_of_aws(name) else found


def definition_arn(name: str) -> str:
    """The older form of a start's resource, every version of a runbook."""
    found = arn("ssm", "automation-definition", {"AutomationDefinitionName": name})
    return found.replace("${AWS::AccountId}", "") if _is_of_aws(name) else found


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
        placeholders = [p for p in _PLACEHOLDER.findall(form) if p not in _PSEUDO]
        values = [_values_of_placeholder(p, call, alone=alone) for p in placeholders]
        for given in product(*values):
            whole = [text for text in given if text.startswith("arn:")]
            yield whole[0] if whole else _filled(form, dict(zip(placeholders, given, strict=True)))


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
    stems = {_stem(p) for f in arn_forms(prefix, kind) for p in _PLACEHOLDER.findall(f)[-1:]}
    stems |= {_stem(kind), *_ALSO_NAMED.get(kind, ())}
    return not stems.isdisjoint(map(_stem, keys_within(call.inputs)))


_ALSO_NAMED = {
    "object": ("key",),
    "security-group": ("group",),
    "volume": ("blockdevicemapping",),
}


def keys_within(value: object) -> Iterator[str]:
    """Every key of the objects within a value, however deep."""
    if isinstance(value, dict):
        for key, element in value.items():
            yield str(key)
            yield from keys_within(element)
    elif isinstance(value, list):
        for element in value:
            yield from keys_within(element)


def _filled(form: str, given: Mapping[str, str]) -> str:
    known = {**_PSEUDO, **given}
    return _PLACEHOLDER.sub(lambda match: known.get(match[1], "*"), form)


def _is_of_aws(document: str) -> bool:
    return document.lower().startswith(("aws", "amazon", "amzn"))
