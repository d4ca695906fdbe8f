"""A picture of runs: steps, calls and states on a line of time, in one page without a script."""

import html
from collections.abc import Iterator
from datetime import datetime

from operate.screen import clean, who
from operate.statuses import outcome
from operate.trail.told import Told, Trail, said

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --well: #2a7d46; --bad: #b3261e; --held: #a66a00;
  --going: #3563b8; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 0; font-size: 1.15rem; }
.about { margin: 0.2rem 0 1rem; color: GrayText; overflow-wrap: anywhere; }
.time { display: grid; grid-template-columns: minmax(8rem, 16rem) 1fr; gap: 0.3rem 1rem; }
.name { overflow-wrap: anywhere; }
.lane { position: relative; height: 1.5rem; border-bottom: 1px solid var(--line); }
.bar { position: absolute; top: 0.3rem; height: 0.9rem; min-width: 3px; border-radius: 3px;
  background: var(--going); }
.call { position: absolute; top: 0.1rem; width: 3px; height: 1.3rem; background: CanvasText; }
.well { background: var(--well); }
.bad { background: var(--bad); }
.held { background: var(--held); }
.scale { display: flex; justify-content: space-between; color: GrayText; font-size: 0.85rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; font-size: 0.9rem; }
td:first-child, th, .scale { white-space: nowrap; }
td, th { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.alarm { border-left: 4px solid var(--bad); padding-left: 1rem; }
@media (max-width: 40rem) { .time { grid-template-columns: 1fr; } }
"""


def page(trail: Trail) -> Iterator[str]:
    """The page, piece by piece; it loads nothing and runs nothing."""
    title = f"Runs in {trail.region}, {trail.since} to {trail.until}"
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style></head><body>\n"
        f'<h1>{_text(title)}</h1>\n<p class="about">Service roles: '
        f"{_text(', '.join(trail.roles))}. A bar is a step: green ended well, red badly, yellow "
        "was stopped or waits. A stroke is a call, red where it failed.</p>\n"
    )
    if trail.outside:
        yield '<section class="alarm"><h2>Calls by service roles that belong to no run</h2>\n'
        yield from _calls(trail.outside, with_who=True)
        yield "</section>\n"
    if trail.refused:
        yield "<section><h2>Refused</h2>\n"
        yield from _calls(trail.refused, with_who=True)
        yield "</section>\n"
    for run in trail.runs():
        yield from _run(run)
    yield "</body></html>\n"


def _run(run: Told) -> Iterator[str]:
    yield (
        f"<section><h2>{_text(run['Runbook'])}, version {_text(run['Version'])}: "
        f'{_text(run["Status"])}</h2>\n<p class="about">run {_text(run["Run"])}, '
        f"{_text(run['Started'])}, started by {_text(who(run['StartedBy']))}"
    )
    for name, values in run["Parameters"].items():
        yield f"<br>{_text(name)}: {_text(', '.join(values))}"
    for answer in run["Answers"]:
        yield f"<br>{_text(said(answer))}"
    if run["Failure"]:
        yield f"<br>{_text(run['Failure'])}"
    yield "</p>\n"
    yield from _lanes(run)
    if run["Calls"]:
        yield from _calls(run["Calls"])
    yield "</section>\n"


def _lanes(run: Told) -> Iterator[str]:
    """A lane for each step that began, and one for the calls."""
    times = [
        text
        for text in (
            *(step[key] for step in run["Steps"] for key in ("Started", "Ended")),
            *(run["Started"], run["Ended"]),
        )
        if text
    ]
    begin, end = min(map(_seconds, times)), max(map(_seconds, times))
    whole = max(end - begin, 1.0)
    yield '<div class="time">\n'
    for step in run["Steps"]:
        if not step["Started"]:
            continue
        left = (_seconds(step["Started"]) - begin) / whole * 100
        until = _seconds(step["Ended"]) if step["Ended"] else end
        width = max((until - begin) / whole * 100 - left, 0)
        about = _text(f"{step['Name']} ({step['Action']}): {step['Status']}")
        yield (
            f'<div class="name">{_text(step["Name"])}</div><div class="lane">'
            f'<div class="bar {outcome(step["Status"])}" title="{about}" '
            f'style="left:{left:.2f}%;width:{width:.2f}%"></div></div>\n'
        )
    yield '<div class="name">calls</div><div class="lane">'
    for call in run["Calls"]:
        # The event history tells whole seconds: a call may seem to come before its step.
        left = min(max((_seconds(call["Time"]) - begin) / whole * 100, 0), 100)
        kind = "" if call["Result"] == "ok" else " bad"
        about = _text(f"{call['Time']} {call['Call']}: {call['Result']}")
        yield f'<div class="call{kind}" title="{about}" style="left:{left:.2f}%"></div>'
    yield "</div>\n"
    yield (
        f'<div></div><div class="scale"><span>{_text(min(times, key=_seconds))}</span>'
        f"<span>{_text(max(times, key=_seconds))}</span></div></div>\n"
    )


def _calls(calls: list[Told], *, with_who: bool = False) -> Iterator[str]:
    who_heading = "<th>by</th><th>from</th>" if with_who else ""
    yield f"<table><tr><th>time</th><th>call</th><th>on</th><th>result</th>{who_heading}</tr>\n"
    for call in calls:
        cells = [call["Time"], call["Call"], ", ".join(call["On"]), call["Result"]]
        cells += [call["By"], call["From"]] if with_who else []
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>\n"
    yield "</table>\n"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _text(text: str) -> str:
    return html.escape(clean(str(text)))
