"""A report on standard output: for people, as JSON, as CSV."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from rich.console import Console
from rich.text import Text

from operate.audit.matching import AuditedExecution
from operate.audit.origins import Origin
from operate.audit.records import Call
from operate.audit.report import Report, answer_of
from operate.screen import as_json, clean, console, print_csv, style_of, who
from operate.times import took, utc

_COLUMNS = (
    *("kind", "execution", "runbook", "version", "status", "started", "ended", "started by"),
    *("origin", "origin started by"),
    *("parameters", "answers", "time", "call", "on", "result", "by", "from", "event", "why"),
)
_RESOURCES_A_LINE = 20
_NOTHING = ("",) * 8
"""The columns of a call, where there is none."""


def print_reports(reports: Sequence[Report], output: str, *, are_many: bool) -> None:
    """Prints the report of each account and Region: what belongs to no execution comes first. As
    JSON a list where several were asked for, as CSV with columns that say where."""
    if output == "csv":
        _print_csv(reports, are_many=are_many)
    elif output == "json":
        sys.stdout.write("[\n" if are_many else "")
        for number, report in enumerate(reports):
            sys.stdout.write(",\n" if number else "")
            _print_json(report)
        sys.stdout.write("\n]\n" if are_many else "\n")
    else:
        for number, report in enumerate(reports):
            console().print("\n" if number else "", end="")
            _print_table(report)


def answer_line(call: Call) -> str:
    """An approval, a rejection or a stop in a line: what, by whom, with what result and why."""
    answer, comment = answer_of(call)
    refused = f" ({call.error})" if call.error else ""
    return f"{utc(call.time)} {answer} by {who(call.caller)}{refused}" + (
        f": {comment}" if comment else ""
    )


def origin_line(origin: Origin) -> str:
    """Which execution stands at the beginning, and who started it."""
    if not origin.runbook:
        return f"of execution {origin.id}, which was not read"
    return f"of {origin.runbook} {origin.id}, started by {who(origin.starter)}"


def _print_table(report: Report) -> None:
    screen = console()
    for line in report.summary():
        style = {None: "", False: "green", True: "bold red"}[line.is_finding]
        screen.print(clean(f"{line.label}: {line.value}"), style=style)
    if report.unattributed:
        screen.print("\ncalls outside executions", style="bold red")
    for each in report.unattributed:
        _print_call(screen, each.call, f"by {each.call.caller} from {each.call.source}")
        screen.print(clean(f"    {each.why}"))
    if report.without_role:
        screen.print(
            "\nexecutions without a role: they had the permissions of their caller",
            style="bold red",
        )
    for execution in report.without_role:
        _print_execution(screen, execution, report.origins.of(execution.run))
    if report.refused:
        screen.print("\nrefused")
    for call in report.refused:
        _print_call(screen, call, f"by {who(call.caller)}")
    for execution in report.executions:
        _print_execution(screen, execution, report.origins.of(execution.run))


def _print_call(screen: Console, call: Call, by: str) -> None:
    """A call and who made it: however long the one is, the other is shown."""
    screen.print(f"  {clean(_call_line(call))} {clean(by)}")


def _print_execution(screen: Console, execution: AuditedExecution, origin: Origin | None) -> None:
    run, start = execution.run, execution.start
    line = Text(clean(f"{utc(run.started)}  {run.runbook}, version {run.version}  "))
    line.append(clean(run.status), style=style_of(run.status))
    line.append(clean(f", {took(run.started, run.ended)}, by {who(run.starter)}"))
    if start:
        line.append(clean(f" from {start.source}"))
    screen.print()
    screen.print(line)
    began = ", began earlier" if execution.began_earlier else ""
    screen.print(f"  execution {run.id}{began}")
    if origin:
        screen.print(clean(f"  {origin_line(origin)}"))
    for name, values in run.parameters.items():
        screen.print(clean(f"  {name}: {', '.join(values)}"))
    for answer in execution.answers:
        screen.print(clean(f"  {answer_line(answer)}"))
    for call in execution.calls:
        screen.print(clean(f"  {_call_line(call)}"))
    if not execution.calls:
        screen.print("  no calls in the event history")


def _call_line(call: Call) -> str:
    shown = ", ".join(call.resources[:_RESOURCES_A_LINE])
    if more := len(call.resources) - _RESOURCES_A_LINE:
        shown += f" and {more} more (--output json lists all)" if more > 0 else ""
    on = f" on {shown}" if shown else ""
    return f"{utc(call.time)} {call.service}:{call.name}{on}: {call.result}"


def _print_json(report: Report) -> None:
    """One object, written execution by execution."""
    head = {
        "Account": report.account,
        "Region": report.region,
        "Since": utc(report.since),
        "Until": utc(report.until),
        "WatchedRoles": list(report.roles),
        "Notes": report.notes,
        "ExecutionsByStatus": dict(sorted(report.statuses.items())),
        "CallsOutsideExecutions": [
            {**_call(each.call), "Why": each.why} for each in report.unattributed
        ],
        "ExecutionsWithoutRole": [
            _execution(each, report.origins.of(each.run)) for each in report.without_role
        ],
        "Refused": [_call(call) for call in report.refused],
    }
    sys.stdout.write(as_json(head, indent=2).removesuffix("\n}") + ',\n  "Executions": [')
    for number, execution in enumerate(report.executions):
        sys.stdout.write("," if number else "")
        sys.stdout.write(
            "\n    " + as_json(_execution(execution, report.origins.of(execution.run)))
        )
    sys.stdout.write("\n  ]\n}")


def _execution(execution: AuditedExecution, origin: Origin | None) -> dict[str, Any]:
    run, start = execution.run, execution.start
    return {
        "Execution": run.id,
        "Runbook": run.runbook,
        "Version": run.version,
        "Status": run.status,
        "BeganEarlier": execution.began_earlier,
        "Started": utc(run.started),
        "Ended": utc(run.ended),
        "StartedBy": run.starter,
        "StartedFrom": start.source if start else "",
        "StartEvent": start.id if start else "",
        "Origin": {"Execution": origin.id, "Runbook": origin.runbook, "StartedBy": origin.starter}
        if origin
        else None,
        "Parameters": dict(run.parameters),
        "Failure": run.failure,
        "Steps": [
            {
                "Name": step.name,
                "Action": step.action,
                "Status": step.status,
                "Started": _milliseconds(step.started),
                "Ended": _milliseconds(step.ended),
            }
            for step in run.steps
        ],
        "Answers": [
            {
                "Time": utc(call.time),
                "Answer": answer_of(call)[0],
                "By": call.caller,
                "Comment": answer_of(call)[1],
                "Result": call.result,
                "Event": call.id,
            }
            for call in execution.answers
        ],
        "Calls": [_call(call) for call in execution.calls],
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "Time": utc(call.time),
        "Call": f"{call.service}:{call.name}",
        "On": list(call.resources),
        "Result": call.result,
        "Message": call.message,
        "By": call.caller,
        "From": call.source,
        "Event": call.id,
    }


def _milliseconds(time: datetime | None) -> str:
    """To the millisecond, for what lasts less than a second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" if time else ""


