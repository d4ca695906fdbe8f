"""``python -m operate audit``: what Automation and CloudTrail tell together."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from operate import runbooks
from operate.connection import Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import Run, read_run
from operate.screen import moment, say
from operate.times import since as time_of
from operate.trail import event_history, timeline
from operate.trail.joined import AFTER, BEFORE, Join
from operate.trail.printed import print_trail
from operate.trail.told import Trail, tell_call, tell_run

_PAGE = 50
_READERS = 8
"""Runs that are read at a time."""
_TELL_SECONDS = 10
_TELL_SECONDS_ON_A_TERMINAL = 0.2


def audit(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints runs with what was done for them, and before them what belongs to no run."""
    now = datetime.now(UTC)
    pages: Iterable[list[Run]]
    if options.id:
        one = read_run(connection, options.id)
        begin, end = one.started, one.ended or now
        pages = [[one]]
    else:
        begin = time_of(options.since)
        end = time_of(options.until) if options.until else now
        if begin >= end:
            raise OperateError(f"--since {options.since} is not before the end, {moment(end)}")
        pages = _runs_back(connection, begin, end)
    _say_what_is_forgotten(begin, now)
    roles = _service_roles(connection, options.role)
    progress = _Progress(begin)
    calls = event_history.events_back(connection, begin - BEFORE, min(end + AFTER, now), progress)
    join = Join(calls, roles)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        trail = Trail(
            region=connection.region,
            since=moment(begin),
            until=moment(end),
            roles=tuple(sorted(role.rsplit("/", 1)[-1] for role in roles)),
            spool=spool,
        )
        for page in pages:
            for audited in join.of(page):
                trail.add(tell_run(audited))
        join.rest(lambda id_: _find(connection, id_))
        progress.end()
        trail.outside = [tell_call(call) for call in join.outside]
        trail.refused = [tell_call(call) for call in join.refused]
        print_trail(trail, options.output)
        if options.html:
            _write_picture(options.html, trail)
    return Exit.FAILED if join.outside else Exit.SUCCESS


def _runs_back(connection: Connection, since: datetime, until: datetime) -> Iterator[list[Run]]:
    """The runs that began between two times, a page at a time, each with parameters and steps: a
    list tells neither, and the event history hides the values of parameters."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        Filters=[
            {"Key": "StartTimeAfter", "Values": [since.astimezone(UTC).strftime(form)]},
            {
                "Key": "StartTimeBefore",
                "Values": [(until + timedelta(seconds=1)).astimezone(UTC).strftime(form)],
            },
        ],
        PaginationConfig={"PageSize": _PAGE},
    )
    with ThreadPoolExecutor(_READERS) as readers, asking("for the runs"):
        for page in pages:
            ids = [run["AutomationExecutionId"] for run in page["AutomationExecutionMetadataList"]]
            yield list(readers.map(lambda id_: read_run(connection, id_), ids))


def _find(connection: Connection, execution_id: str) -> Run | None:
    """A run that was not asked for: it began before, or is of no interest."""
    try:
        return read_run(connection, execution_id)
    except OperateError as error:
        if "AutomationExecutionNotFound" in str(error):
            return None
        raise


def _service_roles(connection: Connection, further: list[str]) -> frozenset[str]:
    """The ARNs of the roles that runbooks of this account and Region embed, and of further ones."""
    caller = connection.caller
    if caller is None:
        raise OperateError("AWS does not tell whose credentials these are, and so no account")
    partition, account = caller.split(":")[1], caller.split(":")[4]
    names = {r.service_role for r in runbooks.listed(connection)} | set(further)
    return frozenset(f"arn:{partition}:iam::{account}:role/{name}" for name in names)


def _say_what_is_forgotten(begin: datetime, now: datetime) -> None:
    if now - begin > timedelta(days=event_history.DAYS):
        say(
            f"CloudTrail's event history goes back {event_history.DAYS} days: of what was before, "
            f"runs are shown without their calls"
        )


def _write_picture(path: str, trail: Trail) -> None:
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(timeline.page(trail))
    except OSError as error:
        raise OperateError(f"--html {path}: {error}") from None
    say(f"written: {path}")


class _Progress:
    """Says how far back the event history has been read: in place on a terminal, a line now and
    then elsewhere."""

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self._is_terminal = sys.stderr.isatty()
        self._told = time.monotonic()

    def __call__(self, at: datetime, count: int) -> None:
        pause = _TELL_SECONDS_ON_A_TERMINAL if self._is_terminal else _TELL_SECONDS
        if time.monotonic() - self._told < pause:
            return
        self._told = time.monotonic()
        text = f"event history: {count} events, back to {moment(at)} of {moment(self._begin)}"
        if self._is_terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            say(text)

    def end(self) -> None:
        """Takes the line away."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
