"""Which execution stands at the beginning of one that Automation started, and who started that.

A fleet starts one execution for each target, whose caller is the fleet's role; an auditor wants to
know the person. Which execution started one is what Systems Manager says, as its parent, or a call
that has been found to be an execution's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from operate.audit.matching import START, AuditedExecution
from operate.executions.execution import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The first of the executions of which each started the next."""

    id: str
    runbook: str
    """Empty for one that AWS no longer keeps."""
    starter: str
    """The ARN of the caller who started it; empty for one that AWS no longer keeps."""


class Origins:
    """Takes the executions of an audit, and then knows the origin of each."""

    def __init__(self) -> None:
        self._known: dict[str, Origin] = {}
        self._parents: dict[str, str] = {}
        """The id of the execution that started one, by that one's."""

    def add(self, execution: AuditedExecution) -> None:
        """Remembers an execution, and what it started."""
        run = execution.run
        self._remember(run)
        for call in execution.calls:
            if call.service == "ssm" and call.name == START:
                started = str(call.answer.get("automationExecutionId", ""))
                self._parents.setdefault(started, run.id)

    def complete(self, find: Callable[[str], Run | None]) -> None:
        """Reads those that the audit did not, since they began earlier or were not asked for."""
        waiting = set(self._parents.values()) - self._known.keys()
        while waiting:
            run = find(waiting.pop())
            if run:
                self._remember(run)
                waiting |= {run.parent} - {"", *self._known}

    def _remember(self, run: Run) -> None:
        self._known[run.id] = Origin(id=run.id, runbook=run.runbook, starter=run.starter)
        if run.parent:
            self._parents[run.id] = run.parent

    def of(self, run: Run) -> Origin | None:
        """The origin of an execution; None for one that no other started."""
        first, passed = run.id, {run.id}
        while (parent := self._parents.get(first)) and parent not in passed:
            first = parent
            passed.add(parent)
        if first == run.id:
            return None
        return self._known.get(first, Origin(id=first, runbook="", starter=""))
