"""What a template may be made of: one walk over all of it refuses what nobody has read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from review.errors import ReviewError
from review.templates.assembly import Template
from review.templates.files import strings_in
from review.templates.intrinsics import DYNAMIC, FUNCTIONS
from review.templates.resource_types import ATTRIBUTES, TYPES, USER

_SECTIONS = {
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings"),
    *("Conditions", "Resources", "Outputs", "Rules"),
}
_LOGICAL_ID = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_MACROS = ("Transform", "Fn::Transform", "Fn::ForEach")


def refuse_unknown_parts(template: Template) -> None:
    """Raises ReviewError for any section, function, type or property that nobody has read."""
    if unknown := sorted(template.body.keys() - _SECTIONS - {"Transform"}):
        raise ReviewError(
            f"{template.stack} has a section {unknown[0]}, which the review does not evaluate"
        )
    _refuse_macros(template.stack, template.body)
    for section in ("Resources", "Conditions", "Outputs"):
        _refuse_functions(template.stack, template.body.get(section, {}))
    for logical_id, body in template.body["Resources"].items():
        where = f"{template.stack}/{logical_id}"
        if not _LOGICAL_ID.fullmatch(logical_id):
            raise ReviewError(f"{where}: a logical id has letters and digits only")
        if body["Type"] not in TYPES:
            raise ReviewError(
                f"{where}: the review does not know whether {body['Type']} gives access to anybody "
                f"(review/templates/resource_types.py)"
            )
        properties = body.get("Properties") or {}
        if not isinstance(properties, dict):
            raise ReviewError(f"{where}: Properties is {properties!r}, not an object")
        unknown = sorted(
            (body.keys() - ATTRIBUTES) | (properties.keys() - TYPES[body["Type"]].properties)
        )
        if unknown:
            raise ReviewError(
                f"{where}: the review does not know what {unknown[0]} of {body['Type']} does "
                f"(review/templates/resource_types.py)"
            )
        _refuse_spelled_secrets(where, body["Type"], properties)


def _refuse_macros(stack: str, body: Mapping[str, Any]) -> None:
    """Raises ReviewError for what CloudFormation expands before it reads the rest."""
    for key in _keys(body):
        if key in _MACROS or key.startswith("Fn::ForEach"):
            raise ReviewError(
                f"{stack} has a {key}, which CloudFormation expands when it is deployed; "
                f"review the expanded template (aws cloudformation get-template "
                f"--template-stage Processed)"
            )


def _refuse_functions(stack: str, section: Any) -> None:
    """Raises ReviewError for a function that the review cannot resolve, wherever it stands."""
    for key in _keys(section):
        if key.startswith("Fn::") and key not in FUNCTIONS:
            raise ReviewError(f"stack {stack}: the review does not know the function {key}")


def _keys(value: Any) -> Iterator[str]:
    """Every key in a value, outer ones first."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield key
            yield from _keys(child)
    elif isinstance(value, list):
        for child in value:
            yield from _keys(child)


def _refuse_spelled_secrets(where: str, type_: str, properties: Mapping[str, Any]) -> None:
    """Raises ReviewError for a password in the template, and for a value that stands elsewhere."""
    profile = properties.get("LoginProfile") if type_ == USER else None
    others = {key: value for key, value in properties.items() if key != "LoginProfile"}
    if profile is not None:
        if not isinstance(profile, dict) or profile.keys() - {"Password", "PasswordResetRequired"}:
            raise ReviewError(f"{where}: the review does not know what LoginProfile does")
        if not any(DYNAMIC in text for text in strings_in(profile.get("Password"))):
            raise ReviewError(
                f"{where}: its password stands in the template; let Secrets Manager generate it"
            )
    if any(DYNAMIC in text for text in strings_in(others)):
        raise ReviewError(f"{where}: the review does not know the value of a dynamic reference")
