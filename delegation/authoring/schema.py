"""A JSON Schema of runbooks, for editors: made of what the check knows of documents and actions.

It knows shapes, names and values. What stands in one place because of another (references, the
flow of steps, needs) is the check's alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from delegation.runbooks.checks.actions import Action, Input, actions
from delegation.runbooks.checks.document import FIELDS as DOCUMENT_FIELDS
from delegation.runbooks.checks.parameters import FIELDS as PARAMETER_FIELDS
from delegation.runbooks.checks.parameters import VARIABLE_FIELDS
from delegation.runbooks.checks.steps import FIELDS as STEP_FIELDS
from delegation.runbooks.checks.types import OUTPUT_TYPES, PARAMETER_TYPES, TYPED_IDS

FILE = "runbook.schema.json"
_DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors know best."""
_TYPES: Mapping[str, dict[str, Any]] = {
    "String": {"type": ["string", "number", "boolean"]},
    "Integer": {"type": ["integer", "string"]},
    "Boolean": {"type": ["boolean", "string"]},
    "StringList": {"type": "array"},
    "MapList": {"type": "array"},
    "StringMap": {"type": "object"},
    "Any": {},
}
"""How each type is written. Automation writes texts, numbers and truth values for one another."""
_REFERENCE = {"type": "string", "pattern": r"\{\{.*\}\}"}
"""What may stand for any value."""

Schema = dict[str, Any]


def runbook_schema() -> Schema:
    """The schema of a document of schema version 0.3, without ``assumeRole``."""
    top = [field for field in DOCUMENT_FIELDS if field != "assumeRole"]
    shapes: Schema = {
        "schemaVersion": {"const": "0.3"},
        "description": {"type": "string"},
        "parameters": _named(PARAMETER_FIELDS, (*PARAMETER_TYPES, *TYPED_IDS)),
        "variables": _named(VARIABLE_FIELDS, PARAMETER_TYPES),
        "mainSteps": _STEPS,
        "outputs": {"type": "array", "items": {"type": "string"}},
        "files": {"type": "object"},
    }
    return {
        "$schema": _DRAFT,
        "title": "An approved runbook",
        "description": "A Systems Manager Automation document, whose role the deployment embeds",
        "type": "object",
        "required": ["schemaVersion", "mainSteps"],
        "properties": {field: shapes[field] for field in top},
        "additionalProperties": False,
        "definitions": {"step": _step()},
    }


_STEPS: Schema = {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/step"}}


def _named(fields: Iterable[str], types: Iterable[str]) -> Schema:
    """Parameters or variables by name."""
    shapes: Schema = {
        "type": {"enum": [*types]},
        "description": {"type": "string"},
        "allowedValues": {"type": "array"},
        "allowedPattern": {"type": "string"},
    }
    properties = {field: shapes.get(field, {}) for field in fields}
    one = {
        "type": "object",
        "required": ["type"],
        "properties": properties,
        "additionalProperties": False,
    }
    return {"type": "object", "additionalProperties": one}


def _step() -> Schema:
    """A step: what all have, and by its action what its inputs may be."""
    properties = {name: _value(field) for name, field in STEP_FIELDS.items()}
    properties["action"] = {"enum": [*actions()]}
    properties["outputs"] = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["Name", "Selector"],
            "properties": {"Type": {"enum": [*OUTPUT_TYPES]}},
        },
    }
    return {
        "type": "object",
        "required": [name for name, field in STEP_FIELDS.items() if field.required],
        "properties": properties,
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"action": {"const": action.name}}},
                "then": {"properties": {"inputs": _inputs(action)}},
            }
            for action in actions().values()
        ],
    }


def _inputs(action: Action) -> Schema:
    """What the inputs of an action may be; further ones are the parameters of an AWS API."""
    properties = {name: _value(field) for name, field in action.inputs.items()}
    if action.name == "aws:loop":
        properties["Steps"] = _STEPS
    return {
        "type": "object",
        "required": [name for name, field in action.inputs.items() if field.required],
        "properties": properties,
        "additionalProperties": action.is_open,
    }


def _value(field: Input) -> Schema:
    """What a field or input may be: a value of its types, or a reference to one."""
    kinds = [_TYPES[kind] for kind in (field.type, *field.also)]
    if not all(kinds):
        return {}
    bounds = {
        "enum": [*field.values] or None,
        "maxLength": field.max_chars,
        "pattern": field.pattern,
        "minimum": field.min,
        "maximum": field.max,
        "minItems": field.min_items,
        "maxItems": field.max_items,
    }
    kept = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"anyOf": [*({**kind, **kept} for kind in kinds), _REFERENCE]}
