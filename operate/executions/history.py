"""Which runs there have been."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from operate.connection import PAGE, Connection, asking, of_each
from operate.errors import Exit
from operate.executions.execution import Run, run_of
from operate.screen import console, moment, print_csv, print_json, print_table, say, took, who
from operate.times import as_filter, time_of


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What was found in an account and Region."""

    connection: Connection
    caller: str | None
    """Whose executions; None for everybody's."""
    executions: list[dict[str, Any]]
    has_more: bool


def history(connections: Sequence[Connection], options: argparse.Namespace) -> Exit:
    """Prints the runs of these accounts and Regions, the newest first."""
    filters = _filters(options)
    found, refused = of_each(connections, lambda each: _read(each, filters, options))
    pairs = sorted(
        ((each, execution) for each in found for execution in each.executions),
        key=lambda pair: pair[1]["ExecutionStartTime"],
        reverse=True,
    )
    shown = pairs[: options.limit]
    is_of_many = len(connections) > 1
    by = any(each.caller is None for each in found)
    if options.output == "json":
        print_json([{**execution, **_place(each, is_of_many)} for each, execution in shown])
    else:
        headings = (
            *(("account", "Region") if is_of_many else ()),
            *("started", "runbook", "version", "status", "took", "run"),
            *(("by",) if by else ()),
        )
        rows = [
            (*_place(each, is_of_many).values(), *_row(run_of(execution), by=by))
            for each, execution in shown
        ]
        if options.output == "csv":
            print_csv(headings, rows)
        else:
            print_table(console(), headings, rows)
    if not shown and not refused:
        matching = " that matches" if filters else ""
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
        *([{"Key": "ExecutionStatus", "Values": [options.status]}] if options.status else []),
        *([{"Key": "DocumentNamePrefix", "Values": [options.runbook]}] if options.runbook else []),
        *(
            [{"Key": "StartTimeAfter", "Values": [as_filter(time_of(options.since))]}]
            if options.since
            else []
        ),
    ]


def _read(
    connection: Connection, filters: list[dict[str, Any]], options: argparse.Namespace
) -> _Found:
    caller = None if options.all else connection.caller
    if caller is None and not options.all:
        say("AWS does not show who you are: these are the runs of everybody")
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        **({"Filters": filters} if filters else {}), PaginationConfig={"PageSize": PAGE}
    )
    with asking("for the runs"):
        executions = (e for page in pages for e in page["AutomationExecutionMetadataList"])
        mine = (e for e in executions if caller in (None, e.get("ExecutedBy")))
        found = list(islice(mine, options.limit))
        has_more = next(mine, None) is not None
    return _Found(connection=connection, caller=caller, executions=found, has_more=has_more)


def _place(found: _Found, is_shown: bool) -> dict[str, str]:
    """Account and Region, where several are asked."""
    if not is_shown:
        return {}
    return {"Account": found.connection.account, "Region": found.connection.region}


def _row(run: Run, *, by: bool) -> tuple[str, ...]:
    return (
        *(moment(run.started), run.runbook, run.version, run.status),
        *(took(run.started, run.ended), run.id),
        *((who(run.starter),) if by else ()),
    )
