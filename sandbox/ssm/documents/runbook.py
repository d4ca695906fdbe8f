"""An Automation document's content, refused where SSM refuses it.

The rules are those of SSM's documentation, with AWS's own message where one is public. Nothing
here is shared with the check in ``delegation``: each is tried against the other.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.documents.patterns import MOST_PLACES, PatternError, compiled, places
from sandbox.ssm.documents.references import names_in
from sandbox.ssm.documents.steps import flow_faults, reference_faults, step_faults

_TYPES = re.compile(
    r"String|StringList|Integer|Boolean|StringMap|MapList"
    r"|(List<)?AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+>?"
)
_FIELDS = {
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
}
"""Source: Systems Manager User Guide, Data elements and parameters, schema version 0.3."""


def check_runbook(content: Mapping[str, Any]) -> None:
    """Raises ApiError for content that SSM refuses; the first fault is reported."""
    for fault in _faults(content):
        raise ApiError("InvalidDocumentContent", fault)


def _faults(content: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(set(content) - _FIELDS):
        yield f"Unknown field {unknown[0]}; known: {', '.join(sorted(_FIELDS))}."
    yield from _group_faults(content, "parameters", "Parameter")
    yield from _group_faults(content, "variables", "Variable")
    if not isinstance(content.get("outputs", []), list):
        yield "outputs is not a list."
    yield from step_faults(content.get("mainSteps"))
    yield from flow_faults(content["mainSteps"])
    if "files" in content:
        yield "The sandbox carries no attachments; put the code into the step's Script."
    if stored := [n for n in names_in(content.get("assumeRole")) if n.startswith("ssm")]:
        yield f"assumeRole names {stored[0]}; a role is never read from Parameter Store."
    yield from reference_faults(content)


def _group_faults(content: Mapping[str, Any], group: str, kind: str) -> Iterator[str]:
    """Faults of ``parameters`` or ``variables``."""
    fields = content.get(group, {})
    if not isinstance(fields, dict):
        yield f"{group} is not an object."
        return
    patterns = [str(f.get("allowedPattern", "")) for f in fields.values() if isinstance(f, dict)]
    if len(patterns) > 1 and sum(map(places, patterns)) > MOST_PLACES:
        yield f"The patterns of {group} stand for more than {MOST_PLACES:,} characters."
    for name, field in fields.items():
        if not isinstance(field, dict):
            yield f"{kind} {name} is not an object."
            continue
        if not _TYPES.fullmatch(str(field.get("type"))):
            yield f"{kind} {name} has type {field.get('type')}, which does not exist."
        yield from _rule_faults(f"{kind} {name}", field)


def _rule_faults(where: str, field: Mapping[str, Any]) -> Iterator[str]:
    for rule in ("minItems", "maxItems", "minChars", "maxChars"):
        if not isinstance(field.get(rule, 0), int):
            yield f"{where} has {rule} {field[rule]!r}, which is not a number."
    if not isinstance(field.get("allowedValues", []), list):
        yield f"{where} has allowedValues that are no list."
    elif "allowedValues" in field and "default" in field:
        default = field["default"]
        for value in default if isinstance(default, list) else [default]:
            if value not in field["allowedValues"]:
                yield f"{where} has default {value!r}, which allowedValues lacks."
    try:
        compiled(str(field.get("allowedPattern", "")))
    except PatternError as error:
        yield f"{where} has an allowedPattern that does not compile: {error}."
