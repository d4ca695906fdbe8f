"""Which runbooks there are to run."""

import argparse
import sys

from operate import questions
from operate.connection import Connection
from operate.errors import Exit, OperateError
from operate.runbooks import catalog
from operate.screen import console, print_json, print_table, say


def list_runbooks(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints the runbooks that this deployment offers."""
    found = sorted(
        catalog.listed(connection, everything=options.all), key=lambda runbook: runbook.name
    )
    if options.output == "json":
        print_json(
            [
                {
                    "Name": runbook.name,
                    "DefaultVersion": runbook.default_version,
                    "Description": runbook.description,
                    "ServiceRole": runbook.service_role,
                    "Team": runbook.team,
                }
                for runbook in found
            ]
        )
        return Exit.SUCCESS
    has_teams = any(runbook.team for runbook in found)
    rows = [
        (
            runbook.name,
            *((runbook.team,) if has_teams else ()),
            runbook.default_version,
            runbook.description,
        )
        for runbook in found
    ]
    columns = ("runbook", *(("team",) if has_teams else ()), "version", "description")
    print_table(console(), columns, rows)
    if not found:
        say(f"no runbooks of this deployment in {connection.region}")
        say("those of another Region: --region NAME; all documents of the account: --all")
    return Exit.SUCCESS


def choose(connection: Connection) -> str:
    """The name of a runbook that the caller may start and chooses on the terminal."""
    screen = console(sys.stderr)
    found = sorted(catalog.startable(connection), key=lambda runbook: runbook.name)
    if not found:
        raise OperateError(
            f"there is no runbook in {connection.region} that you may start; those of another "
            "Region: --region NAME"
        )
    rows = [
        (str(number), runbook.name, runbook.description)
        for number, runbook in enumerate(found, start=1)
    ]
    print_table(screen, ("number", "runbook", "description"), rows)
    names = [runbook.name for runbook in found]
    return names[questions.choice(screen, "run which?", names)]