def _print_csv(reports: Sequence[Report], *, are_many: bool) -> None:
    """A row a call: those of no execution first, then those without a role, the refused ones, and
    those of executions, of which one without a call is a row as well."""
    rows = (
        (*((report.account, report.region) if are_many else ()), *row)
        for report in reports
        for row in _of_report(report)
    )
    print_csv((*(("account", "Region") if are_many else ()), *_COLUMNS), rows)


def _of_report(report: Report) -> Iterator[tuple[str, ...]]:
    nowhere = ("",) * 11
    return chain(
        (("note", *nowhere, *_NOTHING[1:], note) for note in report.notes),
        (
            ("outside executions", *nowhere, *_cells(each.call), each.why)
            for each in report.unattributed
        ),
        (
            ("without a role", *row)
            for each in report.without_role
            for row in _rows(each, report.origins.of(each.run))
        ),
        (("refused", *nowhere, *_cells(call), "") for call in report.refused),
        (
            ("began earlier" if each.began_earlier else "execution", *row)
            for each in report.executions
            for row in _rows(each, report.origins.of(each.run))
        ),
    )


def _rows(execution: AuditedExecution, origin: Origin | None) -> Iterator[tuple[str, ...]]:
    run = execution.run
    parameters = "; ".join(f"{k}={','.join(v)}" for k, v in run.parameters.items())
    answers = "; ".join(map(answer_line, execution.answers))
    head = (
        *(run.id, run.runbook, run.version, run.status, utc(run.started), utc(run.ended)),
        run.starter,
        *((origin.id, origin.starter) if origin else ("", "")),
        *(parameters, answers),
    )
    for call in execution.calls:
        yield (*head, *_cells(call), "")
    if not execution.calls:
        yield (*head, *_NOTHING)


def _cells(call: Call) -> tuple[str, ...]:
    return (
        *(utc(call.time), f"{call.service}:{call.name}", " ".join(call.resources), call.result),
        *(call.caller, call.source, call.id),
    )
