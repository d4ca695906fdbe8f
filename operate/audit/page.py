"""A page of executions: what was found, then steps, calls and states on a line of time each.

It loads nothing and runs nothing.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from operate.audit.matching import AuditedExecution
from operate.audit.origins import Origin
from operate.audit.output import answer_line, origin_line
from operate.audit.records import Call
from operate.audit.report import Report
from operate.executions.execution import Run, StepRun
from operate.executions.statuses import Outcome, outcome
from operate.screen import clean, who
from operate.times import took, utc

_SECOND = timedelta(seconds=1)
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --well: #2a7d46; --bad: #b3261e; --held: #a66a00;
  --going: #3563b8; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; }
h2 { margin: 2.5rem 0 0; font-size: 1.15rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; }
dt { color: GrayText; }
dd { margin: 0; }
dd.well { color: var(--well); font-weight: 600; background: none; }
dd.bad { color: var(--bad); font-weight: 600; background: none; }
.about { margin: 0.2rem 0 1rem; color: GrayText; }
.time { display: grid; grid-template-columns: minmax(8rem, 16rem) 1fr; gap: 0.3rem 1rem; }
.lane { position: relative; height: 1.5rem; border-bottom: 1px solid var(--line); }
.bar { position: absolute; top: 0.3rem; height: 0.9rem; min-width: 3px; border-radius: 3px;
  background: var(--going); }
.call { position: absolute; top: 0.1rem; width: 3px; height: 1.3rem; background: CanvasText; }
.well { background: var(--well); }
.bad { background: var(--bad); }
.held { background: var(--held); }
.wait { background: repeating-linear-gradient(135deg, var(--held) 0 4px, transparent 4px 8px);
  border: 1px solid var(--held); }
.scale { display: flex; justify-content: space-between; gap: 1rem; color: GrayText;
  font-size: 0.85rem; }
.took { color: GrayText; font-size: 0.85rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; font-size: 0.9rem; }
td, th { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); }
.alarm { border-left: 4px solid var(--bad); padding-left: 1rem; }
@media (max-width: 40rem) {
  .time, dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.4rem; }
  table, tbody, tr, td { display: block; width: 100%; }
  tr:first-child { display: none; }
  tr { border-bottom: 1px solid var(--line); padding: 0.4rem 0; }
  td { border: 0; padding: 0; }
  td::before { content: attr(data-label) " "; color: GrayText; }
}
"""


def lines(reports: Sequence[Report]) -> Iterator[str]:
    """The page of the accounts and Regions, piece by piece."""
    titles = [_title(report) for report in reports]
    title = titles[0] if len(titles) == 1 else f"Executions in {len(titles)} places"
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style></head><body>\n"
    )
    for report in reports:
        yield from _report(report)
    yield "</body></html>\n"


def _title(report: Report) -> str:
    return f"Executions in {report.region} of {report.account}"


def _report(report: Report) -> Iterator[str]:
    yield f"<h1>{_text(_title(report))}</h1>\n<dl>\n"
    for line in report.summary():
        kind = {None: "", False: "well", True: "bad"}[line.is_finding]
        yield f'<dt>{_text(line.label)}</dt><dd class="{kind}">{_text(line.value)}</dd>\n'
    yield (
        '</dl>\n<p class="about">A bar is a step: green succeeded, red failed, yellow was stopped, '
        "striped waited for an approval. A stroke is a call, red where it failed; CloudTrail "
        "records whole seconds.</p>\n"
    )
    for note in report.notes:
        yield f'<p class="about">{_text(note)}</p>\n'
    if report.unattributed:
        yield '<section class="alarm"><h2>Calls outside executions</h2>\n'
        reasons = [each.why for each in report.unattributed]
        yield from _table([each.call for each in report.unattributed], reasons=reasons)
        yield "</section>\n"
    if report.without_role:
        yield (
            '<section class="alarm"><h2>Executions without a role</h2>\n'
            '<p class="about">They had the permissions of their caller.</p></section>\n'
        )
        for execution in report.without_role:
            yield from _section(execution, report.origins.of(execution.run), "alarm")
    if report.refused:
        yield "<section><h2>Refused</h2>\n"
        yield from _table(report.refused, reasons=[""] * len(report.refused))
        yield "</section>\n"
    for execution in report.executions:
        yield from _section(execution, report.origins.of(execution.run))


