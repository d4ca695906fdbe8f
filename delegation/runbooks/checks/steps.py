"""The steps of a runbook: their fields, and the inputs of their actions.

Source: Systems Manager User Guide, Properties shared by all actions.
"""

import re
from collections.abc import Mapping
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.actions import Action, Input, actions
from delegation.runbooks.checks.api import check_api
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.references import (
    broken_references_in,
    has_reference,
    references_in,
)
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope, Step
from delegation.runbooks.checks.selectors import selector_problem
from delegation.runbooks.checks.types import OUTPUT_TYPES
from delegation.runbooks.checks.values import check_input, check_type

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Source: Systems Manager User Guide, Properties shared by all actions, which names no minimum; the
hyphen is what public runbooks use."""
FIELDS = {
    "name": Input(type="String", required=True),
    "action": Input(type="String", required=True),
    "description": Input(type="String"),
    "inputs": Input(type="StringMap"),
    "outputs": Input(type="MapList"),
    "maxAttempts": Input(type="Integer", min=1),
    "timeoutSeconds": Input(type="Integer", min=1),
    "onFailure": Input(type="String"),
    "onCancel": Input(type="String"),
    "isCritical": Input(type="Boolean"),
    "isEnd": Input(type="Boolean"),
    "nextStep": Input(type="String"),
}


def check_step_shapes(steps: object, location: Location, findings: Findings) -> None:
    """Notes what is not a list of steps with a name and an action, and names that are bad."""
    if not isinstance(steps, list) or not steps:
        found = f"is {shown_value(steps)}" if steps is not None else "is missing"
        findings.add(Rule.SHAPE, location, found, "a list of at least one step")
        return
    for index, step in enumerate(steps):
        own = (*location, index)
        if not isinstance(step, dict):
            findings.add(Rule.SHAPE, own, f"is {shown_value(step)}", "an object of fields")
            continue
        for key in ("name", "action"):
            if not isinstance(step.get(key), str) or not step[key]:
                found = f"is {shown_value(step[key])}" if key in step else "is missing"
                findings.add(Rule.SHAPE, (*own, key), found, "a string; every step has one")
        if isinstance(step.get("name"), str) and not _NAME.fullmatch(step["name"]):
            findings.add(
                Rule.NAME,
                (*own, "name"),
                f"is {shown_value(step['name'])}",
                "1 to 128 letters, digits, _ and -",
            )
        inputs = step.get("inputs")
        if step.get("action") == "aws:loop" and isinstance(inputs, dict) and "Steps" in inputs:
            check_step_shapes(inputs["Steps"], (*own, "inputs", "Steps"), findings)


def check_names(steps: list[Step], findings: Findings) -> None:
    """Notes step names that stand twice, within loops as well."""
    seen: set[str] = set()
    for step in steps:
        if step.name in seen:
            location = (*step.location, "name")
            findings.add(
                Rule.DUPLICATE_STEP,
                location,
                f"is {step.name!r} again",
                "a name that no other step has",
            )
        seen.add(step.name)


def check_step(step: Step, scope: Scope, findings: Findings) -> None:
    """Notes what is wrong with a step's fields, inputs and outputs."""
    for key, value in step.definition.items():
        location = (*step.location, str(key))
        if isinstance(key, str) and key not in FIELDS:
            findings.add_unknown(Rule.UNKNOWN_FIELD, location, "field of a step", FIELDS)
        elif key in FIELDS and key not in ("inputs", "outputs"):
            check_input(value, FIELDS[key], location, scope, findings)
    action = actions().get(step.action)
    if action is None:
        findings.add(
            Rule.ACTION,
            (*step.location, "action"),
            f"is {step.action!r}, no action",
            f"allowed: {listed(actions())}",
            among=actions(),
            like=step.action,
        )
        _check_references(
            step.definition.get("inputs"), (*step.location, "inputs"), scope, findings
        )
        return
    inputs = step.definition.get("inputs", {})
    if not isinstance(inputs, dict):
        location = (*step.location, "inputs")
        findings.add(
            Rule.SHAPE, location, f"is {shown_value(inputs)}", "an object of inputs by name"
        )
    else:
        _check_inputs(step, action, scope, findings)
    if "PropertySelector" in action.inputs:
        location = (*step.location, "inputs", "PropertySelector")
        check_selector(step.inputs.get("PropertySelector"), location, findings)
    _check_limits(step, action, findings)
    _check_outputs(step, scope, findings)


