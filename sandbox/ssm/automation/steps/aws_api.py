"""Calls of any AWS API, as three actions make them, and what is selected from the answers."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import jsonpath
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from sandbox.ssm.automation.steps.base import Action, StepFailed
from sandbox.ssm.documents.references import as_text

_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")


class AwsApiAction(Action):
    """An action that calls ``Api`` of ``Service`` with its further inputs as parameters."""

    def answer(self) -> Any:
        """What the API answers, as plain JSON values."""
        service, api = str(self.required("Service")), str(self.required("Api"))
        client = self._client(service, api)
        given = {k: v for k, v in self.inputs.items() if k not in _OWN_INPUTS}
        parameters = fitted(client, api, given)
        answer = self.call(getattr(client, xform_name(api)), parameters)
        return json.loads(json.dumps(answer, default=_plain))

    def _client(self, service: str, api: str) -> Any:
        """A client of a service that has such an API."""
        try:
            client = self.client(service.lower())
        except UnknownServiceError:
            raise StepFailed(f"Service {service} does not exist") from None
        if xform_name(api) not in client.meta.method_to_api_mapping:
            raise StepFailed(f"Api {api} of service {service} does not exist")
        return client


def fitted(client: Any, api: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs in the form of an API's: a string for a list of one, and the reverse; a number or a
    truth value as a string where the API takes strings."""
    operation = client.meta.method_to_api_mapping[xform_name(api)]
    shape = client.meta.service_model.operation_model(operation).input_shape
    return dict(_fitted(dict(given), shape))


def _fitted(value: Any, shape: Any) -> Any:
    kind = shape.type_name if shape is not None else ""
    if kind == "list":
        elements = value if isinstance(value, list) else [value]
        return [_fitted(element, shape.member) for element in elements]
    if kind == "structure" and isinstance(value, dict):
        return {name: _fitted(v, shape.members.get(name)) for name, v in value.items()}
    if kind in ("string", "integer", "long", "boolean") and isinstance(value, list):
        return value[0] if len(value) == 1 else value
    if kind == "string" and isinstance(value, int | float):
        return json.dumps(value)
    return value


def selected_outputs(answer: Any, outputs: Any) -> dict[str, Any]:
    """The declared ``outputs`` of a step that their selectors find in its answer, by name.

    A step whose selector finds nothing goes on without that output.
    """
    found = {
        output["Name"]: (select(answer, output["Selector"]), output.get("Type"))
        for output in outputs or ()
    }
    return {name: _typed(name, values, kind) for name, (values, kind) in found.items() if values}


def select(answer: Any, selector: str) -> list[Any]:
    """What a ``Selector`` (a JSONPath) finds."""
    try:
        return [match.obj for match in jsonpath.finditer(selector, answer)]
    except jsonpath.JSONPathError as error:
        raise StepFailed(f"Selector {selector} is not a JSONPath: {error}") from None


def _typed(name: str, found: list[Any], kind: str | None) -> Any:
    """What a selector found, in the form that the output's ``Type`` declares."""
    if kind in ("StringList", "MapList"):
        elements = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return list(map(as_text, elements)) if kind == "StringList" else elements
    value = found[0]
    if kind is not None and kind != "StringMap" and isinstance(value, list) and len(value) == 1:
        value = value[0]
    try:
        return _CONVERSIONS[kind](value)
    except KeyError:
        raise StepFailed(f"Output {name} has Type {kind}, which does not exist") from None
    except (TypeError, ValueError):
        raise StepFailed(
            f"Output {name} is {as_text(value)}, which is not of type {kind}"
        ) from None


def _map(value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _truth(value: Any) -> bool:
    if as_text(value).lower() not in ("true", "false"):
        raise ValueError(value)
    return as_text(value).lower() == "true"


_CONVERSIONS: dict[str | None, Callable[[Any], Any]] = {
    None: lambda value: value,
    "String": as_text,
    "Integer": int,
    "Boolean": _truth,
    "StringMap": _map,
}


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    read = getattr(value, "read", None)
    return _plain(read()) if read else str(value)
