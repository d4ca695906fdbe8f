"""Matches executions with the calls that were made for them, in one pass backwards in time.

Executions come newest first, and so do calls. An execution is complete once the calls have been
read back to its start, so that no more is held in memory than the calls of the executions that are
under way at one time. Calls that only the end of the pass can judge wait in a file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from operate.executions import Run
from operate.trail.records import Call, execution_of
from operate.trail.sessions import OpenedBetween, session_fault
from operate.trail.spool import Spool

BEFORE, AFTER = timedelta(minutes=5), timedelta(minutes=15)
"""How far outside of an execution's own times its calls may lie: clocks differ, sessions outlast
executions."""
_ANSWERS = ("SendAutomationSignal", "StopAutomationExecution")
_START = "StartAutomationExecution"
_SCRIPT = "aws:executeScript"
"""The one action whose calls come from the script itself, not through an AWS service."""
_NO_ID = "the session's name is no execution id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """A call with a watched role that belongs to no execution."""

    call: Call
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedExecution:
    """An execution with everything that the event history has of it."""

    run: Run
    start: Call | None
    """The call that started it."""
    answers: tuple[Call, ...]
    """Approvals, rejections, stops, the oldest first."""
    calls: tuple[Call, ...]
    """What was called for it, the oldest first."""
    began_earlier: bool = False
    """Whether it began before the time that is audited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where a match looks up what neither the executions nor the calls say."""

    execution: Callable[[str], Run | None]
    """The execution of an id; None where there is none."""
    earlier: Callable[[frozenset[str]], Iterable[Run]]
    """The executions that these callers started before the audited time, and that had not ended."""
    opened_between: OpenedBetween
    has_role: Callable[[Run], bool | None]
    """Whether the runbook of an execution gives it a role; None where that is not known."""


@dataclass(slots=True)
class _Gathered:
    """What has been read of one id so far."""

    start: Call | None = None
    answers: list[Call] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    openings: list[Call] = field(default_factory=list)
    """Who opened sessions of this name."""


class Matching:
    """Takes executions and calls, gives audited executions; in the end, what belongs to none."""

    def __init__(
        self,
        calls: Iterable[Call],
        *,
        watched: frozenset[str],
        begin: datetime,
        sources: Sources,
        waiting: Spool[Call],
    ) -> None:
        """``watched``: the ARNs of the roles whose calls all have to belong to an execution;
        ``begin``: before when an execution began earlier; ``waiting``: for the calls that only the
        end can judge."""
        self._calls = iter(calls)
        self._watched = watched
        self._begin = begin
        self._sources = sources
        self._gathered: dict[str, _Gathered] = {}
        self._ahead: Call | None = None
        """The call that was read and is older than what was asked for."""
        self._outside: dict[str, Outside] = {}
        self._used: set[str] = set()
        """Roles that Automation assumed for executions."""
        self._waiting = waiting
        """Calls of other roles, and calls with the permissions of callers."""
        self._borrowing: list[AuditedExecution] = []
        self.refused: list[Call] = []
        """Starts, and sessions of the watched roles, that AWS refused."""

    @property
    def outside(self) -> list[Outside]:
        """Calls with watched roles that belong to no execution, and sessions of them that somebody
        else than Automation opened; the oldest first, each session before its calls."""
        return sorted(
            self._outside.values(), key=lambda each: (each.call.time, not each.call.is_assumption)
        )

    @property
    def used_roles(self) -> frozenset[str]:
        """Roles that executions used and that are not among the watched ones."""
        return frozenset(self._used - self._watched)

    def of(self, runs: Iterable[Run]) -> Iterator[AuditedExecution]:
        """These executions with their calls, except those without a role; reads calls back to the
        earliest start among them."""
        some = tuple(runs)
        if some:
            self._read_back_to(min(run.started for run in some) - BEFORE)
        for run in some:
            yield from self._audited(run)

    def rest(self) -> Iterator[AuditedExecution]:
        """Reads every call that is left; the executions that were not asked for and that calls or
        answers name, since they began earlier."""
        self._read_back_to(datetime.min.replace(tzinfo=UTC))
        found = [run for id_ in [*self._gathered] if (run := self._named(id_))]
        for run in found:
            yield from self._audited(run)
        for gathered in self._gathered.values():
            for call in gathered.calls:
                self._report(call, "there is no execution of this id")
        self._gathered.clear()

    def without_role(self) -> list[AuditedExecution]:
        """The executions that ran with the permissions of whoever started them, with the calls that
        Systems Manager made for these; after ``rest``."""
        callers = {
            call.caller for call in self._later_reported() if call.is_with_callers_permissions
        }
        known = {each.run.id for each in self._borrowing}
        for run in self._sources.earlier(frozenset(callers)):
            if run.id not in known and self._is_without_role(run, ()):
                self._borrowing.append(self._with(run, (), ()))
        starters = {each.run.starter for each in self._borrowing}
        lent = [
            call
            for call in self._waiting
            if call.is_with_callers_permissions and call.caller in starters
        ]
        found = [
            replace(each, calls=(*each.calls, *_oldest_first(_made_during(each.run, lent))))
            for each in self._borrowing
        ]
        return [each for each in found if each.calls or not each.began_earlier]

    def _later_reported(self) -> Iterator[Call]:
        """The calls that wait; reports those of roles that turned out to be used by executions."""
        for call in self._waiting:
            if call.role in self.used_roles:
                self._outside.setdefault(call.id, Outside(call=call, why=_NO_ID))
            if call.is_assumption and call.opened_role in self.used_roles:
                self._report_opening(call)
            yield call

    def _read_back_to(self, time: datetime) -> None:
        while (call := self._ahead or next(self._calls, None)) is not None:
            self._ahead = call if call.time < time else None
            if self._ahead is not None:
                return
            self._take(call)

    def _take(self, call: Call) -> None:
        """Files a call under who made it, and besides under what it did."""
        if call.execution:
            self._of(call.execution).calls.append(call)
        elif call.role or call.is_with_callers_permissions:
            self._report(call, _NO_ID)
        if call.service == "ssm" and call.name == _START:
            self._take_start(call)
        elif call.service == "ssm" and call.name in _ANSWERS:
            self._of(call.parameter("automationExecutionId")).answers.append(call)
        elif call.is_assumption:
            self._take_assumption(call)

    def _take_start(self, call: Call) -> None:
        started = str(call.answer.get("automationExecutionId", ""))
        if started:
            self._of(started).start = call
        elif call.error:
            self.refused.append(call)

    def _take_assumption(self, call: Call) -> None:
        """Automation opens sessions of service roles, for executions; anybody else is reported."""
        execution = execution_of(call.opened_session)
        if execution and not call.error:
            self._of(execution).openings.append(call)
            if call.is_by_automation_itself:
                self._used.add(call.opened_role)
                return
        if call.opened_role in self._watched:
            self._report_opening(call)
        else:
            self._waiting.add(call)

    def _report_opening(self, call: Call) -> None:
        """Reports who opened a session of a service role that is not an execution's."""
        if call.error:
            self.refused.append(call)
        elif not call.is_by_automation_itself:
            self._outside[call.id] = Outside(call=call, why="not Automation opened the session")
        elif not execution_of(call.opened_session):
            why = "Systems Manager opened the session for something else than an execution"
            self._outside[call.id] = Outside(call=call, why=why)

    def _report(self, call: Call, why: str) -> None:
        """Reports a call that belongs to no execution, if its role is watched; else it waits."""
        if call.role in self._watched:
            self._outside.setdefault(call.id, Outside(call=call, why=why))
        else:
            self._waiting.add(call)

    def _named(self, id_: str) -> Run | None:
        """The execution of an id that was not asked for, where something of it is to be shown."""
        gathered = self._gathered[id_]
        roles = {call.role for call in gathered.calls}
        is_of_a_run = roles & (self._watched | self._used) or gathered.answers or gathered.start
        return self._sources.execution(id_) if is_of_a_run else None

    def _audited(self, run: Run) -> Iterator[AuditedExecution]:
        found = [
            gathered
            for id_ in (run.id, *(step.id for step in run.steps))
            if (gathered := self._gathered.pop(id_, None))
        ]
        calls: list[Call] = []
        for gathered in found:
            for call in gathered.calls:
                if fault := self._fault(call, run, gathered):
                    self._report(call, fault)
                else:
                    calls.append(call)
        audited = self._with(run, found, calls)
        if self._is_without_role(run, found):
            self._borrowing.append(audited)
        else:
            yield audited

    def _with(
        self, run: Run, found: Iterable[_Gathered], calls: Iterable[Call]
    ) -> AuditedExecution:
        return AuditedExecution(
            run=run,
            start=next((gathered.start for gathered in found if gathered.start), None),
            answers=_oldest_first(call for gathered in found for call in gathered.answers),
            calls=_oldest_first(calls),
            began_earlier=run.started < self._begin,
        )

    def _is_without_role(self, run: Run, found: Iterable[_Gathered]) -> bool:
        """Whether it ran as whoever started it: by its runbook, or, where that has been deleted or
        made anew since, because Automation opened no session for it."""
        if any(o.is_by_automation_itself for gathered in found for o in gathered.openings):
            return False
        has_role = self._sources.has_role(run)
        if has_role is not None:
            return not has_role
        ended = run.ended or datetime.now(UTC)
        opened = self._sources.opened_between(run.started - BEFORE, ended)
        return not any(
            o.is_by_automation_itself and execution_of(o.opened_session) == run.id for o in opened
        )

    def _fault(self, call: Call, run: Run, gathered: _Gathered) -> str:
        """Why a call under an execution's id is not the execution's; empty where it is."""
        begin = run.started - BEFORE
        if fault := session_fault(call, gathered.openings, begin, self._sources.opened_between):
            return fault
        if call.time > (run.ended or datetime.now(UTC)) + AFTER:
            return "the execution had ended"
        if call.is_through_aws or any(step.action == _SCRIPT for step in run.steps):
            return ""
        return "it did not come through an AWS service, and the execution has no script"

    def _of(self, id_: str) -> _Gathered:
        return self._gathered.setdefault(id_, _Gathered())


def _made_during(run: Run, calls: Iterable[Call]) -> list[Call]:
    """Those calls with the permissions of an execution's caller that were made while it ran."""
    begin, end = run.started - BEFORE, (run.ended or datetime.now(UTC)) + AFTER
    return [c for c in calls if c.caller == run.starter and begin <= c.time <= end]


def _oldest_first(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls that came newest first the other way round, those of one second as well."""
    turned = list(calls)
    turned.reverse()
    return tuple(sorted(turned, key=lambda call: call.time))
