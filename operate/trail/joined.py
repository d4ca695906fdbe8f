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
_SCRIPT = "aws:executeScript"
"""The one action whose calls come from the script itself, not through an AWS service."""


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
    role: str = ""
    """The role that Automation assumed under the id."""


class Join:
    """Takes runs and calls, gives audited runs; in the end, what belongs to none."""

    def __init__(self, calls: Iterable[Call], roles: frozenset[str]) -> None:
        """``roles``: the ARNs of the service roles, whose calls all have to belong to a run."""
        self._calls = iter(calls)
        self._roles = roles
        self._gathered: dict[str, _Gathered] = {}
        self._ahead: Call | None = None
        """The call that was read and is older than what was asked for."""
        self._opened_by_others: set[str] = set()
        self.outside: list[Call] = []
        """Calls by the service roles that belong to no run, and sessions of them that somebody
        else than Automation opened."""
        self.refused: list[Call] = []
        """Starts, and sessions of the service roles, that AWS refused."""
        self.other_roles: set[str] = set()
        """Roles that Automation assumed for runs and that are none of the service roles."""

    def of(self, runs: Iterable[Run]) -> Iterator[AuditedRun]:
        """These runs with their calls; reads calls back to the earliest start among them."""
        some = tuple(runs)
        if some:
            self._read_back_to(min(run.started for run in some) - BEFORE)
        return (self._audited(run) for run in some)

    def rest(self, find: Callable[[str], Run | None]) -> None:
        """Reads every call that is left, and tells which belong to no run; ``find`` knows runs
        that were not asked for."""
        self._read_back_to(datetime.min.replace(tzinfo=UTC))
        for id_, gathered in self._gathered.items():
            calls = [call for call in gathered.calls if call.role in self._roles]
            run = find(id_) if calls else None
            self.outside += [c for c in calls if run is None or not self._is_of(c, run, gathered)]
        self._gathered.clear()
        # A session is opened before it is used, in one and the same second.
        self.outside.sort(key=lambda call: (call.time, not call.is_assumption))
        self.refused = [*_oldest_first(self.refused)]

    def _read_back_to(self, time: datetime) -> None:
        while (call := self._ahead or next(self._calls, None)) is not None:
            self._ahead = call if call.time < time else None
            if self._ahead is not None:
                return
            self._take(call)

    def _take(self, call: Call) -> None:
        """Files a call under whoever made it, and besides under what it did."""
        if call.role in self._roles and not call.run:
            self.outside.append(call)
        elif call.run and (call.role in self._roles or call.is_through_aws):
            self._of(call.run).calls.append(call)
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
        """Whoever opens a session of a service role is Automation, or is told."""
        role, run = call.parameter("roleArn"), run_of_session(call.parameter("roleSessionName"))
        if call.is_automations:
            if run and not call.error:
                self._of(run).role = role
                self.other_roles |= {role} - self._roles
        elif role in self._roles and call.error:
            self.refused.append(call)
        elif role in self._roles:
            self._opened_by_others.add(run)
            if call not in self.outside[-1:]:  # it was filed under who made it
                self.outside.append(call)

    def _audited(self, run: Run) -> AuditedRun:
        """A run with what was gathered under its id and those of its steps."""
        found = [
            gathered
            for id_ in (run.id, *(step.id for step in run.steps))
            if (gathered := self._gathered.pop(id_, None))
        ]
        calls: list[Call] = []
        for gathered in found:
            for call in gathered.calls:
                if self._is_of(call, run, gathered):
                    calls.append(call)
                elif call.role in self._roles:
                    self.outside.append(call)
        return AuditedRun(
            run=run,
            start=next((gathered.start for gathered in found if gathered.start), None),
            answers=_oldest_first(call for gathered in found for call in gathered.answers),
            calls=_oldest_first(calls),
        )

    def _is_of(self, call: Call, run: Run, gathered: _Gathered) -> bool:
        """Whether a call under a run's id is the run's own: by its role, within its time, and
        through Automation, unless a script of the run may have made it and nobody else took the
        name."""
        if call.role not in self._roles and call.role != gathered.role:
            return False
        ended = run.ended or datetime.now(UTC)
        if not run.started - BEFORE <= call.time <= ended + AFTER:
            return False
        has_script = any(step.action == _SCRIPT for step in run.steps)
        return call.is_through_aws or (has_script and call.run not in self._opened_by_others)

    def _of(self, id_: str) -> _Gathered:
        return self._gathered.setdefault(id_, _Gathered())


def _oldest_first(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls that came newest first the other way round, those of one second as well."""
    turned = list(calls)
    turned.reverse()
    return tuple(sorted(turned, key=lambda call: call.time))
