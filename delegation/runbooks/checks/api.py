"""Calls of AWS APIs in a runbook, against AWS's own models: service, API, parameters, selectors.

Source: Systems Manager User Guide, aws:executeAwsApi; botocore's service models.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aws_facts.botocore_models import model, services
from delegation.files import Location
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.references import has_reference, whole_reference
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope, Step
from delegation.runbooks.checks.types import LISTS, plain
from delegation.runbooks.checks.values import check_type

_SELECTOR = re.compile(r"\$(?:\.[A-Za-z0-9_-]+|\[\d+\]|\[\*\]|\[-1:\])*")
"""Selectors that can be followed through AWS's model; others are only parsed."""
_PART = re.compile(r"\.([A-Za-z0-9_-]+)|\[[^\]]*\]")

Shapes = Mapping[str, Any]


def operation_of(inputs: Mapping[str, Any]) -> tuple[str, str, dict[str, Any], Shapes] | None:
    """Service, name, operation and shapes of the API that inputs name; None where none is."""
    service, api = inputs.get("Service"), inputs.get("Api")
    if not isinstance(service, str) or not isinstance(api, str):
        return None
    service = service.lower()
    if service not in services():
        return None
    loaded = model(service)
    name = _by_loose_name(api, loaded["operations"])
    return (service, name, loaded["operations"][name], loaded["shapes"]) if name else None


def check_api(step: Step, own_inputs: tuple[str, ...], scope: Scope, findings: Findings) -> None:
    """Notes what is wrong with a step's call: names, missing or mistyped parameters, selectors."""
    inputs, location = step.inputs, (*step.location, "inputs")
    service, api = inputs.get("Service"), inputs.get("Api")
    if not isinstance(service, str) or not isinstance(api, str):
        return
    for name, value in (("Service", service), ("Api", api)):
        if has_reference(value):
            findings.add(
                Rule.API,
                (*location, name),
                f"is {value!r}",
                "spelled out, so that the role can be bound",
            )
            return
    if service.lower() not in services():
        findings.add(
            Rule.API,
            (*location, "Service"),
            f"is {service!r}, no service",
            "the name that boto3 knows it by, as ec2",
            among=services(),
            like=service.lower(),
        )
        return
    found = operation_of(inputs)
    if found is None:
        operations = model(service.lower())["operations"]
        findings.add(
            Rule.API,
            (*location, "Api"),
            f"is {api!r}, no API of {service}",
            f"one of its {len(operations)}",
            among=operations,
            like=api,
        )
        return
    _, name, operation, shapes = found
    given = {k: v for k, v in inputs.items() if k not in own_inputs}
    root = {"type": "structure", "members": {}, **_shape(operation.get("input"), shapes)}
    for missing in root.get("required", ()):
        if missing not in given:
            findings.add(Rule.API, location, f"lacks {missing}", f"{name} requires it", at_key=True)
    _Parameters(shapes, scope, findings).check_structure(given, root, location)
    _check_selectors(step, operation, shapes, findings)


class _Parameters:
    """Checks the parameters of one call against the shapes of its model."""

    def __init__(self, shapes: Shapes, scope: Scope, findings: Findings) -> None:
        self._shapes, self._scope, self._findings = shapes, scope, findings

    def check_structure(self, value: Mapping[str, Any], shape: Any, location: Location) -> None:
        members = shape["members"]
        for key, element in value.items():
            if key not in members:
                self._findings.add_unknown(Rule.API, (*location, key), "parameter of it", members)
            else:
                self._check(element, self._shapes[members[key]["shape"]], (*location, key))

    def _check(
        self, value: object, shape: Any, location: Location, *, is_element: bool = False
    ) -> None:
        kind = shape["type"]
        if whole_reference(value) is not None:
            wanted = _WANTED.get(kind, "String")
            check_type(value, wanted, location, self._scope, self._findings, is_element=is_element)
        elif kind == "structure" and isinstance(value, dict):
            if not shape.get("document"):
                self._check_required(value, shape, location)
                self.check_structure(value, shape, location)
        elif kind in ("list", "map") and isinstance(value, list if kind == "list" else dict):
            self._check_elements(value, shape, location)
        elif isinstance(value, list) and len(value) == 1 and has_reference(value[0]):
            self._check(
                value[0], shape, (*location, 0)
            )  # Automation takes a list of one as its value
        elif kind in _TEXTS:
            self._check_text(value, shape, location)
        elif not _is_scalar(value, kind):
            self._findings.add(
                Rule.TYPE, location, f"is {shown_value(value)}", f"{_WORDS[kind]} is wanted"
            )

    def _check_elements(self, value: Any, shape: Any, location: Location) -> None:
        if isinstance(value, dict):
            for key, element in value.items():
                self._check(element, self._shapes[shape["value"]["shape"]], (*location, key))
            return
        member = self._shapes[shape["member"]["shape"]]
        for index, element in enumerate(value):
            self._check(element, member, (*location, index), is_element=True)

    def _check_required(self, value: Mapping[str, Any], shape: Any, location: Location) -> None:
        for missing in shape.get("required", ()):
            if missing not in value:
                self._findings.add(Rule.API, location, f"lacks {missing}", "it is required there")

    def _check_text(self, value: object, shape: Any, location: Location) -> None:
        if isinstance(value, dict | list):
            self._findings.add(
                Rule.TYPE, location, f"is {shown_value(value)}", "a string is wanted"
            )
            return
        if self._findings.add_misread(value, location):
            return
        values = shape.get("enum")
        if values and not has_reference(value) and str(value) not in values and value != "":
            self._findings.add(
                Rule.VALUE,
                location,
                f"is {shown_value(value)}",
                f"allowed: {listed(values)}",
                among=values,
                like=value,
            )


