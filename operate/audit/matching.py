"""Matches executions with the calls that were made for them, in one pass backwards in time.

Executions come newest first, and so do calls. An execution is complete once the calls have been
read back to its start: of calls under execution ids, no more are held in memory than those of the
executions that are under way at one time. Calls that only the end of the pass can judge wait in a
file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from operate.audit.records import UNREADABLE, Call, execution_of, is_execution_id
from operate.audit.sessions import OpenedBetween, session_fault
from operate.audit.spool import Spool
from operate.executions.execution import NOT_KEPT, Run, not_kept

BEFORE, AFTER = timedelta(minutes=5), timedelta(minutes=15)
"""How far outside of an execution's own times its calls may lie: clocks differ, sessions outlast
executions."""
_SECOND = timedelta(seconds=1)
_ANSWERS = ("SendAutomationSignal", "StopAutomationExecution")
START = "StartAutomationExecution"
_SCRIPT = "aws:executeScript"
"""The one action whose calls come from the script itself, not through an AWS service."""
_NO_ID = "the session name is not an execution id"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnattributedCall:
    """A call that belongs to no execution, and why."""

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

    execution: Callable[[str, frozenset[str]], Run | None]
    """The execution of an id, in this Region or in one of these; None where none is kept."""
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

    @property
    def automations(self) -> list[Call]:
        """The sessions that Automation opened."""
        return [opening for opening in self.openings if opening.is_by_automation_itself]


class Matching:
    """Takes executions and calls, gives audited executions; in the end, what belongs to none."""

    def __init__(
        self,
        calls: Iterable[Call],
        *,
        watched: frozenset[str],
        excepted: frozenset[str] = frozenset(),
        begin: datetime,
        sources: Sources,
        undecided: Spool[UnattributedCall],
    ) -> None:
        """``watched``: the ARNs of the roles whose calls all have to belong to an execution;
        ``excepted``: of those that are not watched even if an execution uses them; ``begin``:
        before when an execution began earlier; ``undecided``: for calls that only the end can
        judge."""
        self._calls = iter(calls)
        self._watched = watched
        self._excepted = excepted
        self._begin = begin
        self._sources = sources
        self._gathered: dict[str, _Gathered] = {}
        self._ahead: Call | None = None
        """The call that was read and is older than what was asked for."""
        self._unattributed: dict[str, UnattributedCall] = {}
        self._used: set[str] = set()
        """Roles that Automation assumed for executions."""
        self._undecided = undecided
        self._shown: set[str] = set()
        """The ids of executions that have been matched."""
        self._refused: list[Call] = []
        self._without_role: list[AuditedExecution] = []

    @property
    def unattributed(self) -> list[UnattributedCall]:
        """Calls with watched roles that belong to no execution, and sessions of them that somebody
        else than Automation opened; the oldest first, each session before its calls."""
        return sorted(
            self._unattributed.values(),
            key=lambda each: (each.call.time, not each.call.is_assumption),
        )

    @property
    def refused(self) -> list[Call]:
        """Starts, answers and sessions of the watched roles that AWS refused, the oldest first."""
        return sorted(self._refused, key=lambda call: call.time)

    @property
    def without_role(self) -> list[AuditedExecution]:
        """The executions that had the permissions of their callers, with the calls that AWS made
        for these meanwhile; complete after ``finish``."""
        return self._without_role

    @property
    def used_roles(self) -> frozenset[str]:
        """Roles that executions used and that are not among the watched ones."""
        return frozenset(self._used - self._watched - self._excepted)

    def match_page(self, runs: Iterable[Run]) -> Iterator[AuditedExecution]:
        """These executions with their calls, except those without a role; reads calls back to the
        earliest start among them."""
        some = tuple(runs)
        if some:
            self._read_back_to(min(run.started for run in some) - BEFORE)
        for run in some:
            yield from self._audited(run)

    def finish(self) -> Iterator[AuditedExecution]:
        """Reads every call that is left; the executions that were not asked for and that calls or
        answers name, since they began earlier or in another Region."""
        self._read_back_to(datetime.min.replace(tzinfo=UTC))
        found = [run for id_ in [*self._gathered] if (run := self._named(id_))]
        for run in found:
            yield from self._audited(run)
        for gathered in self._gathered.values():
            for call in gathered.calls:
                self._report(call, "there is no execution of this id")
            self._refused += [call for call in gathered.answers if call.error]
        self._gathered.clear()
        self._decide()

    def _decide(self) -> None:
        """Judges the calls that waited: of roles that turned out to be used by executions, and with
        the permissions of callers."""
        callers = set()
        for each in self._undecided:
            if each.call.role in self.used_roles:
                self._unattributed.setdefault(each.call.id, each)
            if each.call.is_assumption and each.call.opened_role in self.used_roles:
                self._report_opening(each.call)
            if each.call.is_for_caller:
                callers.add(each.call.caller)
        known = {each.run.id for each in self._without_role}
        for run in self._sources.earlier(frozenset(callers)):
            if run.id not in known and self._is_without_role(run, ()):
                self._without_role.append(self._with(run, (), ()))
        starters = {each.run.starter for each in self._without_role}
        lent = [
            each.call
            for each in self._undecided
            if each.call.is_for_caller and each.call.caller in starters
        ]
        runs = [found.run for found in self._without_role]
        complete = []
        for found in self._without_role:
            calls = [call for call in lent if found.run in _made_during(call, runs)]
            complete.append(replace(found, calls=(*found.calls, *_oldest_first(calls))))
        self._without_role = [
            found for found in complete if found.calls or found.answers or not found.began_earlier
        ]

    def _read_back_to(self, time: datetime) -> None:
        while (call := self._ahead or next(self._calls, None)) is not None:
            self._ahead = call if call.time < time else None
            if self._ahead is not None:
                return
            self._take(call)

    def _take(self, call: Call) -> None:
        """Files a call under who made it, and besides under what it did."""
        if call.identity_type == UNREADABLE:
            why = "the event cannot be read"
            self._unattributed[call.id] = UnattributedCall(call=call, why=why)
        elif call.execution:
            self._of(call.execution).calls.append(call)
        elif call.role or call.is_for_caller:
            self._report(call, _NO_ID)
        if call.service == "ssm" and call.name == START:
            self._take_start(call)
        elif call.service == "ssm" and call.name in _ANSWERS:
            self._take_answer(call)
        elif call.is_assumption:
            self._take_assumption(call)

    def _take_start(self, call: Call) -> None:
        started = str(call.answer.get("automationExecutionId", ""))
        if started:
            self._of(started).start = call
        elif call.error:
            self._refused.append(call)

    def _take_answer(self, call: Call) -> None:
        execution = call.parameter("automationExecutionId")
        if is_execution_id(execution):
            self._of(execution).answers.append(call)
        elif call.error:
            self._refused.append(call)

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
            self._undecided.add(UnattributedCall(call=call, why=""))

    def _report_opening(self, call: Call) -> None:
        """Reports who opened a session of a service role that is not an execution's."""
        if call.error:
            self._refused.append(call)
            return
        why = "the session was not opened by Systems Manager Automation"
        if call.is_by_automation_itself:
            if execution_of(call.opened_session):
                return
            why = "Systems Manager opened the session for something other than an execution"
        self._unattributed[call.id] = UnattributedCall(call=call, why=why)

    def _report(self, call: Call, why: str) -> None:
        """Reports a call that belongs to no execution, if its role is watched; else it waits."""
        each = UnattributedCall(call=call, why=why)
        if call.role in self._watched:
            self._unattributed.setdefault(call.id, each)
        else:
            self._undecided.add(each)

    def _named(self, id_: str) -> Run | None:
        """The execution of an id that was not asked for, where something of it is to be shown: one
        that AWS no longer keeps, by its start or the session that Automation opened for it."""
        gathered, openings = self._gathered[id_], self._gathered[id_].automations
        if id_ in self._shown or not (gathered.calls or gathered.answers or gathered.start):
            return None
        run = self._sources.execution(id_, frozenset(opening.region for opening in openings))
        if run or not (gathered.start or openings):
            return run
        start = gathered.start
        return not_kept(
            id_,
            runbook=start.parameter("documentName") if start else "",
            started=min(call.time for call in (*openings, *([start] if start else []))),
            starter=start.caller if start else "",
        )

    def _audited(self, run: Run) -> Iterator[AuditedExecution]:
        found = [
            gathered
            for id_ in (run.id, *(step.id for step in run.steps if step.id))
            if (gathered := self._gathered.pop(id_, None))
        ]
        self._shown.add(run.id)
        opened_between = cache(self._sources.opened_between)
        calls: list[Call] = []
        for gathered in found:
            for call in gathered.calls:
                if fault := self._fault(call, run, gathered, opened_between):
                    self._report(call, fault)
                else:
                    self._used.add(call.role)
                    calls.append(call)
        audited = self._with(run, found, calls)
        if self._is_without_role(run, found):
            self._without_role.append(audited)
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
        """Whether it had the permissions of its caller: by its runbook, or, where that was deleted
        or made anew since, because Automation opened no session for it."""
        if any(gathered.automations for gathered in found) or self._is_of_a_role(run.starter):
            return False
        has_role = self._sources.has_role(run)
        if has_role is not None:
            return not has_role
        opened = self._sources.opened_between(run.started - BEFORE, _last(run))
        return not any(
            o.is_by_automation_itself and execution_of(o.opened_session) == run.id for o in opened
        )

    def _is_of_a_role(self, starter: str) -> bool:
        """Whether an execution that a service role serves started another one, which has that role:
        its calls are those of the session that Automation opened for the first."""
        _, mark, rest = starter.partition(":assumed-role/")
        role, _, session = rest.partition("/")
        known = {each.rsplit("/", 1)[-1] for each in self._watched | self._used}
        return bool(mark and execution_of(session)) and role in known

    def _fault(
        self, call: Call, run: Run, gathered: _Gathered, opened_between: OpenedBetween
    ) -> str:
        """Why a call under an execution's id is not the execution's; empty where it is."""
        window = run.started - BEFORE, _last(run)
        if fault := session_fault(call, gathered.openings, window, opened_between):
            return fault
        if run.status == NOT_KEPT:
            return ""  # when it ended and whether it had a script is not known any more
        if call.time > _last(run):
            return "the execution had ended"
        if call.is_through_aws or any(step.action == _SCRIPT for step in run.steps):
            return ""
        return "it did not come through an AWS service, and the execution has no script"

    def _of(self, id_: str) -> _Gathered:
        return self._gathered.setdefault(id_, _Gathered())


def _last(run: Run) -> datetime:
    """When the last call of an execution may have been made."""
    return run.ended + AFTER if run.ended else datetime.now(UTC).replace(microsecond=0) + AFTER


def _made_during(call: Call, runs: Iterable[Run]) -> list[Run]:
    """Those executions of its caller for which a call may have been made: under way at that second,
    or else not long before or after."""
    mine = [run for run in runs if run.starter == call.caller]
    now = datetime.now(UTC)
    exactly = [r for r in mine if r.started - _SECOND <= call.time <= (r.ended or now) + _SECOND]
    return exactly or [r for r in mine if r.started - BEFORE <= call.time <= _last(r)]


def _oldest_first(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls that came newest first the other way round, those of one second as well."""
    turned = list(calls)
    turned.reverse()
    return tuple(sorted(turned, key=lambda call: call.time))
