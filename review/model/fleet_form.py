"""Locks of documents, and the one form that the document of a fleet has: whatever else stands in it
could go around it.

Beside approval and calendar: a lock, one step that starts the document of a target, and what waits
for the targets and gives the lock back.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile
from typing import Any

_CHILD = "aws:executeAutomation"
_CHOSEN = {
    *("DocumentName", "TargetParameterName", "Targets", "MaxConcurrency", "MaxErrors"),
    "RuntimeParameters",
}
_HOLDER = "{{ automation:EXECUTION_ID }}"
_ENDED = (
    *("Success", "CompletedWithSuccess", "Failed", "TimedOut", "CompletedWithFailure", "Exited"),
    *("Cancelled", "Rejected"),
)
_CHANGING = ("DeleteParameter", "DeleteParameters", "PutParameter")
_LOCK, _AWAIT, _OWN, _RELEASE = "takeLock", "awaitTargets", "assertLockIsOwn", "releaseLock"

Step = Mapping[str, Any]


def lock_of(content: Mapping[str, Any]) -> str:
    """The name of the parameter that lets one execution run at a time; empty where none does.

    The first step beside what limits makes it, which fails while it exists; nothing that the
    document names gives it back before its last step.
    """
    first, *rest = [*dropwhile(_is_limit, content.get("mainSteps", []))] or [{}]
    lock = _lock_name(first)
    takes = (
        first.get("action") == "aws:executeAwsApi"
        and first.get("inputs") == _taking(lock)["inputs"]
        and "{{" not in lock
        and first.get("onFailure", "Abort") == "Abort"
        and not {"nextStep", "isEnd", "isCritical"} & first.keys()
    )
    ends = bool(rest) and "nextStep" not in rest[-1]
    is_held = not any(_may_change(step, lock) for step in rest[:-1])
    return lock if takes and ends and is_held else ""


def _may_change(step: Step, lock: str) -> bool:
    """Whether a step, or one within it, may change the parameter of a lock: by its name, or by one
    that only a run has."""
    text = json.dumps(step)
    changes = any(f'"Api": "{api}"' in text for api in _CHANGING)
    return changes and (json.dumps(lock) in text or "{{" in text)


def deviations(content: Mapping[str, Any]) -> Iterator[str]:
    """How a document that starts others for targets differs from that form."""
    steps = content.get("mainSteps", [])
    rest = [*dropwhile(_is_limit, steps)]
    runs = [step for step in rest if step.get("action") == _CHILD]
    if len(runs) != 1:
        yield f"{len(runs)} of its steps start another runbook"
        return
    (run,) = runs
    inputs = run.get("inputs") or {}
    if others := sorted(inputs.keys() - _CHOSEN):
        yield f"its step {run.get('name')} has {', '.join(others)}"
    if "{{" in json.dumps(inputs):
        yield f"its step {run.get('name')} takes what it starts from elsewhere"
    lock = lock_of(content)
    if rest != _expected(run, lock):
        yield "its steps are not the lock, the run and the release of a fleet, and no others"


def _is_limit(step: Step) -> bool:
    is_calendar = (step.get("inputs") or {}).get("Api") == "GetCalendarState"
    return step.get("action") == "aws:approve" or is_calendar


def _lock_name(step: Step) -> str:
    return str((step.get("inputs") or {}).get("Name", ""))


def _expected(run: Step, lock: str) -> Sequence[Step]:
    after = f"step:{_AWAIT}" if lock else "Abort"
    ran = {
        "name": run.get("name"),
        "action": _CHILD,
        "timeoutSeconds": run.get("timeoutSeconds"),
        "onFailure": after,
        "onCancel": after,
        "inputs": run.get("inputs"),
    }
    if not lock:
        return [ran]
    awaited = {
        "name": _AWAIT,
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": run.get("timeoutSeconds"),
        "onFailure": "Abort",
        "inputs": {
            "Service": "ssm",
            "Api": "DescribeAutomationExecutions",
            "Filters": [{"Key": "ParentExecutionId", "Values": [_HOLDER]}],
            "PropertySelector": "$.AutomationExecutionMetadataList[0].AutomationExecutionStatus",
            "DesiredValues": [*_ENDED],
        },
    }
    own = {
        "name": _OWN,
        "action": "aws:assertAwsResourceProperty",
        "onFailure": "Abort",
        "inputs": {
            "Service": "ssm",
            "Api": "GetParameter",
            "Name": lock,
            "PropertySelector": "$.Parameter.Value",
            "DesiredValues": [_HOLDER],
        },
    }
    released = {
        "name": _RELEASE,
        "action": "aws:executeAwsApi",
        "onFailure": "Abort",
        "inputs": {"Service": "ssm", "Api": "DeleteParameter", "Name": lock},
    }
    return [_taking(lock), ran, awaited, own, released]


def _taking(lock: str) -> Step:
    return {
        "name": _LOCK,
        "action": "aws:executeAwsApi",
        "onFailure": "Abort",
        "onCancel": f"step:{_OWN}",
        "inputs": {
            "Service": "ssm",
            "Api": "PutParameter",
            "Name": lock,
            "Value": _HOLDER,
            "Type": "String",
        },
    }
