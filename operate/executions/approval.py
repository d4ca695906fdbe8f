"""Approvals that executions wait for: by whom, and what has been said so far.

Source: Systems Manager User Guide, aws:approve.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from operate.connection import Connection
from operate.errors import OperateError
from operate.executions.execution import Run, StepRun, read_run
from operate.executions.finding import newest

REASON = "Reason"
"""The parameter by which runbooks ask why they are started."""
_WAITING = ({"Key": "ExecutionStatus", "Values": ["Waiting"]},)


@dataclass(frozen=True, slots=True)
class WaitingApproval:
    """An approval that an execution waits for."""

    run: Run
    step: StepRun

    @property
    def reason(self) -> str:
        """Why the execution was started; empty where its runbook does not ask."""
        return ", ".join(self.run.parameters.get(REASON, ()))

    @property
    def message(self) -> str:
        """What the step says to its approvers."""
        return _text(self.step.inputs.get("Message", ""))

    @property
    def needed(self) -> str:
        """How many have to approve."""
        return _text(self.step.inputs.get("MinRequiredApprovals", "1"))

    @property
    def answers(self) -> list[str]:
        """What has been said so far, as far as AWS shows it: ``alice: Approved``."""
        found = []
        for value in self.step.outputs.get("ApproverDecisions", ()):
            try:
                decisions = json.loads(value)
            except ValueError:
                decisions = []
            for each in decisions if isinstance(decisions, list) else ():
                if isinstance(each, Mapping):
                    found.append(f"{each.get('Approver')}: {each.get('Decision')}")
        return found

    @property
    def progress(self) -> str:
        """How many have approved, as far as AWS shows it, and how many have to."""
        if self.needed == "1":
            return "0 of 1"
        approved = sum("approve" in answer.rpartition(":")[2].lower() for answer in self.answers)
        return f"{approved} of {self.needed}" if self.answers else f"of {self.needed}"

    def is_for(self, caller: str | None) -> bool:
        """Whether a caller is one of its approvers."""
        return caller is not None and any(_is(caller, each) for each in self.step.approvers)


def waiting_approvals(connection: Connection) -> Iterator[WaitingApproval | None]:
    """The approvals that executions of this account and Region wait for, the newest first; None for
    an execution that the caller may not read."""
    for listed in newest(connection, _WAITING):
        try:
            run = read_run(connection, listed.id)
        except OperateError as error:
            if "AccessDenied" not in error.code:
                raise
            yield None
            continue
        yield from approvals_of(run)


def approvals_of(run: Run) -> Iterator[WaitingApproval]:
    """The approvals that an execution waits for."""
    for step in run.steps:
        if step.approvers:
            yield WaitingApproval(run, step)


def _is(caller: str, approver: str) -> bool:
    """Whether a caller's ARN is an approver: a user's name or ARN, a role's or a session's ARN."""
    _, _, _, _, account, resource = caller.split(":", 5)
    kind, *path = resource.split("/")
    if kind == "user":
        return approver in (caller, path[-1])
    if approver == caller:
        return True
    if kind != "assumed-role" or approver.count(":") < 5:  # no ARN
        return False
    _, _, _, _, of, named = approver.split(":", 5)
    return named.startswith("role/") and (of, named.rsplit("/", 1)[-1]) == (account, path[0])


def _text(given: str) -> str:
    """An input of a step, which Automation shows as JSON."""
    try:
        value = json.loads(given)
    except ValueError:
        return given
    return value if isinstance(value, str) else given
