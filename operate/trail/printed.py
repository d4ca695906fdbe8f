"""A trail on standard output: for people, as JSON, as CSV."""

import json
import sys
from collections.abc import Iterator
from itertools import chain

from rich.console import Console
from rich.text import Text

from operate.screen import clean, console, print_csv, style_of, who
from operate.trail.told import Told, Trail, said

_COLUMNS = (
    *("kind", "run", "runbook", "version", "status", "started", "started by", "parameters"),
    *("answers", "time", "call", "on", "result", "by", "from", "event"),
)


def print_trail(trail: Trail, output: str) -> None:
    """Prints a trail: what belongs to no run comes first."""
    {"table": _for_people, "json": _as_json, "csv": _as_csv}[output](trail)


def _for_people(trail: Trail) -> None:
    screen = console()
    roles = ", ".join(trail.roles) or "no service role"
    screen.print(f"{trail.region}, {trail.since} to {trail.until}; {roles}")
    outside = f"calls by service roles that belong to no run: {len(trail.outside) or 'none'}"
    screen.print(Text(outside, style="bold red" if trail.outside else "green"))
    for call in trail.outside:
        screen.print(f"  {_line(call)} by {call['By']} from {call['From']}")
    if trail.refused:
        screen.print(f"refused: {len(trail.refused)}")
    for call in trail.refused:
        screen.print(f"  {_line(call)} by {who(call['By'])}")
    screen.print(f"runs: {trail.count or 'none'}")
    for run in trail.runs():
        _print_run(screen, run)


def _print_run(screen: Console, run: Told) -> None:
    line = Text(f"\n{run['Started']}  {run['Runbook']}, version {run['Version']}  ")
    line.append(run["Status"], style=style_of(run["Status"]))
    line.append(f"  by {who(run['StartedBy'])}")
    if run["StartedFrom"]:
        line.append(f" from {run['StartedFrom']}")
    screen.print(line)
    screen.print(f"  run {run['Run']}")
    for name, values in run["Parameters"].items():
        screen.print(clean(f"  {name}: {', '.join(values)}"))
    for answer in run["Answers"]:
        screen.print(clean(f"  {said(answer)}"))
    for call in run["Calls"]:
        screen.print(f"  {_line(call)}")
    if not run["Calls"]:
        screen.print("  no calls in the event history")


def _line(call: Told) -> str:
    on = f" on {', '.join(call['On'])}" if call["On"] else ""
    return clean(f"{call['Time']} {call['Call']}{on}: {call['Result']}")


def _as_json(trail: Trail) -> None:
    """One object, written run by run."""
    head = {
        "Region": trail.region,
        "Since": trail.since,
        "Until": trail.until,
        "ServiceRoles": list(trail.roles),
        "CallsOutsideRuns": trail.outside,
        "Refused": trail.refused,
    }
    text = json.dumps(head, indent=2, ensure_ascii=False)
    sys.stdout.write(text.removesuffix("\n}") + ',\n  "Runs": [')
    for number, run in enumerate(trail.runs()):
        sys.stdout.write("," if number else "")
        sys.stdout.write("\n    " + json.dumps(run, ensure_ascii=False))
    sys.stdout.write("\n  ]\n}\n")


def _as_csv(trail: Trail) -> None:
    """A row a call: those of no run first, then the refused ones, then those of runs, of which one
    without a call is a row as well."""
    others = (("outside of runs", trail.outside), ("refused", trail.refused))
    print_csv(
        _COLUMNS,
        chain(
            ((kind, *[""] * 8, *_cells(call)) for kind, calls in others for call in calls),
            (("run", *row) for run in trail.runs() for row in _rows(run)),
        ),
    )


def _rows(run: Told) -> Iterator[tuple[str, ...]]:
    parameters = "; ".join(f"{k}={','.join(v)}" for k, v in run["Parameters"].items())
    answers = "; ".join(map(said, run["Answers"]))
    head = (
        *(run["Run"], run["Runbook"], run["Version"], run["Status"], run["Started"]),
        *(run["StartedBy"], parameters, answers),
    )
    for call in run["Calls"]:
        yield (*head, *_cells(call))
    if not run["Calls"]:
        yield (*head, *[""] * 7)


def _cells(call: Told) -> tuple[str, ...]:
    on = " ".join(call["On"])
    keys = ("Result", "By", "From", "Event")
    return call["Time"], call["Call"], on, *(call[key] for key in keys)
