"""References in a runbook, ``{{ name }}``: what each may name, and the type behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from delegation.files import Location

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_][^{}\s|]*)\s*\}\}")
_TEMPLATE = re.compile(r"\{\{\s*[.#/^!>$(][^{}]*\}\}")
"""What other templates write between braces, as ``{{.Names}}`` for docker."""
SYSTEM_VARIABLES = {
    "global:DATE": "String",
    "global:DATE_TIME": "String",
    "global:REGION": "String",
    "global:ACCOUNT_ID": "String",
    "global:AWS_PARTITION": "String",
    "automation:EXECUTION_ID": "String",
}
"""Source: Systems Manager User Guide, Automation system variables."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference in a value of the document."""

    name: str
    """What stands between the braces, without spaces."""
    location: Location
    """The value that it stands in."""


def references_in(value: Any, location: Location = ()) -> Iterator[Reference]:
    """Every reference in a value, nested ones as well."""
    for text, own in _templates_in(value, location):
        for match in _REFERENCE.finditer(text):
            yield Reference(match[1], own)


def broken_references_in(value: Any, location: Location = ()) -> Iterator[tuple[str, Location]]:
    """Every text of a value in which braces are doubled on one side, or hold no name."""
    for text, own in _templates_in(value, location):
        is_of_another_language = "\n" in text or '{"' in text
        rest = _TEMPLATE.sub("", _REFERENCE.sub("", text))
        if "{{" in rest and not is_of_another_language:
            yield text, own


def _templates_in(value: Any, location: Location) -> Iterator[tuple[str, Location]]:
    """Every text with doubled braces in a value, however deep, with its place."""
    if isinstance(value, str):
        if "{{" in value:
            yield value, location
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from _templates_in(element, (*location, key))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _templates_in(element, (*location, index))


def whole_reference(value: object) -> str | None:
    """The name that a value consists of, if it is one reference and nothing else."""
    match = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else None


def has_reference(value: object) -> bool:
    """Whether a string holds a reference."""
    return isinstance(value, str) and _REFERENCE.search(value) is not None
