"""A run as Systems Manager tells it: an automation execution with its steps.

Source: SSM API Reference, AutomationExecution and StepExecution.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operate.connection import Connection, asking
from operate.errors import Exit
from operate.statuses import ENDED, NOT_BEGUN, STOPPED, SUCCEEDED

_PAGE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRun:
    """One step of a run."""

    id: str
    name: str
    action: str
    status: str
    started: datetime | None
    ended: datetime | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, list[str]]
    failure: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens in it."""
        return self.status in ENDED

    @property
    def was_rejected(self) -> bool:
        """Whether an approver said no."""
        if self.action != "aws:approve" or self.status in SUCCEEDED:
            return False
        decided = self.outputs.get("ApprovalStatus", [])
        return (
            self.status == "Rejected"
            or "Rejected" in decided
            or re.search("reject|denied", self.failure, re.IGNORECASE) is not None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a runbook."""

    id: str
    runbook: str
    version: str
    status: str
    started: datetime
    ended: datetime | None
    starter: str
    """The ARN of whoever started it."""
    parameters: Mapping[str, list[str]]
    outputs: Mapping[str, list[str]]
    failure: str
    steps: tuple[StepRun, ...]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens in it."""
        return self.status in ENDED

    @property
    def was_rejected(self) -> bool:
        """Whether an approver said no."""
        return any(step.was_rejected for step in self.steps)

    @property
    def exit(self) -> Exit:
        """How a command ends that watched it."""
        if self.status in SUCCEEDED:
            return Exit.SUCCESS
        return Exit.STOPPED if self.status in STOPPED or self.was_rejected else Exit.FAILED


def read_run(connection: Connection, execution_id: str) -> Run:
    """The run of this id with all its steps; OperateError where there is none."""
    with asking(f"for the run {execution_id}"):
        answer = connection.ssm.get_automation_execution(AutomationExecutionId=execution_id)
        execution = answer["AutomationExecution"]
        steps = execution.get("StepExecutions", [])
        if execution.get("StepExecutionsTruncated"):
            steps = _all_steps(connection, execution_id)
    return run_of(execution, steps)


def run_of(execution: Mapping[str, Any], steps: list[dict[str, Any]] | None = None) -> Run:
    """A run from an ``AutomationExecution``, or from a list's ``AutomationExecutionMetadata``."""
    return Run(
        id=execution["AutomationExecutionId"],
        runbook=execution.get("DocumentName", ""),
        version=execution.get("DocumentVersion", ""),
        status=execution["AutomationExecutionStatus"],
        started=execution["ExecutionStartTime"],
        ended=execution.get("ExecutionEndTime"),
        starter=execution.get("ExecutedBy", ""),
        parameters=execution.get("Parameters") or {},
        outputs=execution.get("Outputs") or {},
        failure=execution.get("FailureMessage", ""),
        steps=tuple(map(_step, steps or ())),
    )


def _all_steps(connection: Connection, execution_id: str) -> list[dict[str, Any]]:
    """Every step, where there are more than one answer holds."""
    pages = connection.ssm.get_paginator("describe_automation_step_executions").paginate(
        AutomationExecutionId=execution_id, PaginationConfig={"PageSize": _PAGE}
    )
    return [step for page in pages for step in page["StepExecutions"]]


def _step(step: Mapping[str, Any]) -> StepRun:
    return StepRun(
        id=step.get("StepExecutionId", ""),
        name=step["StepName"],
        action=step["Action"],
        status=step.get("StepStatus", NOT_BEGUN),
        started=step.get("ExecutionStartTime"),
        ended=step.get("ExecutionEndTime"),
        inputs=step.get("Inputs") or {},
        outputs=step.get("Outputs") or {},
        failure=step.get("FailureMessage", ""),
    )
