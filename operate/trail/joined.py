"""Joins runs with the calls that were made for them, in one pass backwards in time.

Runs come newest first, and so do calls. A run is complete once the calls have been read back to its
start, so that no more is held than the calls of the runs that are under way at one time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from operate.executions import Run
from operate.trail.records import Call, run_of_session

BEFORE, AFTER = timedelta(minutes=5), timedelta(minutes=15)
"""How far outside of a run's own times its calls may lie: clocks differ, sessions outlast runs."""
_ANSWERS = ("SendAutomationSignal", "StopAutomationExecution")
_START = "StartAutomationExecution"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedRun:
    """A run with everything that the event history tells of it."""

    run: Run
    start: Call | None
    """The call that started it."""
    answers: tuple[Call, ...]
    """Approvals, rejections, stops, the oldest first."""
    calls: tuple[Call, ...]
    """What its role did for it, the oldest first."""


@dataclass(slots=True)
class _Gathered:
    """What has been read of one id so far."""

    start: Call | None = None
    answers: list[Call] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class Join:
    """Takes runs and calls, gives audited runs; in the end, what belongs to none."""

    def __init__(self, calls: Iterable[Call], roles: frozenset[str]) -> None:
        """``roles``: the ARNs of the service roles, whose calls all have to belong to a run."""
        self._calls = iter(calls)
        self._roles = roles
        self._gathered: dict[str, _Gathered] = {}
        self._next: Call | None = next(self._calls, None)
        self._opened_by_others: dict[str, Call] = {}
        self.outside: list[Call] = []
        """Calls by the service roles that belong to no run, and sessions of them that somebody
        else than Automation opened."""
        self.refused: list[Call] = []
        """Starts, and sessions of the service roles, that AWS refused."""

    def of(self, runs: Iterable[Run]) -> Iterator[AuditedRun]:
        """These runs with their calls; reads calls back to the earliest start among them."""
        some = tuple(runs)
        if some:
            self._read_back_to(min(run.started for run in some) - BEFORE)
        return (self._audited(run) for run in some)

    def rest(self, find: Callable[[str], Run | None]) -> None:
        """Reads every call that is left, and tells which belong to no run; ``find`` knows runs
        that began before the first that was asked for."""
        self._read_back_to(datetime.min.replace(tzinfo=UTC))
        for id_, gathered in self._gathered.items():
            if not gathered.calls:
                continue
            run = find(id_)
            self.outside += [
                call
                for call in gathered.calls
                if call.role in self._roles and (run is None or not self._is_of(call, run))
            ]
        self._gathered.clear()
        # A session is opened before it is used, in one and the same second.
        self.outside.sort(key=lambda call: (call.time, not call.is_assumption))
        self.refused = [*_oldest_first(self.refused)]

    def _read_back_to(self, time: datetime) -> None:
        while self._next is not None and self._next.time >= time:
            self._take(self._next)
            self._next = next(self._calls, None)

    def _take(self, call: Call) -> None:
        if call.service == "ssm" and call.name == _START:
            self._take_start(call)
        elif call.service == "ssm" and call.name in _ANSWERS:
            self._of(str(call.parameters.get("automationExecutionId", ""))).answers.append(call)
        elif call.is_assumption:
            self._take_assumption(call)
        elif call.run:
            self._of(call.run).calls.append(call)
        elif call.role in self._roles:
            self.outside.append(call)

    def _take_start(self, call: Call) -> None:
        started = str(call.answer.get("automationExecutionId", ""))
        if started:
            self._of(started).start = call
        elif call.error:
            self.refused.append(call)
        if call.role in self._roles:  # a runbook that starts another
            self._of(call.run).calls.append(call)

    def _take_assumption(self, call: Call) -> None:
        """Whoever opens a session of a service role is Automation, or is told."""
        if call.parameters.get("roleArn") not in self._roles or call.is_automations:
            return
        if call.error:
            self.refused.append(call)
            return
        self.outside.append(call)
        session = str(call.parameters.get("roleSessionName", ""))
        self._opened_by_others[run_of_session(session)] = call

    def _audited(self, run: Run) -> AuditedRun:
        """A run with what was gathered under its id and those of its steps."""
        found = [
            gathered
            for id_ in (run.id, *(step.id for step in run.steps))
            if (gathered := self._gathered.pop(id_, None))
        ]
        calls = [call for gathered in found for call in gathered.calls]
        self.outside += [c for c in calls if c.role in self._roles and not self._is_of(c, run)]
        return AuditedRun(
            run=run,
            start=next((gathered.start for gathered in found if gathered.start), None),
            answers=_oldest_first(call for gathered in found for call in gathered.answers),
            calls=_oldest_first(call for call in calls if self._is_of(call, run)),
        )

    def _is_of(self, call: Call, run: Run) -> bool:
        """Whether a call under a run's id is the run's: not where its session is somebody's who
        took the name, nor long before or after the run."""
        if call.run in self._opened_by_others and not call.is_automations:
            return False
        ended = run.ended or datetime.now(UTC)
        return run.started - BEFORE <= call.time <= ended + AFTER

    def _of(self, id_: str) -> _Gathered:
        return self._gathered.setdefault(id_, _Gathered())


def _oldest_first(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls that came newest first the other way round, those of one second as well."""
    turned = list(calls)
    turned.reverse()
    return tuple(sorted(turned, key=lambda call: call.time))
