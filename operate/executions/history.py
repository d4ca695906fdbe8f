"""Which runs there have been."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from operate.connection import Connection, of_each
from operate.errors import Exit, OperateError
from operate.executions.execution import Run, read_run
from operate.executions.finding import newest
from operate.screen import console, print_csv, print_json, print_table, say, who
from operate.times import local, time_of, took, utc


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What was found in an account and Region."""

    connection: Connection
    caller: str | None
    """Whose executions; None for everybody's."""
    runs: list[Run]
    has_more: bool


def history(connections: Sequence[Connection], options: argparse.Namespace) -> Exit:
    """Prints the runs of these accounts and Regions, the newest first."""
    if options.by and not options.all:
        raise OperateError("--by NAME is with --all: without it, the runs are yours")
    filters = _filters(options)
    found, refused = of_each(connections, lambda each: _read(each, filters, options))
    pairs = sorted(
        ((each, run) for each in found for run in each.runs),
        key=lambda pair: pair[1].started,
        reverse=True,
    )
    shown = pairs[: options.limit]
    if options.targets:
        shown = [(each, read_run(each.connection, run.id)) for each, run in shown]
    is_of_many = len(connections) > 1
    by = any(each.caller is None for each in found)
    if options.output == "json":
        print_json([{**run.answer, **_place(each, is_of_many)} for each, run in shown])
    else:
        headings = (
            *(("account", "Region") if is_of_many else ()),
            *("started", "runbook", "version", "status", "took", "run"),
            *(("by",) if by else ()),
            *(("on",) if options.targets else ()),
        )
        as_time = utc if options.output == "csv" else local
        rows = [
            (
                *_place(each, is_of_many).values(),
                *(as_time(run.started), run.runbook, run.version, run.status),
                *(took(run.started, run.ended), run.id),
                *((who(run.starter),) if by else ()),
                *((_targets(run),) if options.targets else ()),
            )
            for each, run in shown
        ]
        if options.output == "csv":
            print_csv(headings, rows)
        else:
            print_table(console(), headings, rows)
    if not shown and not refused:
        matching = " that matches" if filters or options.by else ""
        say(
            f"no run{matching}"
            if by
            else f"no run of yours{matching}; --all shows those of everybody"
        )
    if len(pairs) > len(shown) or any(each.has_more for each in found):
        say(f"there are more; --limit {options.limit * 10} shows them")
    return refused or Exit.SUCCESS


def _filters(options: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        {"Key": key, "Values": [value]}
        for key, value in (
            ("ExecutionStatus", options.status),
            ("DocumentNamePrefix", options.runbook),
            ("StartTimeAfter", options.since and utc(time_of(options.since))),
            ("StartTimeBefore", options.until and utc(time_of(options.until))),
        )
        if value
    ]


def _read(
    connection: Connection, filters: list[dict[str, Any]], options: argparse.Namespace
) -> _Found:
    caller = None if options.all else connection.caller
    if caller is None and not options.all:
        say("AWS does not show who you are: these are the runs of everybody")
    wanted = (options.by or "").lower()
    matching = (
        run
        for run in newest(connection, filters, started_by=caller)
        if wanted in who(run.starter).lower()
    )
    runs = list(islice(matching, options.limit))
    has_more = next(matching, None) is not None
    return _Found(connection=connection, caller=caller, runs=runs, has_more=has_more)


def _place(found: _Found, is_shown: bool) -> dict[str, str]:
    """Account and Region, where several are asked."""
    if not is_shown:
        return {}
    return {"Account": found.connection.account, "Region": found.connection.region}


def _targets(run: Run) -> str:
    """What an execution ran on: its one target, or what its parameters name."""
    target = run.answer.get("Target", "")
    return target or "; ".join(
        f"{name}={','.join(values)}" for name, values in run.parameters.items()
    )
