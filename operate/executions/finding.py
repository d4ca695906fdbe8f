"""Which execution is meant: by its id, by the beginning of one, as the newest."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from operate.command_name import command
from operate.connection import PAGE, Connection, asking
from operate.errors import OperateError
from operate.executions.execution import Run, run_of

_WHOLE = 36
"""The characters of an id."""
_NEWEST = 1_000
"""Among so many executions the beginning of an id is looked for."""


def id_to_change(connection: Connection, text: str) -> str:
    """An id from its beginning on a terminal, whose user sees what is found before they answer;
    elsewhere OperateError for what is no whole id."""
    if len(text) < _WHOLE and not sys.stdin.isatty():
        raise OperateError(f"{text!r} is the beginning of an id: without a terminal give all of it")
    return whole_id(connection, text)


def whole_id(connection: Connection, text: str) -> str:
    """An id from its beginning. Raises OperateError where no execution begins so, or several."""
    if len(text) == _WHOLE:
        return text
    found = [run for run in islice(newest(connection), _NEWEST) if run.id.startswith(text)]
    if not found:
        raise OperateError(
            f"no execution whose id begins with {text!r} among the newest {_NEWEST:,} in "
            f"{connection.region}; {command('history', '--all')} shows them"
        )
    if len(found) > 1:
        lines = [f"  {run.id} {run.runbook}" for run in found]
        raise OperateError("\n".join([f"several ids begin with {text!r}:", *lines]))
    return found[0].id


def asked_execution(
    connection: Connection,
    options: argparse.Namespace,
    whole: Callable[[Connection, str], str] = whole_id,
) -> str:
    """The id of the execution that a command names, by ``--latest`` the newest of the caller;
    ``whole`` makes an id of the beginning of one. Raises OperateError where there is none, or
    several begin so."""
    if options.id and getattr(options, "latest", False):
        raise OperateError("give an ID or --latest, not both")
    if options.id:
        return whole(connection, options.id)
    if not getattr(options, "latest", False):
        raise OperateError("give an ID, or --latest for the newest of your runs")
    if connection.caller is None:
        raise OperateError("AWS does not show who you are, nor which runs are yours; give an ID")
    mine = next(newest(connection, started_by=connection.caller), None)
    if mine is None:
        raise OperateError(f"there is no run of yours in {connection.region}")
    return mine.id


def newest(
    connection: Connection,
    filters: Sequence[Mapping[str, Any]] = (),
    *,
    started_by: str | None = None,
) -> Iterator[Run]:
    """The executions of a list, the newest first: those that this caller started, or all."""
    pages = connection.ssm.get_paginator("describe_automation_executions").paginate(
        **({"Filters": [*filters]} if filters else {}), PaginationConfig={"PageSize": PAGE}
    )
    with asking("for the runs"):
        for page in pages:
            for each in page["AutomationExecutionMetadataList"]:
                if started_by in (None, each.get("ExecutedBy")):
                    yield run_of(each)
