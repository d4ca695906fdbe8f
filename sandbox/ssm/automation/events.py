"""The events that Automation puts on the account's event bus when a run or a step has ended.

Source of the shapes: Systems Manager User Guide, Amazon EventBridge event examples for Systems
Manager. It names Success, Failed, TimedOut and Canceled; none is documented of a run that begins.
"""

import json
import logging
import time
from typing import Any

from ministack.services import eventbridge

from sandbox.emulator.iam.authorization import arn
from sandbox.ssm.automation.executions import Execution, StepExecution

_EXECUTION = "EC2 Automation Execution Status-change Notification"
_STEP = "EC2 Automation Step Status-change Notification"
_SPELLED = {"Cancelled": "Canceled"}
"""Statuses that events spell otherwise than the API."""

_log = logging.getLogger(__name__)


def tell_execution(execution: Execution) -> None:
    """That an execution has ended, and who started it."""
    detail = {
        **_common(execution, execution.status, execution.started, execution.ended),
        "ExecutedBy": execution.executed_by,
    }
    _put(_EXECUTION, execution, detail)


def tell_step(execution: Execution, step: StepExecution) -> None:
    """That a step has ended."""
    detail = {
        **_common(execution, step.status, step.started, step.ended),
        "StepName": step.name,
        "Action": step.action,
    }
    _put(_STEP, execution, detail)


def _common(
    execution: Execution, status: str, started: float | None, ended: float | None
) -> dict[str, Any]:
    begun, until = started or time.time(), ended or time.time()
    return {
        "ExecutionId": execution.id,
        "Definition": execution.document_name,
        "DefinitionVersion": float(execution.document_version),
        "Status": _SPELLED.get(status, status),
        "StartTime": _time(begun),
        "EndTime": _time(until),
        "Time": round((until - begun) * 1000, 1),
    }


def _put(kind: str, execution: Execution, detail: dict[str, Any]) -> None:
    """Puts an event on the default bus; best effort, as on AWS."""
    definition = f"{execution.document_name}:{execution.document_version}"
    entry = {
        "Source": "aws.ssm",
        "DetailType": kind,
        "Detail": json.dumps(detail),
        "Resources": [
            arn("ssm", f"automation-execution/{execution.id}"),
            arn("ssm", f"automation-definition/{definition}"),
        ],
    }
    try:
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:  # an event is lost before a run is
        _log.exception("an event of execution %s was lost", execution.id)


def _time(epoch: float) -> str:
    """A time as the events write it: ``Nov 29, 2024 7:43:20 PM``, in UTC."""
    at = time.gmtime(epoch)
    hour = at.tm_hour % 12 or 12
    return time.strftime(f"%b {at.tm_mday}, %Y {hour}:%M:%S %p", at)
