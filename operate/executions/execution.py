"""An automation execution with its steps, as Systems Manager returns it.

Source: SSM API Reference, AutomationExecution and StepExecution.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from operate.connection import PAGE, Connection, asking
from operate.errors import AwsError, Exit, is_denied
from operate.executions.statuses import ENDED, NOT_BEGUN, STOPPED, SUCCEEDED

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a run begins of which AWS does not show when."""


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
    def approvers(self) -> tuple[str, ...]:
        """Whose approval it waits for, by name or ARN; empty where it does not."""
        if self.action != "aws:approve" or self.status != "Waiting":
            return ()
        try:
            return tuple(map(str, json.loads(self.inputs.get("Approvers", "[]"))))
        except (TypeError, ValueError):  # not as Automation writes inputs, as JSON
            return (self.inputs["Approvers"],)

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
    """The ARN of the caller who started it."""
    parameters: Mapping[str, list[str]]
    outputs: Mapping[str, list[str]]
    failure: str
    steps: tuple[StepRun, ...]
    answer: Mapping[str, Any]
    """As AWS has it, with every step."""
    parent: str = ""
    """The id of the execution that started it, where Automation says so."""
    elsewhere: str = ""
    """The Region that it was read from, where that is another one than was asked for."""

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


def read_run(
    connection: Connection,
    execution_id: str,
    *,
    status: Exit = Exit.REFUSED,
    region: str | None = None,
) -> Run:
    """The run of this id with all its steps; OperateError, with this exit status, where there is
    none or AWS does not show. In this Region unless another is named."""
    ssm = connection.client("ssm", region)
    with asking(f"for the run {execution_id}", status=status):
        answer = ssm.get_automation_execution(AutomationExecutionId=execution_id)
        execution = answer["AutomationExecution"]
        if execution.get("StepExecutionsTruncated"):
            execution |= _all_steps(ssm, execution_id)
    elsewhere = region if region and region != connection.region else ""
    return replace(run_of(execution), elsewhere=elsewhere)


def run_of(execution: Mapping[str, Any]) -> Run:
    """A run from an ``AutomationExecution``, or from a list's ``AutomationExecutionMetadata``."""
    return Run(
        id=execution["AutomationExecutionId"],
        runbook=execution.get("DocumentName", ""),
        version=execution.get("DocumentVersion", ""),
        status=execution["AutomationExecutionStatus"],
        started=execution.get("ExecutionStartTime") or execution.get("ScheduledTime") or _NEVER,
        ended=execution.get("ExecutionEndTime"),
        starter=execution.get("ExecutedBy", ""),
        parameters=execution.get("Parameters") or {},
        outputs=execution.get("Outputs") or {},
        failure=execution.get("FailureMessage", ""),
        steps=tuple(map(_step, execution.get("StepExecutions", ()))),
        answer=execution,
        parent=execution.get("ParentAutomationExecutionId", ""),
    )


NOT_KEPT = "not kept by AWS"
"""The status of an execution of which the event history alone knows. Systems Manager keeps
executions for some weeks, CloudTrail events for 90 days."""


def not_kept(id_: str, *, runbook: str, started: datetime, starter: str) -> Run:
    """An execution as far as the event history shows it."""
    return Run(
        id=id_,
        runbook=runbook or "unknown runbook",
        version="?",
        status=NOT_KEPT,
        started=started,
        ended=None,
        starter=starter,
        parameters={},
        outputs={},
        failure="",
        steps=(),
        answer={},
    )


def _all_steps(ssm: Any, execution_id: str) -> dict[str, Any]:
    """Every step, where there are more than one answer holds; nothing for a caller who may not read
    them by themselves: of their own executions operators may read the execution alone."""
    pages = ssm.get_paginator("describe_automation_step_executions").paginate(
        AutomationExecutionId=execution_id, PaginationConfig={"PageSize": PAGE}
    )
    try:
        steps = [step for page in pages for step in page["StepExecutions"]]
    except AwsError as error:
        if not is_denied(error):
            raise
        return {}
    return {"StepExecutions": steps, "StepExecutionsTruncated": False}


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