_TEXTS = ("string", "character")
_WANTED = {
    "structure": "StringMap",
    "map": "StringMap",
    "list": "AnyList",
    "integer": "Integer",
    "long": "Integer",
    "boolean": "Boolean",
}
"""The type that a reference needs where a model wants a shape; elsewhere ``String``."""
_WORDS = {
    "structure": "an object",
    "map": "an object",
    "list": "a list",
    "integer": "a whole number",
    "long": "a whole number",
    "float": "a number",
    "double": "a number",
    "boolean": "true or false",
    "string": "a string",
    "character": "a string",
    "timestamp": "a time",
    "blob": "a string",
}


def _is_scalar(value: object, kind: str) -> bool:
    if kind in ("structure", "map", "list") or isinstance(value, dict | list):
        return False
    if has_reference(value):
        return True
    if kind in ("integer", "long"):
        return bool(re.fullmatch(r"-?[0-9]{1,18}", str(value)))
    if kind == "boolean":
        return str(value).lower() in ("true", "false")
    if kind in ("float", "double"):
        return bool(re.fullmatch(r"-?\d+(\.\d+)?", str(value)))
    return True


def _check_selectors(step: Step, operation: Any, shapes: Shapes, findings: Findings) -> None:
    answer = _shape(operation.get("output"), shapes)
    answer = {**_NO_ANSWER, **answer}
    for location, written, kind in _selectors(step):
        selector = written if written.startswith("$") else f"$.{written}"
        if not _SELECTOR.fullmatch(selector):
            continue
        shape, before = answer, "$"
        if selector.startswith("$.ResponseMetadata"):
            continue
        for part in _PART.finditer(selector):
            following = _step_into(shape, part[1], shapes)
            if following is None:
                members = shape.get("members", {})
                findings.add(
                    Rule.SELECTOR,
                    location,
                    f"{selector!r}: the answer has no {part[1] or part[0]} in {before}",
                    f"there: {listed(members) or shape.get('type', 'nothing')}",
                    among=members,
                    like=part[1],
                )
                break
            shape, before = following, before + part[0]
        else:
            _check_selected(shape, "*" in selector, kind, location, findings)
            if location[-1] == "PropertySelector":
                _check_compared(step, shape, findings)


def _check_selected(
    shape: Any, is_many: bool, kind: str | None, location: Location, findings: Findings
) -> None:
    """Notes an output whose type the selected value is not."""
    if kind is None or is_many:
        return
    found = shape["type"]
    takes = {"list": LISTS, "structure": _MAPS, "map": _MAPS}.get(found)
    if takes is not None and plain(kind) not in takes:
        findings.add(Rule.TYPE, location, f"selects a {found}", f"its output is declared as {kind}")


_MAPS = ("StringMap", "String")


def _check_compared(step: Step, shape: Any, findings: Findings) -> None:
    """Notes values that the property compared with them never has.

    Source: botocore's enumerations; Systems Manager User Guide, aws:assertAwsResourceProperty, for
    truth values, which begin with a capital letter.
    """
    known = ["True", "False"] if shape["type"] == "boolean" else shape.get("enum")
    values = step.inputs.get("DesiredValues")
    for index, value in enumerate(values if known and isinstance(values, list) else ()):
        is_written = isinstance(value, str) and not has_reference(value)
        if (is_written or isinstance(value, bool)) and str(value) not in known:
            findings.add(
                Rule.VALUE,
                (*step.location, "inputs", "DesiredValues", index),
                f"is {shown_value(value)}, which the property never is",
                f"it is one of: {listed(known)}",
                among=known,
                like=value,
            )


def _selectors(step: Step) -> Iterator[tuple[Location, str, str | None]]:
    """Every selector of a step with the type declared of what it selects."""
    outputs = step.definition.get("outputs")
    for index, output in enumerate(outputs if isinstance(outputs, list) else ()):
        selector = output.get("Selector") if isinstance(output, dict) else None
        if isinstance(selector, str) and not has_reference(selector):
            kind = str(output.get("Type", "String"))
            yield (*step.location, "outputs", index, "Selector"), selector, kind
    selector = step.inputs.get("PropertySelector")
    if isinstance(selector, str) and not has_reference(selector):
        yield (*step.location, "inputs", "PropertySelector"), selector, None


_NO_ANSWER = {"type": "structure", "members": {}}


def _step_into(shape: Any, member: str | None, shapes: Shapes) -> Any | None:
    """The shape behind a part of a selector; None where the answer has no such part."""
    kind = shape.get("type")
    if member is None:
        return shapes[shape["member"]["shape"]] if kind == "list" else None
    if kind == "structure":
        found = shape["members"].get(member)
        return shapes[found["shape"]] if found else None
    return shapes[shape["value"]["shape"]] if kind == "map" else None


def _shape(reference: Any, shapes: Shapes) -> Any:
    return shapes[reference["shape"]] if reference else {}


def _by_loose_name(api: str, operations: Mapping[str, Any]) -> str | None:
    """The operation of a name, which may begin with a small letter or be boto3's method."""
    if api in operations:
        return api
    if api[:1].islower():
        return {name.lower(): name for name in operations}.get(api.replace("_", "").lower())
    return None
