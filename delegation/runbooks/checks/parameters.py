"""The parameters and variables of a runbook: types, bounds, values and defaults."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.patterns import SECONDS, TooSlowError, compiled, matches
from delegation.runbooks.checks.references import has_reference
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.types import OUTPUT_TYPES, PARAMETER_TYPES, TYPED_IDS, plain

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
FIELDS = {
    "type": str,
    "description": str,
    "default": object,
    "allowedValues": list,
    "allowedPattern": str,
    "minItems": int,
    "maxItems": int,
    "minChars": int,
    "maxChars": int,
    "displayType": str,
}
VARIABLE_FIELDS = ("type", "description", "default", "allowedValues", "allowedPattern")
_BOUNDS = (("minItems", "maxItems"), ("minChars", "maxChars"))


def check_parameters(content: Mapping[str, Any], findings: Findings) -> dict[str, str]:
    """The type of each parameter by name; notes what is wrong with any."""
    return _check_section(content, "parameters", tuple(FIELDS), findings, typed_ids=True)


def check_variables(content: Mapping[str, Any], findings: Findings) -> dict[str, str]:
    """The type of each variable by name; notes what is wrong with any."""
    return _check_section(content, "variables", VARIABLE_FIELDS, findings, typed_ids=False)


def _check_section(
    content: Mapping[str, Any],
    section: str,
    known: tuple[str, ...],
    findings: Findings,
    *,
    typed_ids: bool,
) -> dict[str, str]:
    """The type of each parameter or variable of a section by name."""
    location: Location = (section,)
    declared = content.get(section, {})
    if not isinstance(declared, dict):
        found = shown_value(declared)
        findings.add(Rule.SHAPE, location, f"is {found}", f"an object of {section} by name")
        return {}
    types = {}
    for name, field in declared.items():
        own = (*location, str(name))
        _check_name(name, own, findings)
        types[str(name)] = "Any"
        if not isinstance(field, dict):
            findings.add(Rule.SHAPE, own, f"is {shown_value(field)}", "an object with a type")
            continue
        types[str(name)] = _check_type(field, own, findings, typed_ids=typed_ids)
        _check_fields(field, own, known, findings)
        _check_values(field, types[str(name)], own, findings)
    return types


def _check_name(name: object, location: Location, findings: Findings) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.add(
            Rule.NAME, location, f"is named {name!r}", "1 to 64 letters, digits and _", at_key=True
        )


def _check_type(
    field: Mapping[str, Any], location: Location, findings: Findings, *, typed_ids: bool
) -> str:
    kind = field.get("type")
    if typed_ids and isinstance(kind, str) and kind in TYPED_IDS:
        return kind
    known = PARAMETER_TYPES if typed_ids else tuple(dict.fromkeys(PARAMETER_TYPES + OUTPUT_TYPES))
    if kind in known:
        return str(kind)
    if "type" not in field and any(get_close_matches(str(key), ["type"]) for key in field):
        return "Any"  # mistyped, which is a finding of its own
    found = f"is {shown_value(kind)}" if "type" in field else "is missing"
    known = (*known, *TYPED_IDS) if typed_ids else known
    allowed = f"allowed: {listed(known)}"
    findings.add(Rule.TYPE, (*location, "type"), found, allowed, among=known, like=kind)
    return "Any"


def _check_fields(
    field: Mapping[str, Any], location: Location, known: tuple[str, ...], findings: Findings
) -> None:
    for key, value in field.items():
        if key not in known:
            findings.add_unknown(Rule.UNKNOWN_FIELD, (*location, str(key)), "field of it", known)
        elif not _is_shaped(value, FIELDS[key]):
            wanted = {str: "a string", int: "a whole number", list: "a list"}[FIELDS[key]]
            findings.add(Rule.SHAPE, (*location, key), f"is {shown_value(value)}", wanted)
    for least, most in _BOUNDS:
        low, high = field.get(least, 0), field.get(most)
        if isinstance(low, int) and low < 0:
            findings.add(Rule.BOUND, (*location, least), f"is {low}", "0 or more")
        if isinstance(low, int) and isinstance(high, int) and high < low:
            findings.add(Rule.BOUND, (*location, most), f"is {high}", f"{low} or more, as {least}")


def _is_shaped(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _check_values(
    field: Mapping[str, Any], kind: str, location: Location, findings: Findings
) -> None:
    """Checks the pattern, and the default and allowed values by type, pattern and each other."""
    pattern = _pattern(field, location, findings)
    allowed = field.get("allowedValues")
    if not isinstance(allowed, list):
        allowed = None
    for index, value in enumerate(allowed or ()):
        _check_allowed(value, kind, pattern, (*location, "allowedValues", index), findings)
    if "default" not in field:
        return
    default, own = field["default"], (*location, "default")
    if plain(kind) == "String" and findings.add_misread(default, own):
        return
    if not _is_of_type(default, kind):
        findings.add(Rule.TYPE, own, f"is {shown_value(default)}", f"a value of type {kind}")
        return
    for index, value in enumerate(default if isinstance(default, list) else [default]):
        at = (*own, index) if isinstance(default, list) else own
        if allowed is not None and not has_reference(value) and not _is_among(value, allowed, kind):
            findings.add(
                Rule.DEFAULT,
                at,
                f"is {shown_value(value)}",
                f"one of allowedValues: {listed(allowed)}",
                among=[str(v) for v in allowed],
                like=value,
            )
        if pattern is not None and isinstance(value, str) and value:
            _check_match(pattern, value, at, findings)
    _check_length(field, default, own, findings)


def _pattern(field: Mapping[str, Any], location: Location, findings: Findings) -> str | None:
    """The allowedPattern; None, with a finding, for one that does not compile."""
    pattern = field.get("allowedPattern")
    if not isinstance(pattern, str):
        return None
    try:
        compiled(pattern)
    except re.error as error:
        findings.add(
            Rule.PATTERN,
            (*location, "allowedPattern"),
            f"is {shown_value(pattern)}, which does not compile",
            f"a regular expression: {error}",
        )
        return None
    return pattern


def _check_allowed(
    value: object, kind: str, pattern: str | None, location: Location, findings: Findings
) -> None:
    """Notes an allowed value that its own parameter does not take."""
    element = {"StringList": "String", "MapList": "StringMap"}.get(plain(kind), kind)
    is_scalar = element == "String" and isinstance(value, str | int | float)
    if element == "String" and findings.add_misread(value, location):
        return
    if not is_scalar and not _is_of_type(value, element):
        findings.add(Rule.TYPE, location, f"is {shown_value(value)}", f"a value of type {element}")
    elif pattern is not None and isinstance(value, str):
        _check_match(pattern, value, location, findings)


def _check_match(pattern: str, value: str, location: Location, findings: Findings) -> None:
    """Notes a value that a pattern does not take, or on which it does not come to an end."""
    if has_reference(value):
        return
    try:
        is_match = matches(pattern, value)
    except TooSlowError:
        findings.add(
            Rule.PATTERN,
            location,
            f"is {shown_value(value)}, on which allowedPattern {pattern} takes longer than "
            f"{SECONDS} s",
            "a pattern without repetitions within repetitions, as (a+)+",
        )
        return
    if not is_match:
        findings.add(
            Rule.DEFAULT,
            location,
            f"is {shown_value(value)}",
            f"a match of allowedPattern {pattern}",
        )


def _check_length(
    field: Mapping[str, Any], default: object, location: Location, findings: Findings
) -> None:
    for kind, (least, most), unit in (
        (list, _BOUNDS[0], "values"),
        (str, _BOUNDS[1], "characters"),
    ):
        if not isinstance(default, kind) or not isinstance(default, list | str):
            continue
        low, high = field.get(least), field.get(most)
        if isinstance(low, int) and len(default) < low:
            findings.add(
                Rule.DEFAULT, location, f"has {len(default)} {unit}", f"{low} or more ({least})"
            )
        if isinstance(high, int) and len(default) > high:
            findings.add(
                Rule.DEFAULT, location, f"has {len(default)} {unit}", f"at most {high} ({most})"
            )


def _is_among(value: object, allowed: list[Any], kind: str) -> bool:
    """Whether a value is an allowed one: as it is written, but for truth values.

    Source: SSM's refusal, in CrowdStrike/aws-ssm-distributor, issue 100.
    """
    texts = [_as_text(each) for each in allowed]
    if kind == "Boolean":
        return _as_text(value).lower() in [text.lower() for text in texts]
    return _as_text(value) in texts


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_of_type(value: object, kind: str) -> bool:
    """Whether a default is of its parameter's type; texts may spell other values, as JSON does."""
    kind = plain(kind)
    if kind == "Integer":
        return type(value) is int or (
            isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) is not None
        )
    if kind == "Boolean":
        return isinstance(value, bool) or str(value).lower() in ("true", "false")
    if isinstance(value, str) and (has_reference(value) or value == ""):
        return True
    wanted: dict[str, tuple[type, ...]] = {
        "String": (str,),
        "StringList": (list,),
        "StringMap": (dict, str),
        "MapList": (list, str),
    }
    return kind not in wanted or isinstance(value, wanted[kind])
