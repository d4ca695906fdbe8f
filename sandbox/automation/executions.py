"""Automation executions and their steps, as the API shows them."""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict

from sandbox.automation.parameters import Values, as_given
from sandbox.ssm_api.errors import ApiError
from sandbox.ssm_api.shapes import without_none

ENDED = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})
"""Statuses after which nothing more happens."""

_FAILURE = (
    "Step fails when it is Execute/Cancelling action. {error}. "
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
)

_executions = AccountRegionScopedDict()


@dataclass(kw_only=True)
class StepExecution:
    """One step of an execution; pending until its turn."""

    definition: Mapping[str, Any]
    """The step as the document has it."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "Pending"
    started: float | None = None
    ended: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, list[str]] = field(default_factory=dict)
    failure: str | None = None
    failure_details: dict[str, Any] | None = None
    attempts: int = 0
    """How many attempts have failed."""

    def succeed(self, outputs: dict[str, list[str]]) -> None:
        """Ends the step well."""
        self.outputs = outputs
        self.end("Success")

    def fail(self, error: Exception) -> None:
        """Ends the step with what its failure says, in SSM's words."""
        timed_out = isinstance(error, TimeoutError)
        self.failure = _FAILURE.format(error=str(error).rstrip("."))
        self.failure_details = {
            "FailureStage": "Execution",
            "FailureType": "TimedOut" if timed_out else "Action",
            "Details": {
                "VerificationErrorMessage": [str(error)],
                "Attempt": [str(self.attempts)],
            },
        }
        self.end("TimedOut" if timed_out else "Failed")

    def end(self, status: str) -> None:
        """Ends the step in a status."""
        self.ended, self.status = time.time(), status

    @property
    def name(self) -> str:
        """The step's name in the document."""
        return str(self.definition["name"])

    @property
    def action(self) -> str:
        """``aws:changeInstanceState`` and the like."""
        return str(self.definition["action"])

    def describe(self) -> dict[str, Any]:
        """A ``StepExecution``."""
        definition = self.definition
        return without_none(
            {
                "StepName": self.name,
                "Action": self.action,
                "StepExecutionId": self.id,
                "StepStatus": self.status,
                "TimeoutSeconds": definition.get("timeoutSeconds"),
                "MaxAttempts": definition.get("maxAttempts"),
                "OnFailure": definition.get("onFailure"),
                "ExecutionStartTime": self.started,
                "ExecutionEndTime": self.ended,
                "Inputs": dict(self.inputs),
                "Outputs": {name: list(values) for name, values in self.outputs.items()},
                "ResponseCode": "0" if self.status == "Success" else None,
                "FailureMessage": self.failure,
                "FailureDetails": self.failure_details,
                "IsEnd": definition.get("isEnd"),
                "NextStep": definition.get("nextStep"),
                "IsCritical": definition.get("isCritical"),
                "OverriddenParameters": {},
            }
        )


@dataclass(kw_only=True)
class Execution:
    """One run of a document version."""

    id: str
    document_name: str
    document_version: str
    content: Mapping[str, Any]
    parameters: Values
    executed_by: str
    mode: str
    region: str
    account: str
    tags: dict[str, str]
    steps: list[StepExecution] = field(default_factory=list)
    status: str = "Pending"
    started: float = field(default_factory=time.time)
    ended: float | None = None
    outputs: dict[str, list[str]] = field(default_factory=dict)
    failure: str | None = None
    current: StepExecution | None = None
    stop: str | None = None
    """``Cancel`` or ``Complete`` once a stop was asked for."""
    signals: list[str] = field(default_factory=list)
    """Signals received and not yet used."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    """Notified when a stop or signal arrives."""

    def __post_init__(self) -> None:
        self.steps = [StepExecution(definition=step) for step in self.content["mainSteps"]]

    def step(self, name: str) -> StepExecution | None:
        """The step of that name."""
        return next((step for step in self.steps if step.name == name), None)

    def become(self, status: str) -> None:
        """Goes over to a status, unless it was asked to stop meanwhile."""
        with self.changed:
            if self.stop is None:
                self.status = status

    def end(self, status: str) -> None:
        """Ends the execution; as cancelled, if it was asked to stop."""
        with self.changed:
            self.ended = time.time()
            self.status = "Cancelled" if self.stop else status

    def ask_to_stop(self, kind: str) -> bool:
        """Cancels the current step and all that follow, or lets the current step complete; false
        if it has ended or was asked before."""
        with self.changed:
            if self.status in ENDED or self.stop:
                return False
            self.stop = kind
            self.status = "Cancelling"
            self.changed.notify_all()
            return True

    def send(self, signal: str) -> None:
        """Hands a signal to a step or execution that waits."""
        with self.changed:
            self.signals.append(signal)
            self.changed.notify_all()

    def summary(self) -> dict[str, Any]:
        """An ``AutomationExecutionMetadata``."""
        current = self.current if self.status not in ENDED else None
        return without_none(
            {
                "AutomationExecutionId": self.id,
                "DocumentName": self.document_name,
                "DocumentVersion": self.document_version,
                "AutomationExecutionStatus": self.status,
                "ExecutionStartTime": self.started,
                "ExecutionEndTime": self.ended,
                "ExecutedBy": self.executed_by,
                "Outputs": dict(self.outputs),
                "Mode": self.mode,
                "CurrentStepName": current.name if current else None,
                "CurrentAction": current.action if current else None,
                "FailureMessage": self.failure,
                "Targets": [],
                "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
                "AutomationType": "Local",
            }
        )

    def describe(self) -> dict[str, Any]:
        """An ``AutomationExecution``."""
        summary = self.summary()
        del summary["AutomationType"]
        return {
            **summary,
            "StepExecutions": [step.describe() for step in self.steps],
            "StepExecutionsTruncated": False,
            "Parameters": as_given(self.parameters),
        }


def add(execution: Execution) -> None:
    """Keeps an execution in its account and Region."""
    _executions[execution.id] = execution


def find(execution_id: str) -> Execution:
    """The execution of that id in this account and Region, else ApiError."""
    execution: Execution | None = _executions.get(execution_id)
    if execution is None:
        raise ApiError(
            "AutomationExecutionNotFoundException",
            f"Automation execution {execution_id} does not exist.",
        )
    return execution


def all_executions() -> list[Execution]:
    """The executions of this account and Region, the newest first."""
    return sorted(_executions.values(), key=lambda execution: execution.started, reverse=True)
