"""``python -m operate audit``: what Automation and CloudTrail show together."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from operate.audit import event_history, page
from operate.audit.event_history import EventHistory
from operate.audit.execution_roles import ExecutionRoles
from operate.audit.files import whole_file
from operate.audit.matching import (
    AFTER,
    BEFORE,
    AuditedExecution,
    Matching,
    Sources,
    UnattributedCall,
)
from operate.audit.output import print_reports
from operate.audit.progress import Progress
from operate.audit.records import Call, execution_of
from operate.audit.report import Report
from operate.audit.spool import Spool
from operate.audit.watched_roles import Roles, read_roles
from operate.connection import PAGE, Connection, asking, of_each
from operate.errors import Exit, OperateError
from operate.executions.execution import Run, read_run
from operate.screen import say
from operate.times import time_of, utc

_READERS = 8
"""Executions that are read at a time."""
_LONGEST_SESSION = timedelta(hours=12)
"""Source: IAM User Guide, Methods to assume a role, maximum session duration."""
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

    def shows(self, execution: AuditedExecution) -> bool:
        """Whether an execution is of what was asked for."""
        if self.only is None:
            return execution.run.started <= self.end
        return execution.run.id == self.only.id

    def concerns(self, call: Call) -> bool:
        """Whether a call that belongs to no execution is to be reported."""
        if self.only is None:
            return self.begin <= call.time <= self.end
        ids = {self.only.id, *(step.id for step in self.only.steps if step.id)}
        answered = call.parameter("automationExecutionId")
        return bool({call.execution, execution_of(call.opened_session), answered} & ids)


def audit(connections: Sequence[Connection], options: argparse.Namespace) -> Exit:
    """Reports executions with what was done for them, and before them what belongs to none."""
    with ExitStack() as spools:
        with whole_file(options.html) as html:
            reports, refused = of_each(
                connections,
                lambda each: _report(each, connections, options, spools.enter_context(Spool())),
            )
            if html:
                html.writelines(page.lines(reports))
        if options.html:
            say(f"written: {options.html}")
        print_reports(reports, options.output, are_many=len(connections) > 1)
        found = any(report.has_findings for report in reports)
        return refused or (Exit.FAILED if found else Exit.SUCCESS)


def _report(
    connection: Connection,
    connections: Sequence[Connection],
    options: argparse.Namespace,
    executions: Spool[AuditedExecution],
) -> Report:
    """What is found in an account and Region."""
    account, roles = read_roles(connection, options.role, options.except_role)
    asked = _one(connection, options.id) if options.id else _period(connection, options)
    report = Report(
        account=account,
        region=connection.region,
        global_region=connection.home_of_global_services,
        since=asked.begin,
        until=asked.end,
        roles=tuple(sorted(map(_name, roles.watched))),
        others=frozenset(each.named_region for each in connections if each.is_beside(connection)),
        executions=executions,
    )
    _fill(report, asked, connection, roles)
    return report


def _fill(report: Report, asked: _Window, connection: Connection, roles: Roles) -> None:
    history = EventHistory(connection)
    sources = Sources(
        execution=lambda id_, regions: None if asked.only else _find(connection, id_, regions),
        earlier=lambda callers: () if asked.only else _earlier(connection, asked.begin, callers),
        opened_between=history.opened_between,
        has_role=ExecutionRoles(connection).has_role,
    )
    with Progress(asked.begin) as progress, Spool[UnattributedCall]() as undecided:
        calls = history.back(asked.read_from, asked.read_until, progress)
        matching = Matching(
            chain(_later(history, asked), calls),
            watched=roles.watched,
            excepted=roles.excepted,
            begin=asked.begin,
            sources=sources,
            undecided=undecided,
        )
        for runs in asked.pages:
            for execution in matching.match_page(runs):
                report.add(execution)
        for execution in matching.finish():
            if asked.shows(execution):
                report.add(execution)
    for execution in matching.without_role:
        report.origins.add(execution)
    report.origins.complete(lambda id_: _readable(connection, id_))
    report.without_role = [each for each in matching.without_role if asked.shows(each)]
    report.unattributed = [each for each in matching.unattributed if asked.concerns(each.call)]
    report.refused = [call for call in matching.refused if asked.concerns(call)]
    report.notes = list(_limits(asked, matching, history))
    for note in report.notes:
        say(note)


def _later(history: EventHistory, asked: _Window) -> list[Call]:
    """What sessions named after the one execution did after what is read of everything."""
    now = datetime.now(UTC)
    if asked.only is None or asked.read_until >= now:
        return []
    end = min(asked.read_until + _LONGEST_SESSION, now)
    begin = asked.read_until + timedelta(seconds=1)
    names = (asked.only.id, f"Automation-{asked.only.id}")
    calls = [call for name in names for call in history.of_session(name, begin, end)]
    return sorted(calls, key=lambda call: call.time, reverse=True)


def _limits(asked: _Window, matching: Matching, history: EventHistory) -> Iterator[str]:
    """What the audit could not see."""
    now = datetime.now(UTC)
    if now - asked.begin > timedelta(days=event_history.DAYS):
        yield (
            f"CloudTrail's event history goes back {event_history.DAYS} days: earlier executions "
            f"are shown without their calls"
        )
    if now - asked.read_until < _DELAY:
        yield "CloudTrail can be 15 minutes late: the newest calls may be missing"
    if matching.used_roles:
        names = ", ".join(sorted(map(_name, matching.used_roles)))
        yield f"executions used roles that do not trust Automation any more: {names}"
    if history.unread:
        regions = ", ".join(f"{region} ({error})" for region, error in history.unread.items())
        yield f"sessions opened in Regions that could not be read are not known: {regions}"


def _name(role: str) -> str:
    return role.rsplit("/", 1)[-1]


def _one(connection: Connection, execution_id: str) -> _Window:
    """One execution, and what used its id."""
    run, now = read_run(connection, execution_id), datetime.now(UTC)
    begin = min(run.started, now) - BEFORE  # one that waits for its start has begun never
    end = min((run.ended or now) + AFTER, now)
    return _Window(begin=begin, end=end, read_from=begin, read_until=end, pages=[[run]], only=run)


def _period(connection: Connection, options: argparse.Namespace) -> _Window:
    """The executions that began in a window; their calls are at most as late as their ends."""
    now = datetime.now(UTC)
    begin = time_of(options.since)
    end = time_of(options.until) if options.until else now
    if begin >= end:
        raise OperateError(f"--since {options.since} is not before the end, {utc(end)}")
    read_until = now
    if options.until:
        ends = (
            run.get("ExecutionEndTime", now)
            for listed in _listed(connection, since=begin, until=end)
            for run in listed
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
    filters = [{"Key": "StartTimeBefore", "Values": [utc(until + timedelta(seconds=1))]}]
    if since:
        filters.append({"Key": "StartTimeAfter", "Values": [utc(since)]})
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        Filters=filters, PaginationConfig={"PageSize": PAGE}
    )
    with asking("for the executions"):
        for listed in pages:
            yield listed["AutomationExecutionMetadataList"]


def _runs_back(connection: Connection, since: datetime, until: datetime) -> Iterator[list[Run]]:
    """The executions that began between two times, a page at a time, each with parameters and
    steps: a list shows neither, and the event history hides the values of parameters."""
    with ThreadPoolExecutor(_READERS) as readers:
        for listed in _listed(connection, since=since, until=until):
            ids = [run["AutomationExecutionId"] for run in listed]
            yield list(readers.map(lambda id_: read_run(connection, id_), ids))


def _earlier(connection: Connection, begin: datetime, callers: frozenset[str]) -> Iterator[Run]:
    """The executions that these callers started before a time at which they had not ended."""
    if not callers:
        return
    for listed in _listed(connection, until=begin):
        for run in listed:
            ended = run.get("ExecutionEndTime")
            if run.get("ExecutedBy") in callers and (ended is None or ended >= begin - AFTER):
                yield read_run(connection, run["AutomationExecutionId"])


def _readable(connection: Connection, execution_id: str) -> Run | None:
    """An execution of this Region; None where none is kept or the caller may not read it."""
    try:
        return _find(connection, execution_id, frozenset())
    except OperateError as error:
        if "AccessDenied" not in error.code:
            raise
        return None


def _find(connection: Connection, execution_id: str, regions: frozenset[str]) -> Run | None:
    """An execution that the list did not show: it began earlier, or in one of these Regions, in
    which Automation opened a session for it. None where none is kept."""
    for region in (connection.region, *sorted(regions - {connection.region})):
        try:
            return read_run(connection, execution_id, region=region)
        except OperateError as error:
            if not error.code.startswith("AutomationExecutionNotFound"):
                raise
    return None
