"""The inputs of a step, as far as they show which resources it acts on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delegation.runbooks.checks.references import has_reference, whole_reference
from delegation.runbooks.permissions.arns import PLACEHOLDER, arn
from delegation.runbooks.permissions.authorization import arn_forms

_EC2_KINDS = {
    "ami": "image",
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pl": "prefix-list",
    "rtb": "route-table",
    "tgw": "transit-gateway",
    "tgw-attach": "transit-gateway-attachment",
    "vgw": "vpn-gateway",
    "vpce": "vpc-endpoint",
    "i": "instance",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
"""Kinds of EC2 resources by the prefix of their ids."""
_EC2_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-[0-9a-f]{8,17}")
_PATTERN_PREFIX = re.compile(r"\^?([a-z]+)-")


def ec2_kind(text: str) -> str | None:
    """The kind of EC2 resource that a string is the id of; None for any other string."""
    match = _EC2_ID.fullmatch(text)
    return _EC2_KINDS.get(match[1]) if match else None


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
        field = self._parameters.get(whole_reference(value) or "")
        allowed = field.get("allowedValues") if isinstance(field, dict) else None
        if isinstance(allowed, list) and all(isinstance(text, str) for text in allowed):
            return tuple(allowed)
        return None

    def kind_of(self, value: object) -> str | None:
        """The kind of EC2 resource whose id a value is, as far as it shows.

        A reference shows it by the end of its name (``copy.ImageId``), or by its parameter's typed
        id or pattern.
        """
        if not isinstance(value, str):
            return None
        if not has_reference(value):
            return _EC2_KINDS.get(value.split("-", 1)[0])
        name = whole_reference(value) or ""
        field = self._parameters.get(name)
        if isinstance(field, dict):
            if "AWS::EC2::Instance::Id" in str(field.get("type")):
                return "instance"
            pattern = str(field.get("allowedPattern", ""))
            prefix = _PATTERN_PREFIX.match(pattern)
            return _EC2_KINDS.get(prefix[1]) if prefix and "|" not in pattern else None
        by_name = {f"{kind.replace('-', '')}id": kind for kind in _EC2_KINDS.values()}
        return by_name.get(name.rsplit(".", 1)[-1].lower().rstrip("s"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The inputs of a step, as far as they show which resources it acts on."""

    inputs: Mapping[str, Any]
    values: FixedValues

    def is_spelled_out(self, value: object) -> bool:
        """Whether every element of a value is spelled out, or shows its kind."""
        elements = value if isinstance(value, list) else [value]
        return all(not has_reference(each) or self.values.kind_of(each) for each in elements)

    def texts(self) -> tuple[str, ...]:
        """Every string that the inputs spell out, however deep."""
        return tuple(texts_within(dict(self.inputs)))

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
        placeholder = PLACEHOLDER.findall(arn_forms("ec2", kind)[0])[-1]
        return tuple(arn("ec2", kind, {placeholder: id_}) for id_ in ids)

    def ec2_kinds(self, name: str) -> tuple[str, ...] | None:
        """The kinds of EC2 resources that an input's ids are of; None where it does not show.

        An id shows by its prefix; a reference by its name or its parameter's typed id or pattern.
        """
        value = self.inputs.get(name)
        kinds = [
            self.values.kind_of(each) for each in (value if isinstance(value, list) else [value])
        ]
        if not kinds or None in kinds:
            return None
        return tuple(dict.fromkeys(kind for kind in kinds if kind))


def texts_within(value: object) -> Iterator[str]:
    """Every string within a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for element in value.values() if isinstance(value, dict) else value:
            yield from texts_within(element)


def keys_within(value: object) -> Iterator[str]:
    """Every key of the objects within a value, however deep."""
    if isinstance(value, dict):
        for key, element in value.items():
            yield str(key)
            yield from keys_within(element)
    elif isinstance(value, list):
        for element in value:
            yield from keys_within(element)
