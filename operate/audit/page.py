"""A page of executions: what was found, then steps, calls and states on a line of time each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from operate.audit.matching import AuditedExecution
from operate.audit.origins import Origin
from operate.audit.output import answer_line, origin_line
from operate.audit.records import Call
from operate.audit.report import Report
from operate.executions.execution import Run, StepRun
from operate.executions.statuses import Outcome, outcome
from operate.screen import clean, who
from operate.times import took, utc
from pages.rendering import rendered

_SECOND = timedelta(seconds=1)
_STATES = {Outcome.WELL: "good", Outcome.BAD: "bad", Outcome.HELD: "warning", Outcome.GOING: ""}
_FINDINGS = {None: "", False: "good", True: "bad"}
_BARS = {Outcome.WELL: "well", Outcome.BAD: "failed", Outcome.HELD: "held", Outcome.GOING: ""}


def lines(reports: Sequence[Report]) -> Iterator[str]:
    """The page of the accounts and Regions, piece by piece."""
    titles = [f"Executions in {report.region} of {report.account}" for report in reports]
    return rendered(
        Path(__file__).resolve().parent,
        "audit.html",
        title=titles[0] if len(titles) == 1 else f"Executions in {len(titles)} places",
        made=utc(datetime.now(UTC)),
        contents=[(f"report-{number}", title) for number, title in enumerate(titles)],
        reports=(_report(title, report) for title, report in zip(titles, reports, strict=True)),
    )


def _report(title: str, report: Report) -> dict[str, Any]:
    return {
        "title": title,
        "summary": [
            (line.label, clean(line.value), _FINDINGS[line.is_finding]) for line in report.summary()
        ],
        "notes": report.notes,
        "unattributed": [
            [*_cells(each.call), [each.call.caller], [each.call.source], [clean(each.why)]]
            for each in report.unattributed
        ],
        "without_role": [
            _execution(each, report.origins.of(each.run)) for each in report.without_role
        ],
        "refused": [[*_cells(call), [call.caller], [call.source]] for call in report.refused],
        "executions": (_execution(each, report.origins.of(each.run)) for each in report.executions),
    }


def _execution(execution: AuditedExecution, origin: Origin | None) -> dict[str, Any]:
    run, start = execution.run, execution.start
    came_from = f" from {start.source}" if start else ""
    lasted = f"{utc(run.started)}, {took(run.started, run.ended)}"
    about = [
        f"execution {run.id}{', began earlier' if execution.began_earlier else ''}",
        f"{lasted}, started by {who(run.starter)}{came_from}",
        *([origin_line(origin)] if origin else []),
        *(f"{name}: {', '.join(values)}" for name, values in run.parameters.items()),
        *map(answer_line, execution.answers),
        *([run.failure] if run.failure else []),
    ]
    return {
        "heading": clean(f"{run.runbook}, version {run.version}"),
        "status": clean(run.status),
        "state": _STATES[outcome(run.status)],
        "about": [*map(clean, about)],
        "time": _time(run, execution.calls),
        "calls": [_cells(call) for call in execution.calls],
    }


def _cells(call: Call) -> list[list[str]]:
    """Time, call, resources and result, as a row of a table has them."""
    name = f"{call.service}:{call.name}"
    return [[utc(call.time)], [name], [*map(clean, call.resources)], [clean(call.result)]]


def _time(run: Run, calls: Sequence[Call]) -> dict[str, Any] | None:
    """A lane for each step that began, and one for the calls; None where nothing has a time."""
    now = datetime.now(UTC)
    begun = [(step, step.started) for step in run.steps if step.started]
    drawn = [(call, drawn_at(call, [at for _, at in begun])) for call in calls]
    times = [
        *(at for _, at in begun),
        *(step.ended or now for step, _ in begun),
        *(at for _, at in drawn),
        *(time for time in (run.started, run.ended) if time and time < now + _SECOND),
    ]
    if not times:
        return None
    scale = _Scale(min(times), max(times))
    return {
        "begin": utc(scale.begin),
        "end": utc(scale.end),
        "steps": [
            {
                "name": clean(step.name),
                "status": clean(step.status),
                "took": took(started, step.ended),
                "about": clean(f"{step.action}, {step.status}, {took(started, step.ended)}"),
                "kind": _kind(step),
                "place": scale.bar(started, step.ended or now),
            }
            for step, started in begun
        ],
        "calls": [
            {
                "about": clean(f"{utc(call.time)} {call.service}:{call.name}: {call.result}"),
                "kind": "failed" if call.error else "",
                "place": scale.at(at),
            }
            for call, at in drawn
        ],
    }


def drawn_at(call: Call, steps: Iterable[datetime]) -> datetime:
    """Where in its second a call is drawn: CloudTrail cuts the time, so that it lies after the
    last step that began in that second, and never before its own."""
    return max([call.time, *(at for at in steps if call.time <= at < call.time + _SECOND)])


@dataclass(frozen=True, slots=True)
class _Scale:
    """A line of time from one moment to another, in percent."""

    begin: datetime
    end: datetime

    def at(self, time: datetime) -> str:
        """Where a moment lies, as CSS."""
        return f"left:{min(self._percent(time - self.begin), 99.5):.2f}%"

    def bar(self, begin: datetime, end: datetime) -> str:
        """Where a duration lies, as CSS."""
        left = self._percent(begin - self.begin)
        return f"left:{left:.2f}%;width:{min(self._percent(end - begin), 100 - left):.2f}%"

    def _percent(self, duration: timedelta) -> float:
        whole = max((self.end - self.begin).total_seconds(), 1.0)
        return min(max(duration.total_seconds() / whole * 100, 0), 100)


def _kind(step: StepRun) -> str:
    """How a step is drawn: waiting for an approval differs from work."""
    result = outcome(step.status)
    if step.action == "aws:approve" and result is not Outcome.BAD:
        return "wait"
    return _BARS[result]
