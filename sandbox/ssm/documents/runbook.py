"""An Automation document's content, checked as far as the sandbox relies on it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.ssm.api.errors import ApiError

_TYPES = re.compile(
    r"String|StringList|Integer|Boolean|StringMap|MapList"
    r"|(List<)?AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+>?"
)
_JAVA_CLASSES = {"L": "A-Za-z\u00aa-\u024f\u0370-\u1fff\u3040-\ud7a3", "N": "0-9", "Z": r"\s"}
"""What Java's Unicode classes hold, as ranges for Python's regular expressions, which lack them."""


def check_runbook(content: Mapping[str, Any]) -> None:
    """Raises ApiError for what cannot be run; the first fault is reported."""
    for fault in (*_parameter_faults(content), *_step_faults(content), *_output_faults(content)):
        raise ApiError("InvalidDocumentContent", fault)


def compiled(pattern: str) -> re.Pattern[str]:
    """A parameter's ``allowedPattern``, which is Java's; raises re.error."""
    python = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    translated, within_class, position = "", False, 0
    while position < len(python):
        character, name = python[position], python[position + 3 : position + 4]
        if python.startswith(r"\p{", position) and name in _JAVA_CLASSES:
            ranges = _JAVA_CLASSES[name]
            translated += ranges if within_class else f"[{ranges}]"
            position += len(r"\p{L}")
            continue
        if character == "\\":
            translated += python[position : position + 2]
            position += 2
            continue
        within_class = character == "[" or (within_class and character != "]")
        translated += character
        position += 1
    return re.compile(translated)


def _parameter_faults(content: Mapping[str, Any]) -> Iterator[str]:
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict):
        yield "parameters is not an object."
        return
    for name, field in parameters.items():
        if not isinstance(field, dict):
            yield f"Parameter {name} is not an object."
            continue
        if not _TYPES.fullmatch(str(field.get("type"))):
            yield f"Parameter {name} has type {field.get('type')}, which does not exist."
        yield from _rule_faults(name, field)


def _rule_faults(name: str, field: Mapping[str, Any]) -> Iterator[str]:
    for rule in ("minItems", "maxItems", "minChars", "maxChars"):
        if not isinstance(field.get(rule, 0), int):
            yield f"Parameter {name} has {rule} {field[rule]!r}, which is not a number."
    if not isinstance(field.get("allowedValues", []), list):
        yield f"Parameter {name} has allowedValues that are no list."
    elif "allowedValues" in field and "default" in field:
        default = field["default"]
        for value in default if isinstance(default, list) else [default]:
            if value not in field["allowedValues"]:
                yield f"Parameter {name} has default {value!r}, which allowedValues lacks."
    try:
        compiled(str(field.get("allowedPattern", "")))
    except re.error as error:
        yield f"Parameter {name} has an allowedPattern that does not compile: {error}."


def _step_faults(content: Mapping[str, Any]) -> Iterator[str]:
    steps = content.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        yield "mainSteps is not a list of at least one step."
        return
    names: set[str] = set()
    for step in steps:
        if not isinstance(step, dict) or not all(
            isinstance(step.get(key), str) and step[key] for key in ("name", "action")
        ):
            yield "Every step needs a name and an action."
            return
        if step["name"] in names:
            yield f"Step name {step['name']} is not unique."
        names.add(step["name"])
    for step in steps:
        yield from _flow_faults(step, names)


def _flow_faults(step: Mapping[str, Any], names: set[str]) -> Iterator[str]:
    where = f"Step {step['name']}"
    if not isinstance(step.get("inputs", {}), dict):
        yield f"{where} has inputs that are no object."
    if not isinstance(step.get("outputs", []), list):
        yield f"{where} has outputs that are no list."
    if "nextStep" in step and step["nextStep"] not in names:
        yield f"{where} goes on to {step['nextStep']}, which is not a step."
    on_failure = str(step.get("onFailure", "Abort"))
    target = on_failure.removeprefix("step:").strip()
    if on_failure.startswith("step:") and target not in names:
        yield f"{where} goes to {target} on failure, which is not a step."
    if not on_failure.startswith("step:") and on_failure not in ("Abort", "Continue"):
        yield f"{where} has onFailure {on_failure}; known: Abort, Continue, step:NAME."


def _output_faults(content: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(content.get("outputs", []), list):
        yield "outputs is not a list."
