"""Whether a value may stand where a type is wanted, with the types behind its references."""

import re
from collections.abc import Iterator

from delegation.files import Location
from delegation.runbooks.checks.actions import Input
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.references import has_reference, references_in, whole_reference
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope
from delegation.runbooks.checks.types import fits

_WORDS = {
    "String": "a string",
    "StringList": "a list of strings",
    "Integer": "a whole number",
    "Boolean": "true or false",
    "StringMap": "an object",
    "MapList": "a list of objects",
    "AnyList": "a list",
}


def check_input(
    value: object, wanted: Input, location: Location, scope: Scope, findings: Findings
) -> None:
    """Notes where a value is not what an input takes: its type, values, bounds and pattern."""
    if any(_is_written(value, kind) for kind in wanted.also) and whole_reference(value) is None:
        return
    if not check_type(value, wanted.type, location, scope, findings):
        return
    texts = value if isinstance(value, list) else [value]
    for index, text in enumerate(texts):
        if has_reference(text):
            continue
        at = (*location, index) if isinstance(value, list) else location
        if found := _out_of_bounds(text, wanted):
            like = text if isinstance(text, str) else None
            allowed, among = found
            findings.add(Rule.VALUE, at, f"is {shown_value(text)}", allowed, among=among, like=like)
    if isinstance(value, list):
        if wanted.max_items is not None and len(value) > wanted.max_items:
            findings.add(
                Rule.VALUE, location, f"has {len(value)} values", f"at most {wanted.max_items}"
            )
        if wanted.min_items is not None and len(value) < wanted.min_items:
            findings.add(
                Rule.VALUE, location, f"has {len(value)} values", f"at least {wanted.min_items}"
            )


def check_type(
    value: object,
    wanted: str,
    location: Location,
    scope: Scope,
    findings: Findings,
    *,
    is_element: bool = False,
) -> bool:
    """Notes where a value is not of a type; whether it was written out and is of it."""
    if (name := whole_reference(value)) is not None:
        reference = next(references_in(value, location))
        kind = scope.type_of(reference, findings)
        if kind is not None and not fits(
            kind, wanted, is_output=scope.is_output(name), in_list=is_element
        ):
            findings.add(
                Rule.TYPE,
                location,
                f"{{{{ {name} }}}} is of type {kind}",
                f"{_WORDS[wanted]} is wanted",
            )
        return False
    if wanted == "String" and findings.add_misread(value, location):
        return False
    if not _is_written(value, wanted):
        findings.add(Rule.TYPE, location, f"is {shown_value(value)}", f"{_WORDS[wanted]} is wanted")
        return False
    for at, element, kind in _elements(value, wanted, location):
        check_type(element, kind, at, scope, findings, is_element=True)
    return True


def _is_written(value: object, wanted: str) -> bool:
    """Whether a value that is not a reference is of a type, as SSM reads it."""
    if wanted == "Any":
        return True
    if wanted == "String":
        return isinstance(value, str | int | float)
    if wanted == "Integer":
        text = isinstance(value, str) and (has_reference(value) or _NUMBER.fullmatch(value))
        return type(value) is int or bool(text)
    if wanted == "Boolean":
        text = isinstance(value, str) and (has_reference(value) or value.lower() in _TRUTHS)
        return isinstance(value, bool) or bool(text)
    return isinstance(value, dict if wanted == "StringMap" else list)


_TRUTHS = ("true", "false")
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def _elements(
    value: object, wanted: str, location: Location
) -> Iterator[tuple[Location, object, str]]:
    """The elements of a list with the type wanted of each; of other values none."""
    kind = {"StringList": "String", "MapList": "StringMap"}.get(wanted)
    if kind and isinstance(value, list):
        for index, element in enumerate(value):
            yield (*location, index), element, kind


def _out_of_bounds(value: object, wanted: Input) -> tuple[str, tuple[str, ...]] | None:
    """What is allowed instead of a value that an input does not take, and among what."""
    if wanted.values and str(value) not in wanted.values:
        return f"allowed: {listed(wanted.values)}", wanted.values
    if wanted.min is not None or wanted.max is not None:
        number = int(str(value))
        least, most = wanted.min, wanted.max
        if (least is not None and number < least) or (most is not None and number > most):
            return f"{least} or more" if most is None else f"{least or 0} to {most}", ()
    if wanted.max_chars and isinstance(value, str) and len(value) > wanted.max_chars:
        return f"at most {wanted.max_chars} characters", ()
    if wanted.pattern and isinstance(value, str) and not re.fullmatch(wanted.pattern, value):
        return f"a match of {wanted.pattern}", ()
    return None
