"""Which runbooks there are to run."""

import argparse

from operate.connection import Connection
from operate.errors import Exit
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
        say(
            f"no runbooks of this deployment in {connection.region}; other Region? --region; "
            "--all lists what the account has besides"
        )
    return Exit.SUCCESS
