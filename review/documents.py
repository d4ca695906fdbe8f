"""Runbooks of templates: which role each embeds, what its steps call, what it limits."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from review.errors import ReviewError
from review.model import Call, Limit, Runbook
from review.resources import Resource

_STEP_ACTIONS = Path(__file__).resolve().parent / "data" / "step_actions.json"
_CONSTRAINTS = ("allowedValues", "allowedPattern", "minItems", "maxItems", "minChars", "maxChars")


def read_runbooks(documents: Iterable[Resource]) -> tuple[Runbook, ...]:
    """The Automation documents, each once however many Regions have it."""
    by_name: dict[str, list[Resource]] = {}
    for document in documents:
        if document.get("DocumentType", "Command") == "Automation":
            by_name.setdefault(document.name, []).append(document)
    return tuple(_runbook(name, resources) for name, resources in by_name.items())


def _runbook(name: str, documents: list[Resource]) -> Runbook:
    contents = [_content(document) for document in documents]
    if any(content != contents[0] for content in contents):
        raise ReviewError(f"runbook {name} differs between the Regions of its account")
    content = contents[0]
    role = content.get("assumeRole")
    return Runbook(
        name=name,
        arns=tuple(document.arn for document in documents),
        role=role if isinstance(role, str) and role.startswith("arn:") else None,
        limits=tuple(_limits(content)),
        calls=tuple(sorted(set(_calls(content.get("mainSteps", []))))),
    )


def _content(document: Resource) -> dict[str, Any]:
    content = document.get("Content")
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            raise ReviewError(
                f"{document.where}: the review reads content as an object or JSON, not as YAML"
            ) from None
    if not isinstance(content, dict):
        raise ReviewError(f"{document.where}: content is no document")
    return content


def _steps(steps: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every step, those inside of loops as well."""
    for step in steps:
        yield step
        if step.get("action") == "aws:loop":
            yield from _steps(step.get("inputs", {}).get("Steps", []))


def _limits(content: Mapping[str, Any]) -> Iterator[Limit]:
    """What a runbook holds its starter to: approval, calendar, what parameters may be."""
    for step in _steps(content.get("mainSteps", [])):
        inputs = step.get("inputs", {})
        if step.get("action") == "aws:approve":
            needed = inputs.get("MinRequiredApprovals", 1)
            approval = {"of": inputs.get("Approvers", []), "needed": needed}
            yield _step_limit("approval", step, approval)
        if step.get("action") == "aws:assertAwsResourceProperty" and (
            inputs.get("Api") == "GetCalendarState"
        ):
            yield _step_limit("calendar", step, {"of": inputs.get("CalendarNames", [])})
    for name, parameter in content.get("parameters", {}).items():
        for constraint in _CONSTRAINTS:
            if constraint in parameter:
                value = json.dumps(parameter[constraint])
                yield Limit(what=f"{constraint} of {name}", value=value)


def _step_limit(kind: str, step: Mapping[str, Any], asks: Mapping[str, Any]) -> Limit:
    """A limit that a step keeps, with what becomes of the run where the step fails."""
    ways = {key: step[key] for key in _WAYS_ON if step.get(key, _WAYS_ON[key]) != _WAYS_ON[key]}
    value = json.dumps({**asks, **ways}, sort_keys=True)
    return Limit(what=f"{kind} at step {step.get('name')}", value=value)


_WAYS_ON = {"onFailure": "Abort", "isCritical": True, "nextStep": None}
"""What decides how a run goes on after a step, and its default.
Source: Systems Manager User Guide, properties shared by all actions."""


def _calls(steps: Iterable[Mapping[str, Any]]) -> Iterator[Call]:
    """What each step calls."""
    for step in _steps(steps):
        name, action = str(step.get("name")), str(step.get("action"))
        inputs = step.get("inputs", {})
        if action == "aws:loop":
            continue
        if action in _api_actions():
            yield _api_call(name, inputs)
        elif action in _native():
            yield _native_call(name, _native()[action], inputs)
        else:
            yield Call(step=name, actions=(), is_told=False)


def _native_call(step: str, needed: Mapping[str, Any], inputs: Mapping[str, Any]) -> Call:
    """What an action calls; where an input says so that the template does not tell, any of it."""
    actions, optional = list(needed["needs"]), list(needed.get("mayNeed", ()))
    for name, by_value in needed.get("byInput", {}).items():
        value = inputs.get(name, needed.get("unlessGiven", {}).get(name))
        if value in by_value:
            actions += by_value[value]
        else:
            optional += [action for each in by_value.values() for action in each]
    return Call(
        step=step,
        actions=tuple(sorted(actions)),
        optional=tuple(sorted(set(optional))),
        is_told=not needed.get("untold", False),
    )


def _api_call(step: str, inputs: Mapping[str, Any]) -> Call:
    service, api = str(inputs.get("Service")), str(inputs.get("Api"))
    data = _data()
    prefix = data["prefixes"].get(service, service)
    action = data["apis"].get(f"{service}:{api}", f"{prefix}:{api}")
    return Call(step=step, actions=(action,))


def _api_actions() -> set[str]:
    return set(_data()["callApis"])


def _native() -> dict[str, Any]:
    native: dict[str, Any] = _data()["actions"]
    return native


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_STEP_ACTIONS.read_text("utf-8"))
    return data
