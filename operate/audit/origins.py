"""Which execution stands at the beginning of one that Automation started, and who started that.

A fleet starts one execution for each target, whose caller is the fleet's role; an auditor wants to
know the person. Which execution started one is what Systems Manager says: as its parent, or as
its caller, a session of the execution that was found to have made the call. An answer alone says
nothing: a start with a token that was used before answers with an execution of somebody else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from operate.audit.matching import START, AuditedExecution
from operate.audit.records import execution_of
from operate.executions.execution import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The first of the executions of which each started the next."""

    id: str
    runbook: str
    """Empty for one that was not read."""
    starter: str
    """The ARN of the caller who started it; empty for one that was not read."""


class Origins:
    """Takes the executions of an audit, and then knows the origin of each."""

    def __init__(self) -> None:
        self._known: dict[str, Origin] = {}
        self._parents: dict[str, str] = {}
        """The id of the execution that started one, by that one's, as Systems Manager says."""
        self._starting: dict[str, set[str]] = {}
        """The ids of executions that were answered with one, by that one's."""

    def add(self, execution: AuditedExecution) -> None:
        """Remembers an execution, and what it started."""
        run = execution.run
        self._remember(run)
        for call in execution.calls:
            if call.service == "ssm" and call.name == START:
                started = str(call.answer.get("automationExecutionId", ""))
                self._starting.setdefault(started, set()).add(run.id)

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

    def _parent(self, id_: str) -> str:
        """The id of the execution that started one; empty for none."""
        known = self._known.get(id_)
        caller = execution_of(known.starter.rsplit("/", 1)[-1]) if known else ""
        starting = caller if caller in self._starting.get(id_, ()) else ""
        return self._parents.get(id_) or starting

    def of(self, run: Run) -> Origin | None:
        """The origin of an execution; None for one that no other started."""
        first, passed = run.id, {run.id}
        while (parent := self._parent(first)) and parent not in passed:
            first = parent
            passed.add(parent)
        if first == run.id:
            return None
        return self._known.get(first, Origin(id=first, runbook="", starter=""))
