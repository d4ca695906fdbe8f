"""Requests checked against botocore's model of SSM, with the service's own words for a mismatch."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError, ServiceModel, Shape

from sandbox.ssm.api.errors import ApiError, validation_error

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
    "timestamp": (int, float, str),
}


_MODELS = {"states": "stepfunctions", "monitoring": "cloudwatch"}
"""What botocore calls a service that the emulator calls otherwise."""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, which is Java's: its Unicode classes are Python's word characters."""
    python = re.sub(r"\\p\{[A-Z]\}", r"\\w\\s", pattern)
    return re.compile(python[:-1] + r"\Z" if python.endswith("$") else python)


def ssm_model() -> ServiceModel:
    """The model of the SSM API."""
    return _model("ssm")


def check_request(operation: str, parameters: dict[str, Any]) -> None:
    """Raises ApiError where a request does not fit the operation's input."""
    shape = ssm_model().operation_model(operation).input_shape
    if shape is not None:
        _check_types(shape, parameters, "")
    found = list(_violations(shape, parameters, "")) if shape is not None else []
    if found:
        raise _refused(found)


def check_members(service: str, operation: str, parameters: dict[str, Any]) -> None:
    """Raises ApiError where members of a request to any service have another type than the model's,
    or are missing; bounds and patterns are left to the service. An operation that no model knows is
    not checked here."""
    try:
        shape = _model(_MODELS.get(service, service)).operation_model(operation).input_shape
    except (UnknownServiceError, OperationNotFoundError):
        return
    if shape is None:
        return
    missing = [name for name in shape.required_members if parameters.get(name) is None]
    if missing:
        raise _refused([_missing("", name) for name in missing])
    _check_types(shape, parameters, "")


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _check_types(shape: Shape, value: Any, path: str) -> None:
    """Raises ApiError for the first member of another type than the model's."""
    expected = _TYPES.get(shape.type_name)
    if expected and (
        not isinstance(value, expected) or (expected is int and isinstance(value, bool))
    ):
        raise ApiError(
            "SerializationException",
            f"{path or 'the request'} has type {type(value).__name__}, not {shape.type_name}",
        )
    for name, member, element in _members(shape, value):
        if element is not None:
            _check_types(member, element, _member(path, name))


def _members(shape: Shape, value: Any) -> Iterator[tuple[str, Shape, Any]]:
    if shape.type_name == "structure":
        yield from ((name, each, value.get(name)) for name, each in shape.members.items())
    elif shape.type_name == "list":
        yield from ((str(n), shape.member, each) for n, each in enumerate(value, start=1))
    elif shape.type_name == "map":
        yield from ((str(key), shape.value, each) for key, each in value.items())


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """A structure without the members that have no value, as answers leave them out."""
    return {name: value for name, value in members.items() if value is not None}


def _refused(violations: list[str]) -> ApiError:
    plural = "error" if len(violations) == 1 else "errors"
    return validation_error(
        f"{len(violations)} validation {plural} detected: {'; '.join(violations)}"
    )


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value of this shape, in the service's words."""
    where = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must "
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path, where)


def _structure(shape: Shape, value: Any, path: str, where: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _missing(path, name)
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(member, value[name], _member(path, name))


def _missing(path: str, name: str) -> str:
    return (
        f"Value null at '{_member(path, name)}' failed to satisfy constraint: Member must not be "
        "null"
    )


def _list(shape: Shape, value: Any, path: str, where: str) -> Iterator[str]:
    yield from _out_of_bounds(shape, len(value), where, "have length")
    for number, element in enumerate(value, start=1):
        yield from _violations(shape.member, element, f"{path}.{number}.member")


def _map(shape: Shape, value: Any, path: str, where: str) -> Iterator[str]:
    yield from _out_of_bounds(shape, len(value), where, "have length")
    for key, element in value.items():
        yield from _violations(shape.key, key, f"{path}.key")
        yield from _violations(shape.value, element, f"{path}.{key}.member")


def _string(shape: Shape, value: Any, path: str, where: str) -> Iterator[str]:
    yield from _out_of_bounds(shape, len(value), where, "have length")
    if shape.enum and value not in shape.enum:
        yield f"{where}satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).search(value):
        yield f"{where}satisfy regular expression pattern: {pattern}"


def _number(shape: Shape, value: Any, path: str, where: str) -> Iterator[str]:
    yield from _out_of_bounds(shape, value, where, "have value")


def _out_of_bounds(shape: Shape, measure: int, where: str, verb: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and measure < least:
        yield f"{where}{verb} greater than or equal to {least}"
    if most is not None and measure > most:
        yield f"{where}{verb} less than or equal to {most}"


def _member(path: str, name: str) -> str:
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


_CHECKS: dict[str, Callable[[Shape, Any, str, str], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
}
