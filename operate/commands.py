"""What there is to run, what has been run, and what a message means."""

import argparse
import sys
from itertools import islice

from operate import explanations, runbooks
from operate.connection import Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import run_of
from operate.screen import (
    console,
    moment,
    print_csv,
    print_json,
    print_table,
    say,
    took,
    who,
)
from operate.times import since

_PAGE = 50


def list_runbooks(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints the runbooks that this deployment offers."""
    found = sorted(
        runbooks.listed(connection, everything=options.all), key=lambda runbook: runbook.name
    )
    if options.output == "json":
        print_json(
            [
                {
                    "Name": runbook.name,
                    "DefaultVersion": runbook.default_version,
                    "Description": runbook.description,
                    "ServiceRole": runbook.service_role,
                }
                for runbook in found
            ]
        )
        return Exit.SUCCESS
    rows = [(runbook.name, runbook.default_version, runbook.description) for runbook in found]
    print_table(console(), ("runbook", "version", "description"), rows)
    if not found:
        say(
            f"no runbooks of this deployment in {connection.region}; other Region? --region; "
            "--all lists what the account has besides"
        )
    return Exit.SUCCESS


def history(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints the runs of this account and Region, the newest first."""
    caller = None if options.all else connection.caller
    if caller is None and not options.all:
        say("AWS does not tell who you are: these are the runs of everybody")
    filters = [
        *([{"Key": "ExecutionStatus", "Values": [options.status]}] if options.status else []),
        *([{"Key": "DocumentNamePrefix", "Values": [options.runbook]}] if options.runbook else []),
        *(
            [{"Key": "StartTimeAfter", "Values": [f"{since(options.since):%Y-%m-%dT%H:%M:%SZ}"]}]
            if options.since
            else []
        ),
    ]
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        **({"Filters": filters} if filters else {}), PaginationConfig={"PageSize": _PAGE}
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
        say("no runs" + ("" if caller is None else " of yours; --all shows those of everybody"))
    if has_more:
        say(f"there are more; --limit {options.limit * 10} shows them")
    return Exit.SUCCESS


def explain(words: list[str]) -> Exit:
    """Prints cause and cure of a message of AWS, given or on standard input."""
    lines = explanations.explain(" ".join(words) or sys.stdin.read())
    if not lines:
        raise OperateError("this message is not known here; the AWS documentation may know it")
    print("\n".join(lines))
    return Exit.SUCCESS
