"""A runbook's parameters, and values for them, checked before anything is sent.

Source: Systems Manager User Guide, Document parameters; SSM API Reference,
StartAutomationExecution (a value has at most 512 characters, a parameter at most 50 values).
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

Values = dict[str, list[str]]
"""Values by parameter, as StartAutomationExecution takes them."""

OWN_OPTIONS = {
    *("--help", "--profile", "--region", "--endpoint-url", "--output", "--version"),
    *("--parameters", "--parameter", "--yes", "--detach", "--client-token"),
    *("--allow-own-permissions", "--document-version", "--dry-run", "--latest"),
}
"""What ``run`` and ``rerun`` take for themselves."""
_INSTANCE = "AWS::EC2::Instance::Id"
_TYPED = {
    _INSTANCE: r"m?i-[a-z0-9]{8,17}",
    "AWS::IAM::Role::Arn": r"arn:aws[a-z-]*:iam::\d{12}:role/.+",
    "AWS::S3::Bucket::Name": r"[0-9a-z][0-9a-z.-]{1,61}[0-9a-z]",
}
"""Patterns of typed parameters. Source: Systems Manager User Guide, Populating input parameters."""
_EXAMPLES = {_INSTANCE: "i-0123456789abcdef0"}
_MOST_VALUES, _MOST_CHARACTERS = 50, 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """What a runbook takes: its type, and the bounds of its values."""

    name: str
    type: str
    """``String``, ``StringList``, ``Integer``, ``List<AWS::EC2::Instance::Id>``, …"""
    description: str
    default: Any
    """None for a parameter that has to be given."""
    allowed_values: tuple[str, ...]
    allowed_pattern: str | None
    names_instances: bool
    """Whether a step takes its values for ids of instances, whatever its type."""
    least_items: int
    most_items: int
    least_characters: int
    most_characters: int

    @classmethod
    def read(cls, name: str, field: Mapping[str, Any], *, names_instances: bool = False) -> Self:
        """The parameter as a document has it."""
        return cls(
            name=name,
            type=str(field.get("type", "String")),
            description=str(field.get("description") or ""),
            default=field.get("default"),
            allowed_values=tuple(text_of(value) for value in field.get("allowedValues") or ()),
            allowed_pattern=field.get("allowedPattern"),
            names_instances=names_instances,
            least_items=int(field.get("minItems", 0)),
            most_items=min(int(field.get("maxItems", _MOST_VALUES)), _MOST_VALUES),
            least_characters=int(field.get("minChars", 0)),
            most_characters=min(int(field.get("maxChars", _MOST_CHARACTERS)), _MOST_CHARACTERS),
        )

    @property
    def is_required(self) -> bool:
        """Whether a start has to give it."""
        return self.default is None

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self.type.startswith("List<") or self.type in ("StringList", "MapList")

    @property
    def element(self) -> str:
        """The type of each of its values."""
        if self.names_instances:
            return _INSTANCE
        if self.type.startswith("List<"):
            return self.type[len("List<") : -1]
        return {"StringList": "String", "MapList": "StringMap"}.get(self.type, self.type)

    @property
    def option(self) -> str:
        """How the command line spells it: ``InstanceId`` is ``--instance-id``, and one that is
        called as an option of ``run`` itself ``--parameter Region=…``."""
        words = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3-\2\4", self.name)
        option = f"--{words.replace('_', '-').lower()}"
        return f"--parameter {self.name}=" if option in OWN_OPTIONS else option

    @property
    def bounds(self) -> list[str]:
        """What its values are held to, in words."""
        found = []
        if self.allowed_values:
            found.append("one of " + ", ".join(self.allowed_values))
        if self.allowed_pattern:
            found.append(f"matches {self.allowed_pattern}")
        if self.is_list and (self.least_items or self.most_items < _MOST_VALUES):
            found.append(f"{_span(self.least_items, self.most_items)} values")
        if self.least_characters or self.most_characters < _MOST_CHARACTERS:
            found.append(f"{_span(self.least_characters, self.most_characters)} characters")
        if self.element in _EXAMPLES:
            found.append(f"as {_EXAMPLES[self.element]}")
        return found

    def faults(self, values: list[str]) -> list[str]:
        """What is wrong with these values, a line each."""
        found = [fault for value in values for fault in self._faults_of(value)]
        if not self.is_list and len(values) != 1:
            found.append(f"{self.option} takes one value, not {len(values)}: {', '.join(values)}")
        if self.is_list and not max(self.least_items, 1) <= len(values) <= self.most_items:
            span = _span(max(self.least_items, 1), self.most_items)
            found.append(f"{self.option} takes {span} values, not {len(values)}")
        return found

    def _faults_of(self, value: str) -> Iterable[str]:
        seen = f"{self.option} {value!r}"
        if self.allowed_values and value not in self.allowed_values:
            near = difflib.get_close_matches(value, self.allowed_values, 1)
            hint = f"; nearest: {near[0]}" if near else ""
            yield f"{seen} is not one of {', '.join(self.allowed_values)}{hint}"
        if self.allowed_pattern and not _matches(self.allowed_pattern, value):
            yield f"{seen} does not match {self.allowed_pattern}"
        if not self.least_characters <= len(value) <= self.most_characters:
            span = _span(self.least_characters, self.most_characters)
            yield f"{seen} has {len(value)} characters, allowed are {span}"
        if self.element in _TYPED and not re.fullmatch(_TYPED[self.element], value):
            example = _EXAMPLES.get(self.element)
            yield f"{seen} is not an {self.element}" + (f", as {example}" if example else "")
        if self.element in _CHECKS and not _CHECKS[self.element](value):
            yield f"{seen} is not {'an' if self.element == 'Integer' else 'a'} {self.element}"


def all_faults(parameters: Iterable[Parameter], values: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with the values of a start, a line each; what is missing as well."""
    found = []
    for parameter in parameters:
        if parameter.name in values:
            found += parameter.faults(values[parameter.name])
        elif parameter.is_required:
            about = f": {parameter.description}" if parameter.description else ""
            found.append(f"{parameter.option} is missing ({parameter.type}){about}")
    return found


def text_of(value: Any) -> str:
    """A value as the API takes it: JSON for whatever is not a string."""
    return value if isinstance(value, str) else json.dumps(value)


def _span(least: int, most: int) -> str:
    if least == most:
        return f"exactly {most}"
    return f"{least} to {most}" if least else f"at most {most}"


def _matches(pattern: str, value: str) -> bool:
    """Whether a value matches; true for a pattern that only Java reads: AWS judges it."""
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


def _is_json(value: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(value), kind)
    except ValueError:
        return False


_CHECKS: dict[str, Callable[[str], bool]] = {
    "Integer": lambda value: re.fullmatch(r"[+-]?\d+", value) is not None,
    "Boolean": lambda value: value.lower() in ("true", "false"),
    "StringMap": lambda value: _is_json(value, dict),
}
