"""Whether a runbook can be run for the targets of a fleet, asked before anything is synthesized."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from delegation.deployment.fleets import Fleet
from delegation.deployment.limits import instance_parameters, is_list
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.files import Source
from delegation.runbooks.checks.findings import Findings
from delegation.runbooks.checks.parameters import check_parameters
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.runbook import Runbook

_DEEPEST = 5
"""Levels of executions that start each other. Source: AWS General Reference, Systems Manager
quotas."""
_LEVELS_OF_A_FLEET = 3
"""The fleet, the execution that has the targets, and the one of a target (inferred)."""


def target_parameter(fleet: Fleet, leaf: Runbook) -> str:
    """The parameter that takes a target, and nothing else that a start would have to give."""
    where = f"fleet {fleet.name!r}"
    parameters = leaf.content.get("parameters") or {}
    named = [fleet.parameter] if fleet.parameter else sorted(instance_parameters(leaf.content))
    if len(named) != 1 or named[0] not in parameters:
        known = ", ".join(parameters) or "none"
        raise DelegationError(
            f"{where}: which parameter of runbook {leaf.name!r} takes the target is not clear; "
            f"name one in parameter, known: {known} {IN_DEPLOYMENTS}"
        )
    (parameter,) = named
    field = parameters[parameter]
    if is_list(field) and field.get("minItems", 0) > 1:
        raise DelegationError(
            f"{where}: parameter {parameter} of runbook {leaf.name!r} takes {field['minItems']} "
            f"values at least, and a target is one {IN_DEPLOYMENTS}"
        )
    given = {name for name, _ in fleet.parameters}
    if unknown := sorted(given - parameters.keys() | given & {parameter}):
        raise DelegationError(
            f"{where}: parameters names {unknown[0]!r}, which is no other parameter of runbook "
            f"{leaf.name!r} {IN_DEPLOYMENTS}"
        )
    missing = [n for n in leaf.required_parameters if n not in given and n != parameter]
    if missing:
        raise DelegationError(
            f"{where}: runbook {leaf.name!r} needs {', '.join(missing)}; give it in parameters "
            f"{IN_DEPLOYMENTS}"
        )
    return parameter


def check_values(fleet: Fleet, leaf: Runbook) -> None:
    """Whether the values of the other parameters are such as the runbook takes: as its defaults."""
    fields = dict(leaf.content.get("parameters") or {})
    for name, values in fleet.parameters:
        fields[name] = {**fields[name], "default": _typed(fields[name], values)}
    text = json.dumps({**leaf.content, "parameters": fields})
    source = Source(
        file=f"parameters of fleet {fleet.name!r}",
        content=json.loads(text),
        text=text,
        may_repeat_keys=False,
    )
    findings = Findings(source)
    check_parameters(source.content, findings)
    if wrong := findings.sorted():
        raise DelegationError(
            f"fleet {fleet.name!r}: the values of parameters are not what runbook {leaf.name!r} "
            f"takes: {wrong[0].found} {IN_DEPLOYMENTS}"
        )


def _typed(field: Mapping[str, Any], values: str | tuple[str, ...]) -> Any:
    """A value in the type of a parameter, as far as its text is one."""
    if isinstance(values, tuple):
        return list(values)
    if is_list(field):
        return [values]
    try:
        return json.loads(values) if field.get("type") in ("Integer", "Boolean") else values
    except ValueError:
        return values


def check_depth(
    fleet: Fleet, leaf: Runbook, runbooks: Mapping[str, Runbook], made: set[str]
) -> None:
    started = {str(step.inputs.get("DocumentName")) for step in named_steps(leaf.content)}
    if of_fleets := sorted(started & made):
        raise DelegationError(
            f"fleet {fleet.name!r}: runbook {leaf.name!r} starts {of_fleets[0]!r}, a document of a "
            f"fleet; start it by itself {IN_DEPLOYMENTS}"
        )
    depth = _LEVELS_OF_A_FLEET + _depth(leaf, runbooks, ())
    if depth > _DEEPEST:
        raise DelegationError(
            f"fleet {fleet.name!r}: executions of runbook {leaf.name!r} start each other, {depth} "
            f"levels with the fleet; Automation takes {_DEEPEST} {IN_DEPLOYMENTS}"
        )


def _depth(runbook: Runbook, runbooks: Mapping[str, Runbook], above: Iterable[str]) -> int:
    """How many levels of executions a runbook starts."""
    above = (*above, runbook.name)
    started = [
        str(step.inputs.get("DocumentName"))
        for step in named_steps(runbook.content)
        if step.action == "aws:executeAutomation"
    ]
    if not started:
        return 0
    if len(above) > _DEEPEST:
        return _DEEPEST
    below = (_depth(runbooks[name], runbooks, above) for name in started if name in runbooks)
    return 1 + max(below, default=0)
