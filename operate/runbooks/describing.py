"""What a runbook takes, does, and is limited by."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from operate.command_name import command
from operate.connection import Connection
from operate.errors import Exit
from operate.runbooks import catalog
from operate.runbooks.catalog import Runbook
from operate.screen import Screen, clean, console, print_json, who

_TOO_LONG = "too long for a tag"
"""What a deployment writes in place of tags for which a tag has no room."""


def describe(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints what a runbook takes, does, and is limited by."""
    runbook = catalog.read_runbook(connection, options.name, options.document_version)
    known = catalog.versions(connection, options.name)
    if options.output == "json":
        print_json(_described(runbook, known))
        return Exit.SUCCESS
    screen = console()
    screen.print(Text(runbook.name, style="bold"))
    if runbook.description:
        screen.write(runbook.description)
    screen.write(f"version {runbook.version}; default {known['default']}, latest {known['latest']}")
    screen.write(f"runs as {_role(runbook)}")
    for title, lines in (
        ("parameters", _parameter_lines(runbook)),
        ("steps", [(step.name, step.action, step.description) for step in runbook.steps]),
        ("limits", [(line,) for line in limit_lines(runbook)]),
    ):
        screen.print(Text(f"\n{title}", style="bold"))
        rows = [
            tuple(f"  {line[0]}" if not i else cell for i, cell in enumerate(line))
            for line in lines
        ]
        _print_block(screen, rows or [("  none",)])
    words = [
        f"{p.option}…" if p.option.endswith("=") else f"{p.option} …"
        for p in runbook.parameters
        if p.is_required
    ]
    screen.print(Text("\nrun it", style="bold"))
    screen.command(f"  {command('run', runbook.name, *words)}")
    return Exit.SUCCESS


def _role(runbook: Runbook) -> str:
    if not runbook.role:
        return "anyone who starts it: it embeds no role"
    if runbook.takes_its_role:
        return f"the role that its starter passes: {runbook.role}"
    return runbook.role


def _parameter_lines(runbook: Runbook) -> list[tuple[str, str, str]]:
    return [
        (
            parameter.option,
            parameter.type,
            "; ".join(
                [
                    *([parameter.description] if parameter.description else []),
                    *parameter.bounds,
                    *([] if parameter.is_required else [f"default {_shown(parameter.default)}"]),
                ]
            ),
        )
        for parameter in runbook.parameters
    ]


def limit_lines(runbook: Runbook, *, of_tags: bool = True) -> list[str]:
    """What a run is held to: by the document, and by the boundary of its role, as far as the tag of
    the document says it."""
    lines = []
    if of_tags and runbook.tags is None:
        lines.append("whether instances must have a tag is not known: you may not list documents")
    elif of_tags and (tag := runbook.only_instances_tagged):
        shown = "tags that python -m delegation who shows" if tag == _TOO_LONG else f"the tag {tag}"
        lines.append(f"only instances with {shown}")
    lines += [
        f"{p.option}: at most {p.most_items} at a time"
        for p in runbook.parameters
        if p.is_list and p.most_items < 50
    ]
    for approval in runbook.approvals:
        names = ", ".join(who(approver) for approver in approval.approvers)
        lines.append(f"approval by at least {approval.at_least} of {names}")
    lines += map(str, runbook.fleets)
    lines += [f"only while the Change Calendar {name} is open" for name in runbook.calendars]
    return lines


def _described(runbook: Runbook, known: dict[str, str]) -> dict[str, Any]:
    return {
        "Name": runbook.name,
        "Description": runbook.description,
        "DocumentVersion": runbook.version,
        "DefaultVersion": known["default"],
        "LatestVersion": known["latest"],
        "AssumeRole": runbook.role,
        "Parameters": [
            {
                "Name": p.name,
                "Option": p.option,
                "Type": p.type,
                "Description": p.description,
                "Required": p.is_required,
                "Default": p.default,
                "AllowedValues": list(p.allowed_values),
                "AllowedPattern": p.allowed_pattern,
                "Bounds": p.bounds,
            }
            for p in runbook.parameters
        ],
        "Steps": [
            {"Name": s.name, "Action": s.action, "Description": s.description}
            for s in runbook.steps
        ],
        "Limits": limit_lines(runbook),
    }


def _print_block(screen: Screen, rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns, without a heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (clean(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        screen.write("  ".join(cells).rstrip())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
