"""Runbooks of templates: which role each embeds, what its steps call, what it limits."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from review.errors import ReviewError
from review.model.account import Call, Limit, LimitKind, Runbook
from review.model.fleet_form import deviations, lock_of
from review.templates.files import parse_json
from review.templates.resources import Resource

_TEAM = "OperatorTeam"
"""The tag of a document that says whose operators run it."""
_OWN_EXECUTIONS = "OwnExecutions"
"""The tag of a document that says how its executions are tagged, where they are."""
_FLEET = "Fleet"
"""The tag of a document that says which fleet alone starts it, for a target."""
_STEP_ACTIONS = Path(__file__).resolve().parent.parent / "data" / "step_actions.json"
_CONSTRAINTS = tuple(kind for kind in LimitKind if not kind.is_step)


def read_runbooks(documents: Iterable[Resource]) -> tuple[Runbook, ...]:
    """The Automation documents, each once however many Regions have it."""
    by_name: dict[str, list[Resource]] = {}
    for document in documents:
        kind = document.get("DocumentType", "Command")
        if kind != "Automation":
            raise ReviewError(
                f"{document.where}: the review does not evaluate documents of type {kind}"
            )
        by_name.setdefault(document.name, []).append(document)
    return tuple(_runbook(name, resources) for name, resources in by_name.items())


def _runbook(name: str, documents: list[Resource]) -> Runbook:
    compared = {_anywhere(content_of(document), document.region) for document in documents}
    if len(compared) > 1:
        raise ReviewError(f"runbook {name} differs between the Regions of its account")
    content = content_of(documents[0])
    role = content.get("assumeRole")
    team, execution_tag = (_tag(documents, key) for key in (_TEAM, _OWN_EXECUTIONS))
    if execution_tag not in ("", team or "default"):
        raise ReviewError(
            f"runbook {name} of team {team or 'default'} is started with the tag of {execution_tag}"
        )
    return Runbook(
        name=name,
        arns=tuple(document.arn for document in documents),
        role=role if isinstance(role, str) and role.startswith("arn:") else None,
        limits=tuple(limits_of(content)),
        calls=calls_of(content),
        team=team,
        fleet=_tag(documents, _FLEET),
        parameters=tuple(content.get("parameters", {})),
        starts=tuple(dict.fromkeys(_started(content))),
        deviations=tuple(deviations(content)),
        execution_tag=execution_tag,
        control_flow_digest=_control_flow_digest(content),
    )


def _anywhere(content: Mapping[str, Any], region: str) -> str:
    """The content without the Region of its own ARNs, such as that of a topic."""
    return json.dumps(content, sort_keys=True).replace(f":{region}:", ":REGION:")


def _tag(documents: list[Resource], key: str) -> str:
    """The value of a tag of a runbook's documents; empty without it."""
    named = {
        str(tag.get("Value"))
        for document in documents
        for tag in document.listed("Tags")
        if tag.get("Key") == key
    }
    if len(named) > 1:
        values = ", ".join(sorted(named))
        raise ReviewError(f"runbook {documents[0].name} has several tags {key}: {values}")
    return next(iter(named), "")


_OF_CALENDAR = {"Service", "Api", "CalendarNames", "DesiredValues"}
_OF_ALARM = {"Service", "Api", "AlarmNames", "DesiredValues"}
_ALARM_STEP = "assertFleetAlarmIsOk"


def _started(content: Mapping[str, Any]) -> Iterator[str]:
    """The documents that a runbook starts for targets."""
    for step in _steps(content.get("mainSteps", [])):
        inputs = step.get("inputs") or {}
        if step.get("action") == _CHILD and _WITH_TARGETS & inputs.keys():
            yield str(inputs.get("DocumentName"))


