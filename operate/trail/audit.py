"""``python -m operate audit``: what Automation and CloudTrail tell together."""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from operate import runbooks
from operate.connection import PAGE, Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import Run, read_run
from operate.screen import moment, say
from operate.times import as_filter, time_of
from operate.trail import event_history, timeline
from operate.trail.joined import AFTER, BEFORE, Join
from operate.trail.printed import print_trail
from operate.trail.progress import Progress
from operate.trail.told import Trail, tell_call, tell_run

_READERS = 8
"""Runs that are read at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """What is audited."""

    begin: datetime
    end: datetime
    """Between which times what belongs to no run is told."""
    read_from: datetime
    read_until: datetime
    """How early and how late a call of these runs may be."""
    pages: Iterable[list[Run]]
    """The runs, the newest first."""


def audit(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints runs with what was done for them, and before them what belongs to no run."""
    asked = _one(connection, options.id) if options.id else _period(connection, options)
    roles = _service_roles(connection, options.role)
    with _opened(options.html) as picture, _spool() as spool:
        trail = Trail(
            region=connection.region,
            since=moment(asked.begin),
            until=moment(asked.end),
            roles=tuple(sorted(role.rsplit("/", 1)[-1] for role in roles)),
            spool=spool,
        )
        with Progress(asked.begin) as progress:
            calls = event_history.events_back(
                connection, asked.read_from, asked.read_until, progress
            )
            _fill(trail, Join(calls, roles), asked, connection)
        print_trail(trail, options.output)
        if picture:
            picture.writelines(timeline.page(trail))
            say(f"written: {options.html}")
    return Exit.FAILED if trail.outside else Exit.SUCCESS


def _fill(trail: Trail, join: Join, asked: _Question, connection: Connection) -> None:
    for page in asked.pages:
        for audited in join.of(page):
            trail.add(tell_run(audited))
    join.rest(lambda id_: _find(connection, id_))
    trail.outside, trail.refused = (
        [tell_call(call) for call in calls if asked.begin <= call.time <= asked.end]
        for calls in (join.outside, join.refused)
    )
    if join.other_roles:
        names = ", ".join(sorted(role.rsplit("/", 1)[-1] for role in join.other_roles))
        say(
            f"runs used other roles as well: {names}. What these do outside of runs is not looked "
            f"for; --role NAME does so"
        )


def _one(connection: Connection, execution_id: str) -> _Question:
    """One run, and what happened around it."""
    run, now = read_run(connection, execution_id), datetime.now(UTC)
    begin, end = run.started - BEFORE, min((run.ended or now) + AFTER, now)
    _say_what_is_forgotten(begin, now)
    return _Question(begin=begin, end=end, read_from=begin, read_until=end, pages=[[run]])


def _period(connection: Connection, options: argparse.Namespace) -> _Question:
    """The runs that began in a time; their calls may be as late as the last of them ended."""
    now = datetime.now(UTC)
    begin = time_of(options.since)
    end = time_of(options.until) if options.until else now
    if begin >= end:
        raise OperateError(f"--since {options.since} is not before the end, {moment(end)}")
    _say_what_is_forgotten(begin, now)
    read_until = now
    if options.until:
        ends = (
            run.get("ExecutionEndTime", now)
            for page in _listed(connection, begin, end)
            for run in page
        )
        read_until = min(max(ends, default=end) + AFTER, now)
    return _Question(
        begin=begin,
        end=end,
        read_from=begin - BEFORE,
        read_until=max(read_until, min(end, now)),
        pages=_runs_back(connection, begin, end),
    )


def _listed(
    connection: Connection, since: datetime, until: datetime
) -> Iterator[list[dict[str, Any]]]:
    """What a list tells of the runs that began between two times, a page at a time."""
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        Filters=[
            {"Key": "StartTimeAfter", "Values": [as_filter(since)]},
            {"Key": "StartTimeBefore", "Values": [as_filter(until + timedelta(seconds=1))]},
        ],
        PaginationConfig={"PageSize": PAGE},
    )
    with asking("for the runs"):
        for page in pages:
            yield page["AutomationExecutionMetadataList"]


def _runs_back(connection: Connection, since: datetime, until: datetime) -> Iterator[list[Run]]:
    """The runs that began between two times, a page at a time, each with parameters and steps: a
    list tells neither, and the event history hides the values of parameters."""
    with ThreadPoolExecutor(_READERS) as readers:
        for page in _listed(connection, since, until):
            ids = [run["AutomationExecutionId"] for run in page]
            yield list(readers.map(lambda id_: read_run(connection, id_), ids))


def _find(connection: Connection, execution_id: str) -> Run | None:
    """A run that was not asked for: it began before, or at another time; None where it is none."""
    try:
        return read_run(connection, execution_id)
    except OperateError as error:
        if error.code.startswith("AutomationExecutionNotFound"):
            return None
        raise


def _service_roles(connection: Connection, further: list[str]) -> frozenset[str]:
    """The ARNs of the roles that runbooks of this account and Region embed, and of further ones."""
    caller = connection.caller
    if caller is None:
        raise OperateError("AWS does not tell whose credentials these are, and so no account")
    partition, account = caller.split(":")[1], caller.split(":")[4]
    names = {r.service_role for r in runbooks.listed(connection)} | set(further)
    if not names:
        raise OperateError(
            f"no runbook in {connection.region} names a service role: which calls belong to no "
            f"run could not be told; check --region, or name the role: --role NAME"
        )
    return frozenset(f"arn:{partition}:iam::{account}:role/{name}" for name in names)


def _say_what_is_forgotten(begin: datetime, now: datetime) -> None:
    if now - begin > timedelta(days=event_history.DAYS):
        say(
            f"CloudTrail's event history goes back {event_history.DAYS} days: of what was before, "
            f"runs are shown without their calls"
        )


def _spool() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _opened(path: str | None) -> AbstractContextManager[IO[str] | None]:
    """The file of the picture, before anything is asked: to ask can take hours."""
    try:
        return Path(path).open("w", encoding="utf-8") if path else nullcontext()
    except OSError as error:
        raise OperateError(f"--html {path}: {error}") from None