def _section(execution: AuditedExecution, origin: Origin | None, kind: str = "") -> Iterator[str]:
    run, start = execution.run, execution.start
    came_from = f" from {start.source}" if start else ""
    began = ", began earlier" if execution.began_earlier else ""
    yield (
        f'<section class="{kind}"><h2>{_text(run.runbook)}, version {_text(run.version)}: '
        f'{_text(run.status)}</h2>\n<p class="about">execution {_text(run.id)}{began}<br>'
        f"{_text(utc(run.started))}, {_text(took(run.started, run.ended))}, "
        f"started by {_text(who(run.starter))}{_text(came_from)}"
    )
    if origin:
        yield f"<br>{_text(origin_line(origin))}"
    for name, values in run.parameters.items():
        yield f"<br>{_text(name)}: {_text(', '.join(values))}"
    for answer in execution.answers:
        yield f"<br>{_text(answer_line(answer))}"
    if run.failure:
        yield f"<br>{_text(run.failure)}"
    yield "</p>\n"
    yield from _lanes(run, execution.calls)
    if execution.calls:
        yield from _table(execution.calls)
    yield "</section>\n"


def _lanes(run: Run, calls: Sequence[Call]) -> Iterator[str]:
    """A lane for each step that began, and one for the calls."""
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
        return
    scale = _Scale(min(times), max(times))
    yield '<div class="time">\n'
    for step, started in begun:
        lasted = took(started, step.ended)
        about = f"{step.action}, {step.status}, {lasted}"
        yield (
            f'<div>{_text(step.name)} <span class="took">{_text(lasted)}</span></div>'
            f'<div class="lane"><div class="bar {_kind(step)}" title="{_text(about)}" '
            f'style="{scale.bar(started, step.ended or now)}"></div></div>\n'
        )
    yield '<div>calls</div><div class="lane">'
    for call, at in drawn:
        kind = " bad" if call.error else ""
        about = f"{utc(call.time)} {call.service}:{call.name}: {call.result}"
        yield f'<div class="call{kind}" title="{_text(about)}" style="{scale.at(at)}"></div>'
    yield "</div>\n"
    yield (
        f'<div></div><div class="scale"><span>{_text(utc(scale.begin))}</span>'
        f"<span>{_text(utc(scale.end))}</span></div></div>\n"
    )


def drawn_at(call: Call, steps: Iterable[datetime]) -> datetime:
    """Where in its second a call is drawn: CloudTrail cuts the time, so that it lies after the
    last step that began in that second, and never before its own."""
    return max([call.time, *(at for at in steps if call.time <= at < call.time + _SECOND)])


class _Scale:
    """A line of time from one moment to another, in percent."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self.begin, self.end = begin, end
        self._whole = max((end - begin).total_seconds(), 1.0)

    def at(self, time: datetime) -> str:
        """Where a moment lies, as CSS."""
        return f"left:{min(self._percent(time - self.begin), 99.5):.2f}%"

    def bar(self, begin: datetime, end: datetime) -> str:
        """Where a duration lies, as CSS."""
        left = self._percent(begin - self.begin)
        return f"left:{left:.2f}%;width:{min(self._percent(end - begin), 100 - left):.2f}%"

    def _percent(self, duration: timedelta) -> float:
        return min(max(duration.total_seconds() / self._whole * 100, 0), 100)


def _kind(step: StepRun) -> str:
    """How a step is drawn: waiting for an approval differs from work."""
    result = outcome(step.status)
    if step.action == "aws:approve" and result is not Outcome.BAD:
        return "wait"
    return str(result)


def _table(calls: Sequence[Call], *, reasons: Sequence[str] | None = None) -> Iterator[str]:
    """A table of calls; with ``reasons`` also who made each, from where, and why it is listed."""
    headings = ["time", "call", "on", "result", *(("by", "from", "why") if reasons else ())]
    heads = "".join(f"<th>{heading}</th>" for heading in headings)
    yield f"<table><tr>{heads}</tr>\n"
    for number, call in enumerate(calls):
        name, on = f"{call.service}:{call.name}", ", ".join(call.resources)
        cells = [utc(call.time), name, on, call.result]
        cells += [call.caller, call.source, reasons[number]] if reasons else []
        labelled = zip(headings, cells, strict=True)
        yield "<tr>" + "".join(
            f'<td data-label="{label}">{_text(cell)}</td>' for label, cell in labelled
        )
        yield "</tr>\n"
    yield "</table>\n"


def _text(text: str) -> str:
    return html.escape(clean(text))