def _check_inputs(step: Step, action: Action, scope: Scope, findings: Findings) -> None:
    location = (*step.location, "inputs")
    for name, wanted in action.inputs.items():
        if wanted.required and name not in step.inputs:
            findings.add(
                Rule.REQUIRED, location, f"lacks {name}", f"{action.name} requires it", at_key=True
            )
    _check_groups(step, action, findings)
    for name, value in step.inputs.items():
        own = (*location, str(name))
        if name in action.inputs:
            check_input(value, action.inputs[name], own, scope, findings)
        elif not action.is_open:
            what = f"input of {action.name}"
            findings.add_unknown(Rule.UNKNOWN_INPUT, own, what, action.inputs)
        if name not in _CODE:
            _check_references(value, own, scope, findings)
    if action.is_open:
        check_api(step, tuple(action.inputs), scope, findings)


_CODE = ("Script", "Steps")
"""Inputs whose braces are not references, or are looked at step by step."""


def _check_limits(step: Step, action: Action, findings: Findings) -> None:
    """Notes a time limit that is longer than the action's own."""
    seconds = step.definition.get("timeoutSeconds")
    most = action.timeout_max
    if most is not None and re.fullmatch(r"[0-9]{1,18}", str(seconds)) and int(str(seconds)) > most:
        location = (*step.location, "timeoutSeconds")
        findings.add(Rule.VALUE, location, f"is {seconds}", f"at most {most} for {action.name}")


def _check_groups(step: Step, action: Action, findings: Findings) -> None:
    """Notes inputs of which one is wanted and none or several are given."""
    location = (*step.location, "inputs")
    for name, others in action.needs_with.items():
        if name in step.inputs and not any(other in step.inputs for other in others):
            findings.add(
                Rule.REQUIRED,
                (*location, name),
                f"stands without {' or '.join(others)}",
                f"{action.name} takes both or neither",
                at_key=True,
            )
    for groups, least, most, allowed in (
        (action.exactly_one, 1, 1, "exactly one of them"),
        (action.at_least_one, 1, None, "at least one of them"),
        (action.at_most_one, 0, 1, "at most one of them"),
    ):
        for group in groups:
            given = [name for name in group if name in step.inputs]
            if len(given) < least:
                found = f"has none of {', '.join(group)}"
            elif most is not None and len(given) > most:
                found = f"has {' and '.join(given)}"
            else:
                continue
            findings.add(Rule.REQUIRED, location, found, allowed, at_key=True)


def _check_outputs(step: Step, scope: Scope, findings: Findings) -> None:
    location = (*step.location, "outputs")
    outputs = step.definition.get("outputs")
    if outputs is None:
        return
    if not isinstance(outputs, list):
        findings.add(Rule.SHAPE, location, f"is {shown_value(outputs)}", "a list of outputs")
        return
    seen: set[str] = set()
    for index, output in enumerate(outputs):
        own = (*location, index)
        if not isinstance(output, dict) or not isinstance(output.get("Name"), str):
            found = shown_value(output)
            findings.add(Rule.OUTPUTS, own, f"is {found}", "an object with Name, Selector and Type")
            continue
        _check_output(output, own, scope, findings)
        if output["Name"] in seen:
            findings.add(Rule.OUTPUTS, own, f"names {output['Name']!r} again", "each name once")
        seen.add(output["Name"])


def check_selector(selector: object, location: Location, findings: Findings) -> None:
    """Notes a selector that is not a JSONPath."""
    if not isinstance(selector, str) or has_reference(selector):
        return
    if problem := selector_problem(selector):
        findings.add(
            Rule.SELECTOR,
            location,
            f"is {shown_value(selector)}, not a JSONPath: {problem}",
            "a JSONPath that begins with $., as $.State",
        )


def _check_output(
    output: Mapping[str, Any],
    location: Location,
    scope: Scope,
    findings: Findings,
) -> None:
    known = ("Name", "Selector", "Type")
    for key in output:
        if key not in known:
            findings.add_unknown(Rule.OUTPUTS, (*location, str(key)), "field of an output", known)
    selector = output.get("Selector")
    if not isinstance(selector, str):
        findings.add(
            Rule.OUTPUTS, location, "lacks a Selector", "a JSONPath from the answer, as $.State"
        )
    else:
        check_selector(selector, (*location, "Selector"), findings)
    kind = output.get("Type", "String")
    if kind not in OUTPUT_TYPES:
        findings.add(
            Rule.TYPE,
            (*location, "Type"),
            f"is {shown_value(kind)}",
            f"allowed: {listed(OUTPUT_TYPES)}",
            among=OUTPUT_TYPES,
            like=kind,
        )
    check_type(output.get("Selector", ""), "String", (*location, "Selector"), scope, findings)


def _check_references(value: object, location: Location, scope: Scope, findings: Findings) -> None:
    for text, at in broken_references_in(value, location):
        findings.add(
            Rule.UNKNOWN_REFERENCE,
            at,
            f"{shown_value(text)} holds braces that are no reference",
            "two braces before and after a name",
        )
    for reference in references_in(value, location):
        scope.type_of(reference, findings)