_CHILD = "aws:executeAutomation"
_WITH_TARGETS = {"Targets", "TargetMaps"}
_RATED = {"Targets", "MaxConcurrency", "MaxErrors"}
"""Inputs that limits show."""
_OF_SCOPE = {*_WITH_TARGETS, "TargetParameterName", "RuntimeParameters", "TargetLocations"}
_FINDING_TARGETS = {
    "tag:": ("tag:GetResources",),
    "ResourceGroup": (
        *("resource-groups:ListGroupResources", "tag:GetResources"),
        *("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
    ),
    "AWS::EC2::Instance": ("ec2:DescribeInstances",),
    "InstanceIds": ("ec2:DescribeInstances",),
}
"""What finds targets by the beginning of their key (inferred: no page names it).
Source: AWS managed policies, such as AmazonSSMMaintenanceWindowRole."""


def _bears_on_others(key: str, step: Mapping[str, Any]) -> bool:
    """Whether a part of a step says which steps run, or what this one does. How long it may take
    does where the run goes on without it."""
    if key == "timeoutSeconds":
        return bool(step.get("onFailure", "Abort") != "Abort")
    is_known = key == "description" or (key, step[key]) == ("onFailure", "Abort")
    return not is_known


def _control_flow_digest(content: Mapping[str, Any]) -> str:
    reported = {call.step for call in _calls(content.get("mainSteps", [])) if call.inputs}
    steps = [
        {
            key: value
            for key, value in step.items()
            if _bears_on_others(key, step) and (key != "inputs" or step.get("name") not in reported)
        }
        for step in content.get("mainSteps", [])
        if not _limits(step)
    ]
    defaults = {
        name: parameter["default"]
        for name, parameter in content.get("parameters", {}).items()
        if "default" in parameter
    }
    others = [content.get("variables"), content.get("files")]
    text = json.dumps([steps, defaults, *others], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def without_evaluated(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says beside its role, limits, calls and course: descriptions, messages of
    approvals, how long a step may take, outputs."""
    rest = {key: value for key, value in content.items() if key not in _EVALUATED}
    rest["parameters"] = {
        name: {k: v for k, v in parameter.items() if k not in (*_CONSTRAINTS, "default")}
        for name, parameter in content.get("parameters", {}).items()
    }
    rest["mainSteps"] = {
        str(step.get("name")): _step_without_evaluated(step)
        for step in content.get("mainSteps", [])
    }
    return rest


_EVALUATED = {"assumeRole", "parameters", "mainSteps", "variables", "files"}


def _step_without_evaluated(step: Mapping[str, Any]) -> dict[str, Any]:
    if not _limits(step):
        return {key: value for key, value in step.items() if not _bears_on_others(key, step)}
    evaluated = _OF_APPROVAL if step.get("action") == "aws:approve" else step["inputs"]
    inputs = {k: v for k, v in (step.get("inputs") or {}).items() if k not in evaluated}
    return {**step, "inputs": inputs}


_OF_APPROVAL = {"Approvers", "MinRequiredApprovals"}


def content_of(document: Resource) -> dict[str, Any]:
    """What a document is made of; ReviewError for what is not an object, and for attachments."""
    if document.get("Attachments"):
        raise ReviewError(f"{document.where}: the review does not evaluate attachments")
    content = document.get("Content")
    if isinstance(content, str):
        content = parse_json(f"{document.where}: content as a string", content)
    if not isinstance(content, dict):
        raise ReviewError(f"{document.where}: content is not a document")
    return content


def _steps(steps: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every step, those inside of loops as well."""
    for step in steps:
        yield step
        if step.get("action") == "aws:loop":
            yield from _steps((step.get("inputs") or {}).get("Steps", []))


def limits_of(content: Mapping[str, Any]) -> Iterator[Limit]:
    """What a runbook holds its starter to: approval, calendar, what parameters may be."""
    steps = content.get("mainSteps", [])
    for step in _steps(steps):
        inputs = step.get("inputs") or {}
        if step.get("action") == "aws:approve":
            needed = inputs.get("MinRequiredApprovals", 1)
            approval = {"of": inputs.get("Approvers", []), "needed": needed}
            yield _step_limit(LimitKind.APPROVAL, step, approval, steps)
        if _asks_calendar(step):
            calendar = {"of": inputs.get("CalendarNames"), "is": inputs.get("DesiredValues")}
            calendar |= {k: v for k, v in sorted(inputs.items()) if k not in _OF_CALENDAR}
            yield _step_limit(LimitKind.CALENDAR, step, calendar, steps)
        if _asks_alarm(step):
            alarm = {"of": inputs.get("AlarmNames"), "is": inputs.get("DesiredValues")}
            alarm |= {k: v for k, v in sorted(inputs.items()) if k not in _OF_ALARM}
            yield _step_limit(LimitKind.ALARM, step, alarm, steps)
        if step.get("action") == _CHILD and _WITH_TARGETS & inputs.keys():
            yield from _rate_of(step, inputs)
    if lock := lock_of(content):
        step = next(s for s in steps if (s.get("inputs") or {}).get("Name") == lock)
        yield Limit(kind=LimitKind.ONE_AT_A_TIME, of=str(step.get("name")), value=json.dumps(lock))
    for name, parameter in content.get("parameters", {}).items():
        for constraint in _CONSTRAINTS:
            if constraint in parameter:
                value = json.dumps(parameter[constraint])
                yield Limit(kind=constraint, of=name, value=value)


def _rate_of(step: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[Limit]:
    """Which targets a step has, how many at once, and how many may fail."""
    scope = {name: inputs[name] for name in sorted(_OF_SCOPE & inputs.keys())}
    for kind, value in (
        (LimitKind.TARGETS, scope),
        (LimitKind.AT_ONCE, inputs.get("MaxConcurrency", "10")),
        (LimitKind.ERRORS, inputs.get("MaxErrors", "0")),
    ):
        yield Limit(kind=kind, of=str(step.get("name")), value=json.dumps(value, sort_keys=True))


def _limits(step: Mapping[str, Any]) -> bool:
    """Whether a step is there to hold its starter to something."""
    return step.get("action") == "aws:approve" or _asks_calendar(step) or _asks_alarm(step)


def _asks_alarm(step: Mapping[str, Any]) -> bool:
    """Whether a step is the one that a fleet puts before the first of a target's document."""
    is_of_fleet = step.get("name") == _ALARM_STEP
    asks = is_of_fleet and step.get("action") == "aws:assertAwsResourceProperty"
    return asks and (step.get("inputs") or {}).get("Api") == "DescribeAlarms"


def _asks_calendar(step: Mapping[str, Any]) -> bool:
    asks = step.get("action") == "aws:assertAwsResourceProperty"
    return asks and (step.get("inputs") or {}).get("Api") == "GetCalendarState"


def _step_limit(
    kind: LimitKind,
    step: Mapping[str, Any],
    asks: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
) -> Limit:
    """A limit that a step keeps, and whether an execution can go around the step."""
    return Limit(
        kind=kind,
        of=str(step.get("name")),
        value=json.dumps(asks, sort_keys=True),
        is_avoidable=_can_go_around(step, steps),
    )


def _can_go_around(step: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything runs before a step that limits, beside it, or where it fails.

    What limits stands at the beginning, one step after the other, and a failure ends the run.
    Source: Systems Manager User Guide, properties shared by all actions.
    """
    for first in steps:
        leads_on = first.get("onFailure", "Abort") == "Abort" and first.get("isCritical", True)
        if not _limits(first) or not leads_on or {"nextStep", "isEnd", "onCancel"} & first.keys():
            return True
        wanted = ["OPEN"] if _asks_calendar(first) else ["OK"]
        if first.get("action") != "aws:approve" and first["inputs"].get("DesiredValues") != wanted:
            return True
        if first is step:
            return False
    return True


def calls_of(content: Mapping[str, Any]) -> tuple[Call, ...]:
    """What the steps of a document do to AWS."""
    return tuple(sorted(set(_calls(content.get("mainSteps", [])))))


def _calls(steps: Iterable[Mapping[str, Any]]) -> Iterator[Call]:
    """What each step calls."""
    for step in _steps(steps):
        name, action = str(step.get("name")), str(step.get("action"))
        inputs = step.get("inputs") or {}
        if action in _api_actions():
            call = _api_call(name, inputs)
        elif action == _CHILD:
            call = _child_call(name, _native()[action], inputs)
        elif action in _native():
            call = _native_call(name, _native()[action], inputs)
        elif action == "aws:loop":
            continue
        else:
            call = Call(step=name, actions=(), is_known=False)
        if call.actions or call.optional or not call.is_known:
            judged = inputs
            if action == _CHILD and _WITH_TARGETS & inputs.keys():
                judged = {k: v for k, v in inputs.items() if k not in _RATED}
            text = json.dumps([action, judged], sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            yield replace(call, inputs="" if _limits(step) else digest)


def _native_call(step: str, needed: Mapping[str, Any], inputs: Mapping[str, Any]) -> Call:
    """What an action calls; where an input says so that the template does not show, any of it."""
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
        is_known=not needed.get("untold", False),
    )


def _child_call(step: str, needed: Mapping[str, Any], inputs: Mapping[str, Any]) -> Call:
    """What starting another runbook calls, and what finds its targets."""
    targets = inputs.get("Targets", [])
    keys = [t.get("Key") if isinstance(t, dict) else None for t in targets]
    finding = [
        action
        for key in keys
        for beginning, actions in _FINDING_TARGETS.items()
        if str(key).startswith(beginning)
        for action in actions
    ]
    return Call(step=step, actions=tuple(sorted({*needed["needs"], *finding})))


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
