"""Automation executions and their steps, as the API shows them."""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import AccountRegionScopedDict

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.shapes import without_none
from sandbox.ssm.automation.parameters import Values, as_given

ENDED = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})
"""Statuses after which nothing more happens."""

_FAILURE = (
    "Step fails when it is Execute/Cancelling action. {error}. "
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
)

_SHOWN = 50
"""Targets that an execution shows (inferred)."""

_executions = AccountRegionScopedDict()


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A signal that somebody sent to an execution."""

    type: str
    """``Approve``, ``Reject``, ``Resume``, ``StartStep``, ``StopStep``."""
    sender: str
    """ARN of the caller."""
    name: str = ""
    """Who that is among those who are asked: a user by name or ARN, a session by its role."""
    comment: str = ""


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
    next_step: str | None = None
    """The step that its action chose to go on to."""
    parent: dict[str, Any] | None = None
    """The loop and iteration that it is a step of."""

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
                "ParentStepDetails": self.parent,
            }
        )


@dataclass(kw_only=True)
class Progress:
    """How far the children of a rate-controlled execution are."""

    total: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """How many ended in each status."""

    def count(self, status: str) -> None:
        """Counts a child that has ended."""
        self.ended[status] = self.ended.get(status, 0) + 1

    @property
    def failures(self) -> int:
        """How many did not succeed."""
        return sum(number for status, number in self.ended.items() if status != "Success")

    def describe(self) -> dict[str, int]:
        """A ``ProgressCounters``."""
        counted = {
            f"{status}Steps": self.ended.get(status, 0)
            for status in ("Success", "Failed", "Cancelled", "TimedOut")
        }
        return {"TotalSteps": self.total, **counted}


@dataclass(kw_only=True)
class Execution:
    """One run of a document version; with targets, the parent of one child each."""

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
    parent_id: str | None = None
    """Id of the execution that started it, by ``aws:executeAutomation`` or for a target."""
    target: str | None = None
    """The target that it runs for."""
    rate: dict[str, Any] | None = None
    """What its targets and rate are, as the API shows them; None without."""
    alarm: dict[str, Any] | None = None
    """The ``AlarmConfiguration`` that it was started with."""
    triggered_alarms: list[dict[str, str]] = field(default_factory=list)
    """The alarm that stopped it, with its state, as the API shows it."""
    progress: Progress = field(default_factory=Progress)
    resolved: list[str] = field(default_factory=list)
    """The targets that were found."""
    steps: list[StepExecution] = field(default_factory=list)
    status: str = "Pending"
    started: float = field(default_factory=time.time)
    ended: float | None = None
    outputs: dict[str, list[str]] = field(default_factory=dict)
    failure: str | None = None
    current: StepExecution | None = None
    stop: str | None = None
    """``Cancel`` or ``Complete`` once a stop was asked for."""
    is_cleaning_up: bool = False
    """Whether the steps of ``onCancel`` run, which a cancellation does not stop."""
    variables: dict[str, Any] = field(default_factory=dict)
    """The document's variables by reference, ``variable:NAME``."""
    signals: list[Signal] = field(default_factory=list)
    """Signals received and not yet used."""
    awaited: tuple[str, ...] = ()
    """The types of signals that are waited for."""
    awaited_from: tuple[str, ...] = ()
    """Who may send them: names and ARNs; empty for anybody."""
    step_to_stop: str | None = None
    """Id of a step that is to be stopped alone."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    """Notified when a stop or signal arrives."""

    def __post_init__(self) -> None:
        steps = () if self.rate else self.content["mainSteps"]
        self.steps = [StepExecution(definition=step) for step in steps]
        self.variables = {
            f"variable:{name}": definition.get("default")
            for name, definition in (self.content.get("variables") or {}).items()
        }

    def system_variables(self) -> dict[str, str]:
        """What every document may refer to. Source: User Guide, Automation system variables."""
        now = datetime.now(UTC)
        return {
            "global:DATE": now.strftime("%Y-%m-%d"),
            "global:DATE_TIME": now.strftime("%Y-%m-%d_%H.%M.%S"),
            "global:REGION": self.region,
            "global:ACCOUNT_ID": self.account,
            "global:AWS_PARTITION": "aws",
            "automation:EXECUTION_ID": self.id,
        }

    @property
    def is_cancelled(self) -> bool:
        """Whether the step that runs has to stop."""
        stopped = self.current is not None and self.step_to_stop == self.current.id
        return stopped or (self.stop == "Cancel" and not self.is_cleaning_up)

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
            if self.status in ENDED or self.stop in ("Cancel", kind):
                return False
            self.stop = kind
            self.status = "Cancelling"
            self.changed.notify_all()
            return True

    def send(self, signal: Signal) -> str:
        """Hands a signal to a step or execution that waits for it; else why it is refused."""
        with self.changed:
            if signal.type not in self.awaited:
                return (
                    f"automation execution {self.id} is {self.status} and waits for no "
                    f"{signal.type}."
                )
            if self.awaited_from and signal.name not in self.awaited_from:
                return f"{signal.sender} is not among the approvers of the step."
            self.signals.append(signal)
            self.changed.notify_all()
            return ""

    def stop_step(self, step_id: str) -> None:
        """Stops the step that runs, if it is that one."""
        with self.changed:
            self.step_to_stop = step_id
            self.changed.notify_all()

    def take_signal(self, types: tuple[str, ...]) -> Signal | None:
        """The oldest unused signal of one of these types."""
        with self.changed:
            for signal in self.signals:
                if signal.type in types:
                    self.signals.remove(signal)
                    return signal
        return None

    @contextlib.contextmanager
    def waiting_for(self, types: tuple[str, ...], senders: tuple[str, ...] = ()) -> Iterator[None]:
        """Within it, the execution and its step are ``Waiting`` for these signals."""
        with self.changed:
            self.awaited, self.awaited_from = types, senders
            self.signals.clear()
            if self.current is not None and "StartStep" not in types:
                self.current.status = "Waiting"
        self.become("Waiting")
        try:
            yield
        finally:
            with self.changed:
                self.awaited, self.awaited_from = (), ()
                self.signals.clear()
            self.become("InProgress")

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
                "ParentAutomationExecutionId": self.parent_id,
                "CurrentStepName": current.name if current else None,
                "CurrentAction": current.action if current else None,
                "FailureMessage": self.failure,
                "Targets": [],
                **(self.rate or {}),
                "Target": self.target,
                "ResolvedTargets": {
                    "ParameterValues": self.resolved[:_SHOWN],
                    "Truncated": len(self.resolved) > _SHOWN,
                },
                "AlarmConfiguration": self.alarm,
                "TriggeredAlarms": list(self.triggered_alarms) or None,
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
            **({"ProgressCounters": self.progress.describe()} if self.rate else {}),
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


def children_of(execution: Execution) -> list[Execution]:
    """The executions that one started."""
    return [each for each in _executions.values() if each.parent_id == execution.id]


def all_executions() -> list[Execution]:
    """The executions of this account and Region, the newest first."""
    return sorted(_executions.values(), key=lambda execution: execution.started, reverse=True)
