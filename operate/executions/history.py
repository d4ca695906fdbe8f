"""Which runs there have been."""

import argparse
from itertools import islice

from operate.connection import PAGE, Connection, asking
from operate.errors import Exit
from operate.executions.execution import run_of
from operate.screen import console, moment, print_csv, print_json, print_table, say, took, who
from operate.times import as_filter, time_of


def history(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints the runs of this account and Region, the newest first."""
    caller = None if options.all else connection.caller
    if caller is None and not options.all:
        say("AWS does not show who you are: these are the runs of everybody")
    filters = [
        *([{"Key": "ExecutionStatus", "Values": [options.status]}] if options.status else []),
        *([{"Key": "DocumentNamePrefix", "Values": [options.runbook]}] if options.runbook else []),
        *(
            [{"Key": "StartTimeAfter", "Values": [as_filter(time_of(options.since))]}]
            if options.since
            else []
        ),
    ]
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        **({"Filters": filters} if filters else {}), PaginationConfig={"PageSize": PAGE}
    )
    with asking("for the runs"):
        executions = (e for page in pages for e in page["AutomationExecutionMetadataList"])
        mine = (e for e in executions if caller in (None, e.get("ExecutedBy")))
        found = list(islice(mine, options.limit))
        has_more = next(mine, None) is not None
    runs = [run_of(execution) for execution in found]
    by = caller is None
    headings = ("started", "runbook", "version", "status", "took", "run", *(("by",) if by else ()))
    rows = [
        (
            *(moment(r.started), r.runbook, r.version, r.status, took(r.started, r.ended), r.id),
            *((who(r.starter),) if by else ()),
        )
        for r in runs
    ]
    if options.output == "json":
        print_json(found)
    elif options.output == "csv":
        print_csv(headings, rows)
    else:
        print_table(console(), headings, rows)
    if not rows:
        matching = " that matches" if filters else ""
        say(
            f"no run{matching}"
            if caller is None
            else f"no run of yours{matching}; --all shows those of everybody"
        )
    if has_more:
        say(f"there are more; --limit {options.limit * 10} shows them")
    return Exit.SUCCESS
