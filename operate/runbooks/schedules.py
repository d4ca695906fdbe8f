"""Which runbooks are started by nobody, and when next."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from operate.connection import Connection, asking
from operate.errors import AwsError, Exit, is_denied
from operate.runbooks.next_starts import next_starts
from operate.screen import console, print_json, print_table, say
from operate.times import local

_GROUP = "DelegatedRunbooks"
"""How the names of our groups end: a deployment may have a prefix."""
_STARTS = ":aws-sdk:ssm:startAutomationExecution"
_MOST = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A schedule that starts a runbook."""

    name: str
    runbook: str
    expression: str
    zone: str
    is_paused: bool
    starts: tuple[datetime, ...]
    """The next ones, in UTC; none where it is paused, has ended, or is not understood."""
    unknown: str = ""
    """What of it is not understood."""

    @property
    def next(self) -> str:
        """The next start by the clocks of its own zone, or why there is none."""
        if self.is_paused:
            return "paused"
        if self.unknown:
            return f"not known here: {self.unknown}"
        if not self.starts:
            return "none any more"
        return local(self.starts[0], ZoneInfo(self.zone))


def list_schedules(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints the schedules of this deployment that the caller may see."""
    hidden = 0
    found = []
    for schedule in _schedules(connection):
        if schedule is None:
            hidden += 1
        else:
            found.append(schedule)
    found.sort(key=lambda each: (not each.starts, each.starts[:1], each.name))
    if options.output == "json":
        print_json(
            [
                {
                    "Name": each.name,
                    "Runbook": each.runbook,
                    "Expression": each.expression,
                    "TimeZone": each.zone,
                    "Paused": each.is_paused,
                    "NextStarts": list(each.starts),
                }
                for each in found
            ]
        )
    else:
        rows = [
            (each.next, each.runbook, f"{each.expression} {each.zone}", each.name) for each in found
        ]
        print_table(console(), ("next", "runbook", "at", "schedule"), rows)
    if not found:
        say(f"no schedules of yours in {connection.region}; those of another Region: --region NAME")
    if hidden:
        say(f"not shown, as you may not read them: {hidden}")
    return Exit.SUCCESS


def _schedules(connection: Connection) -> Iterator[Schedule | None]:
    """The schedules of our groups; None for one that the caller may not read."""
    client, now = connection.client("scheduler"), datetime.now(UTC)
    with asking("for the schedules"):
        for page in client.get_paginator("list_schedules").paginate():
            for listed in page["Schedules"]:
                is_ours = listed["GroupName"].endswith(_GROUP)
                if not is_ours or not listed["Target"]["Arn"].endswith(_STARTS):
                    continue  # somebody else's
                try:
                    yield _read(
                        client.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"]), now
                    )
                except AwsError as error:
                    if not is_denied(error):
                        raise
                    yield None


def _read(answer: Mapping[str, Any], now: datetime) -> Schedule:
    zone = answer.get("ScheduleExpressionTimezone", "UTC")
    is_paused = answer["State"] != "ENABLED"
    starts: list[datetime] = []
    unknown = ""
    try:
        starts = next_starts(
            answer["ScheduleExpression"],
            zone=zone,
            counted_from=answer["CreationDate"],
            begins=answer.get("StartDate"),
            ends=answer.get("EndDate"),
            after=now,
            most=_MOST,
        )
    except ValueError as error:
        unknown = str(error)
    return Schedule(
        name=answer["Name"],
        runbook=_runbook(answer["Target"].get("Input", "")),
        expression=answer["ScheduleExpression"],
        zone=zone,
        is_paused=is_paused,
        starts=() if is_paused else tuple(starts),
        unknown=unknown,
    )


def _runbook(text: str) -> str:
    """The document that a start names; empty for what names none."""
    try:
        given = json.loads(text)
    except ValueError:
        return ""
    return str(given.get("DocumentName", "")) if isinstance(given, dict) else ""
