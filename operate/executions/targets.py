"""The targets of a run: how many are done, and which failed. They are counted by AWS, and never
listed but the failed ones.

Source: SSM API Reference, ProgressCounters and DescribeAutomationExecutions.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from operate.connection import PAGE, Connection
from operate.errors import AwsError, is_denied
from operate.executions.execution import Run, StepRun

_ACTION = "aws:executeAutomation"
_WITH_TARGETS = ("Targets", "TargetMaps")
_BAD = ("Failed", "TimedOut", "Cancelled")
"""How the execution of a target ends that does not succeed."""
_PAUSE_SECONDS = 2.0
"""AWS answers three reads of executions a second, of all callers of a Region together.
Source: AWS General Reference, Systems Manager quotas."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the targets of a step are."""

    total: int
    done: int
    failed: int
    running: int
    """As many as one look shows; never more than are not done."""

    def __str__(self) -> str:
        waiting = self.total - self.done - self.running
        counts = ((self.failed, "failed"), (self.running, "running"), (waiting, "waiting"))
        shown = "".join(f", {count} {state}" for count, state in counts if count)
        return f"targets: {self.done} of {self.total} done{shown}"


@dataclass(frozen=True, slots=True)
class FailedTarget:
    """A target for which the run failed."""

    target: str
    execution: str
    status: str
    failure: str


def step_with_targets(run: Run) -> StepRun | None:
    """The step that runs another runbook for targets; None where no step has begun to."""
    return next(
        (
            step
            for step in run.steps
            if step.action == _ACTION and any(name in step.inputs for name in _WITH_TARGETS)
        ),
        None,
    )


Answer = TypeVar("Answer")


class Targets:
    """The targets of a run, of which the caller may see as much as AWS shows them."""

    def __init__(self, connection: Connection, run: Run) -> None:
        self._connection = connection
        self._run = run.id
        self._parent = ""
        self._is_hidden = False
        self._known: Progress | None = None
        self._next_look = 0.0

    def progress(self, *, is_last: bool = False) -> Progress | None:
        """How far they are, looked at every other second and at the end; None where that is not
        known."""
        if is_last or time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _PAUSE_SECONDS
            self._known = self._counted() or self._known
        return self._known

    def _counted(self) -> Progress | None:
        found = self._asked(self._read)
        counters = (found or {}).get("ProgressCounters")
        if not counters:
            return None
        bad = sum(counters.get(f"{status}Steps", 0) for status in _BAD)
        done, total = counters.get("SuccessSteps", 0) + bad, counters.get("TotalSteps", 0)
        running = len(self._asked(self._running) or ()) if done < total else 0
        return Progress(total, done, bad, min(running, total - done))

    def _running(self) -> Sequence[Any]:
        """The executions of targets that are running, as many as one page has."""
        return [*islice(self._children(self._parent, ("InProgress", "Waiting")), PAGE)]

    def failed(self) -> Iterator[FailedTarget]:
        """Those for which the run failed; none where AWS does not show them."""
        if self._asked(self._read) is None:
            return
        for each in self._children(self._parent, _BAD):
            yield FailedTarget(
                target=each.get("Target", ""),
                execution=each["AutomationExecutionId"],
                status=each["AutomationExecutionStatus"],
                failure=each.get("FailureMessage", ""),
            )

    def _read(self) -> Mapping[str, Any] | None:
        """The execution that has the targets."""
        if not self._parent:
            started = next(self._children(self._run), None)
            if started is None:
                return None
            self._parent = started["AutomationExecutionId"]
        answer = self._connection.ssm.get_automation_execution(AutomationExecutionId=self._parent)
        found: Mapping[str, Any] = answer["AutomationExecution"]
        return found

    def _children(self, parent: str, statuses: Sequence[str] = ()) -> Iterator[Any]:
        filters = [{"Key": "ParentExecutionId", "Values": [parent]}]
        if statuses:
            filters.append({"Key": "ExecutionStatus", "Values": [*statuses]})
        pages = self._connection.ssm.get_paginator("describe_automation_executions").paginate(
            Filters=filters, PaginationConfig={"PageSize": PAGE}
        )
        for page in pages:
            yield from page["AutomationExecutionMetadataList"]

    def _asked(self, read: Callable[[], Answer | None]) -> Answer | None:
        """The answer; None from the first refusal on, since the run goes on without it."""
        if self._is_hidden:
            return None
        try:
            return read()
        except AwsError as error:
            self._is_hidden = is_denied(error)
            return None
