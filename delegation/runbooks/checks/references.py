"""References in a runbook, ``{{ name }}``: what each may name, and the type behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from delegation.files import Location

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_][^{}\s|]*)\s*\}\}")
_BRACES = re.compile(r"(?<![$\\])(\{+)\s*([$]?[.]?[A-Za-z0-9_][\w.:$\[\]/-]*)\s*(\}+)")
"""Braces, doubled or not, around what could be a name."""
_OTHER_TEMPLATE = re.compile(r"\{\{-?\s*([.#/^!>$(\"]|\w+[ ])[^{}]*\}\}")
"""What other languages write between doubled braces, as ``{{.Names}}`` and ``{{json .}}``."""
_COMMANDS = ("Parameters", "UserData", "TemplateBody", "Message", "Body", "Script")
"""Inputs whose text is often of another language, with doubled braces of its own."""
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
        is_foreign = "\n" in text or '{"' in text or any(part in _COMMANDS for part in own)
        rest = text
        for match in _BRACES.finditer(text):
            opened, closed = len(match[1]), len(match[3])
            if opened == closed == 2 and _REFERENCE.fullmatch(match[0]):
                rest = rest.replace(match[0], "", 1)
            elif max(opened, closed) > 1 and (opened, closed) != (2, 2):
                yield text, own
                break
        else:
            rest = _OTHER_TEMPLATE.sub("", rest) if is_foreign else rest
            if ("{{" in rest or ("}}" in rest and not is_foreign)) and not _is_of_a_language(text):
                yield text, own


def _is_of_a_language(text: str) -> bool:
    """Whether a text is a program or JSON, in which braces stand for other things."""
    return "\n" in text or '{"' in text


def _templates_in(value: Any, location: Location) -> Iterator[tuple[str, Location]]:
    """Every text with doubled braces in a value, however deep, with its place."""
    if isinstance(value, str):
        if "{{" in value or "}}" in value:
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
