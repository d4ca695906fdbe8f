"""``python -m operate audit``: what Automation and CloudTrail show together."""

import argparse
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from operate.connection import PAGE, Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import Run, read_run
from operate.screen import moment, say
from operate.times import as_filter, time_of
from operate.trail import event_history, page
from operate.trail.execution_roles import ExecutionRoles
from operate.trail.files import whole_file
from operate.trail.matching import AFTER, BEFORE, AuditedExecution, Matching, Sources
from operate.trail.output import print_report
from operate.trail.progress import Progress
from operate.trail.records import Call, execution_of
from operate.trail.report import Report
from operate.trail.spool import Spool
from operate.trail.watched_roles import watched_roles

_READERS = 8
"""Executions that are read at a time."""
_DELAY = timedelta(minutes=15)
"""How late CloudTrail may deliver an event; on average it takes five minutes.
Source: CloudTrail User Guide, How CloudTrail works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """What is audited."""

    begin: datetime
    end: datetime
    """Between which times calls outside executions are reported."""
    read_from: datetime
    read_until: datetime
    """How early and how late a call of these executions may be."""
    pages: Iterable[list[Run]]
    """The executions, the newest first."""
    only: Run | None = None
    """The one execution that was asked for."""

    def concerns(self, call: Call) -> bool:
        """Whether a call that belongs to no execution is to be reported."""
        if self.only is None:
            return self.begin <= call.time <= self.end
        ids = {self.only.id, *(step.id for step in self.only.steps)}
        return call.execution in ids or execution_of(call.opened_session) in ids


def audit(connection: Connection, options: argparse.Namespace) -> Exit:
    """Reports executions with what was done for them, and before them what belongs to none."""
    roles = watched_roles(connection, options.role, options.except_role)
    with Spool[AuditedExecution]() as executions:
        with whole_file(options.html) as html:
            asked = _one(connection, options.id) if options.id else _period(connection, options)
            report = Report(
                account=(connection.caller or ":::::").split(":")[4],
                region=connection.region,
                since=moment(asked.begin),
                until=moment(asked.end),
                roles=tuple(sorted(role.rsplit("/", 1)[-1] for role in roles)),
                executions=executions,
            )
            _fill(report, asked, connection, roles)
            if html:
                html.writelines(page.lines(report))
        if options.html:
            say(f"written: {options.html}")
        print_report(report, options.output)
        return Exit.FAILED if report.has_findings else Exit.SUCCESS


def _fill(report: Report, asked: _Window, connection: Connection, roles: frozenset[str]) -> None:
    openings = event_history.Openings(connection)
    sources = Sources(
        execution=lambda id_: None if asked.only else _find(connection, id_),
        earlier=lambda callers: () if asked.only else _earlier(connection, asked.begin, callers),
        opened_between=openings.between,
        has_role=ExecutionRoles(connection).has_role,
    )
    with Progress(asked.begin) as progress, Spool[Call]() as waiting:
        calls = event_history.events_back(connection, asked.read_from, asked.read_until, progress)
        matching = Matching(
            calls, watched=roles, begin=asked.begin, sources=sources, waiting=waiting
        )
        for runs in asked.pages:
            for execution in matching.of(runs):
                report.add(execution)
        for execution in matching.rest():
            if execution.run.started <= asked.end:
                report.add(execution)
        report.without_role = matching.without_role()
    report.outside = [each for each in matching.outside if asked.concerns(each.call)]
    report.refused = [call for call in reversed(matching.refused) if asked.concerns(call)]
    _say_limits(asked, matching, openings)


def _say_limits(asked: _Window, matching: Matching, openings: event_history.Openings) -> None:
    now = datetime.now(UTC)
    if now - asked.begin > timedelta(days=event_history.DAYS):
        say(
            f"CloudTrail's event history goes back {event_history.DAYS} days: earlier executions "
            f"are shown without their calls"
        )
    if now - asked.end < _DELAY:
        say("CloudTrail can be 15 minutes late: the newest calls may be missing")
    if matching.used_roles:
        names = ", ".join(sorted(role.rsplit("/", 1)[-1] for role in matching.used_roles))
        say(f"executions used roles that do not trust Automation any more: {names}")
    if openings.unread:
        regions = ", ".join(f"{region} ({error})" for region, error in openings.unread.items())
        say(f"sessions may have been opened in Regions that could not be read: {regions}")


def _one(connection: Connection, execution_id: str) -> _Window:
    """One execution, and what used its id."""
    run, now = read_run(connection, execution_id), datetime.now(UTC)
    begin, end = run.started - BEFORE, min((run.ended or now) + AFTER, now)
    return _Window(begin=begin, end=end, read_from=begin, read_until=end, pages=[[run]], only=run)


def _period(connection: Connection, options: argparse.Namespace) -> _Window:
    """The executions that began in a window; their calls are at most as late as their ends."""
    now = datetime.now(UTC)
    begin = time_of(options.since)
    end = time_of(options.until) if options.until else now
    if begin >= end:
        raise OperateError(f"--since {options.since} is not before the end, {moment(end)}")
    read_until = now
    if options.until:
        ends = (
            run.get("ExecutionEndTime", now)
            for page in _listed(connection, since=begin, until=end)
            for run in page
        )
        read_until = min(max(ends, default=end) + AFTER, now)
    return _Window(
        begin=begin,
        end=end,
        read_from=begin - BEFORE,
        read_until=max(read_until, min(end, now)),
        pages=_runs_back(connection, begin, end),
    )


def _listed(
    connection: Connection, *, until: datetime, since: datetime | None = None
) -> Iterator[list[dict[str, Any]]]:
    """What a list shows of the executions that began between two times, a page at a time."""
    filters = [{"Key": "StartTimeBefore", "Values": [as_filter(until + timedelta(seconds=1))]}]
    if since:
        filters.append({"Key": "StartTimeAfter", "Values": [as_filter(since)]})
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        Filters=filters, PaginationConfig={"PageSize": PAGE}
    )
    with asking("for the executions"):
        for page_ in pages:
            yield page_["AutomationExecutionMetadataList"]


def _runs_back(connection: Connection, since: datetime, until: datetime) -> Iterator[list[Run]]:
    """The executions that began between two times, a page at a time, each with parameters and
    steps: a list shows neither, and the event history hides the values of parameters."""
    with ThreadPoolExecutor(_READERS) as readers:
        for page_ in _listed(connection, since=since, until=until):
            ids = [run["AutomationExecutionId"] for run in page_]
            yield list(readers.map(lambda id_: read_run(connection, id_), ids))


def _earlier(connection: Connection, begin: datetime, callers: frozenset[str]) -> Iterator[Run]:
    """The executions that these callers started before a time at which they had not ended."""
    if not callers:
        return
    for page_ in _listed(connection, until=begin):
        for run in page_:
            ended = run.get("ExecutionEndTime")
            if run.get("ExecutedBy") in callers and (ended is None or ended >= begin - AFTER):
                yield read_run(connection, run["AutomationExecutionId"])


def _find(connection: Connection, execution_id: str) -> Run | None:
    """An execution that the list did not show; None where there is none of this id."""
    try:
        return read_run(connection, execution_id)
    except OperateError as error:
        if error.code.startswith("AutomationExecutionNotFound"):
            return None
        raise
