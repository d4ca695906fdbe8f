"""The parameters of a start, checked against the document as SSM does."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.ssm.automation.sessions import invalid_parameters
from sandbox.ssm.documents import patterns
from sandbox.ssm.documents.references import UnknownReference, as_text
from sandbox.ssm.documents.references import resolve as resolve_references

Given = Mapping[str, list[str]]
"""Parameters as the API takes them: lists of strings."""
Values = dict[str, Any]
"""Parameters as steps see them: by the document's types."""

INSTANCE_ID = re.compile(r"m?i-[a-z0-9]{8,17}")
"""Source: Systems Manager User Guide, Populating input parameters."""
_TYPED_IDS = {
    "AWS::EC2::Instance::Id": INSTANCE_ID,
    "AWS::IAM::Role::Arn": re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+"),
    "AWS::S3::Bucket::Name": re.compile(r"[0-9a-z][0-9a-z.-]{1,61}[0-9a-z]"),
}


def resolve(definitions: Mapping[str, Mapping[str, Any]], given: Given) -> Values:
    """Every parameter's value, given or default; raises ApiError for a value SSM would refuse."""
    if unknown := sorted(set(given) - set(definitions)):
        raise invalid_parameters(
            f"Parameter(s) {', '.join(unknown)} not found in the document; "
            f"known: {', '.join(definitions) or 'none'}."
        )
    missing = [n for n, d in definitions.items() if n not in given and "default" not in d]
    if missing:
        raise invalid_parameters(f"Required parameter(s) {', '.join(missing)} not supplied.")
    return {
        name: _given_value(name, definition, given[name])
        if name in given
        else definition["default"]
        for name, definition in definitions.items()
    }


class Filled(Mapping[str, Any]):
    """Parameters, with the references within their values filled, and system variables.

    A value may refer to system variables, other parameters and, as ``{{ssm:NAME}}``, to Parameter
    Store; what it does not know stays as it is written. Source: Systems Manager User Guide,
    Automation system variables.
    """

    def __init__(
        self, values: Values, system: Mapping[str, Any], stored: Callable[[str], str]
    ) -> None:
        """``stored`` gives the value of a parameter in Parameter Store, by name."""
        self._values, self._system, self._stored = values, system, stored
        self._being_filled: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name.startswith("ssm:"):
            return self._stored(name.removeprefix("ssm:"))
        if name in self._system:
            return self._system[name]
        value = self._values[name]
        if name in self._being_filled:
            circle = " -> ".join((*self._being_filled, name))
            raise UnknownReference(f"Parameters refer to each other in a circle: {circle}")
        self._being_filled.append(name)
        try:
            return resolve_references(value, self, keep_unknown=True)
        finally:
            self._being_filled.pop()

    def __contains__(self, name: object) -> bool:
        return str(name).startswith("ssm:") or name in self._system or name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter({**self._system, **self._values})

    def __len__(self) -> int:
        return len(self._system) + len(self._values)


def as_given(values: Values) -> dict[str, list[str]]:
    """Values in the API's form."""
    return {name: _texts(value) for name, value in values.items()}


def _given_value(name: str, definition: Mapping[str, Any], texts: list[str]) -> Any:
    kind = str(definition.get("type", "String"))
    _check_allowed(name, definition, texts)
    element = _element_type(kind)
    if element is not None:
        _check_count(name, definition, texts)
        return [_typed(name, element, text) for text in texts]
    if kind == "MapList":
        return [_json(name, kind, text, dict) for text in texts]
    if len(texts) != 1:
        raise invalid_parameters(
            f"Parameter {name} is of type {kind} and takes one value, not {len(texts)}."
        )
    return _typed(name, kind, texts[0])


def _element_type(kind: str) -> str | None:
    """The type of a list type's elements; None for a type that is not a list of strings."""
    if kind == "StringList":
        return "String"
    return kind[len("List<") : -1] if kind.startswith("List<") else None


def _typed(name: str, kind: str, text: str) -> Any:
    if not isinstance(text, str):
        raise invalid_parameters(f"Parameter {name} has a value that is not a string.")
    if kind in _TYPED_IDS and not _TYPED_IDS[kind].fullmatch(text):
        raise invalid_parameters(f"Parameter {name} has value {text}, which is not of type {kind}.")
    convert: dict[str, Callable[[], Any]] = {
        "Integer": lambda: _integer(name, text),
        "Boolean": lambda: _boolean(name, text),
        "StringMap": lambda: _json(name, kind, text, dict),
    }
    return convert.get(kind, lambda: text)()


def _check_allowed(name: str, definition: Mapping[str, Any], texts: list[str]) -> None:
    allowed = [as_text(value) for value in definition.get("allowedValues", ())]
    pattern = definition.get("allowedPattern")
    for text in texts:
        if "allowedValues" in definition and text not in allowed:
            raise invalid_parameters(
                f"Parameter {name} has value {text}, which is not one of the allowed values "
                f"{', '.join(allowed)}."
            )
        if pattern is not None:
            _check_pattern(name, str(pattern), text)
        least, most = definition.get("minChars", 0), definition.get("maxChars")
        if len(text) < least or (most is not None and len(text) > most):
            raise invalid_parameters(
                f"Parameter {name} has a value of {len(text)} characters; "
                f"allowed are {least} to {most if most is not None else 'any number'}."
            )


def _check_pattern(name: str, pattern: str, text: str) -> None:
    try:
        if patterns.matches(pattern, text):
            return
        reason = f"which does not match the allowed pattern {pattern}"
    except patterns.PatternError as error:
        reason = f"of which the allowed pattern {pattern} decides nothing: {error}"
    raise invalid_parameters(f"Parameter {name} has value {text}, {reason}.")


def _check_count(name: str, definition: Mapping[str, Any], texts: list[str]) -> None:
    least, most = definition.get("minItems", 0), definition.get("maxItems")
    if len(texts) < least or (most is not None and len(texts) > most):
        raise invalid_parameters(
            f"Parameter {name} has {len(texts)} values; "
            f"allowed are {least} to {most if most is not None else 'any number'}."
        )


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid_parameters(
            f"Parameter {name} has value {text}, which is not an Integer."
        ) from None


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise invalid_parameters(f"Parameter {name} has value {text}, which is not a Boolean.")
    return text.lower() == "true"


def _json(name: str, kind: str, text: str, expected: type) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, expected):
        raise invalid_parameters(f"Parameter {name} has value {text}, which is not a {kind}.")
    return value


def _texts(value: Any) -> list[str]:
    return list(map(as_text, value)) if isinstance(value, list) else [as_text(value)]
