"""Starts a runbook, at most once."""

import uuid

from botocore.exceptions import (
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)
from rich.console import Console

from operate import given
from operate.connection import Connection, explained
from operate.errors import AwsError, Exit, OperateError
from operate.parameters import Values, all_faults
from operate.runbooks import Runbook
from operate.screen import clean

_LOST = (ConnectionClosedError, ReadTimeoutError, HTTPClientError)
"""What may hide an answer: the request may have arrived."""


def checked(runbook: Runbook, values: Values) -> Values:
    """These values; OperateError with everything that is wrong with them."""
    faults = all_faults(runbook.parameters, values)
    if faults:
        what = f"{runbook.name}, version {runbook.version}, was not started"
        see = f"what it takes: python -m operate describe {runbook.name}"
        raise OperateError("\n".join([f"{what}:", *(f"  {fault}" for fault in faults), see]))
    return values


def ask_for_missing(runbook: Runbook, values: Values, terminal: Console) -> Values:
    """The values, with an answer for each one that is missing; asks again until it is allowed."""
    answers = dict(values)
    for parameter in given.missing(runbook, values):
        bounds = "; ".join([parameter.type, *parameter.bounds])
        terminal.print(clean(f"{parameter.name}: {parameter.description} ({bounds})"))
        while True:
            found = given.split(parameter, _answer(terminal, "> "))
            faults = parameter.faults(found)
            if not faults:
                break
            terminal.print("\n".join(clean(f"  {fault}") for fault in faults), style="red")
        answers[parameter.name] = found
    return answers


def confirm(terminal: Console, question: str) -> None:
    """Asks; OperateError for anything but yes."""
    if _answer(terminal, f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise OperateError("nothing was done")


def start(connection: Connection, runbook: Runbook, values: Values, token: str | None) -> str:
    """The id of the run that this starts, or that was started with the same token before.

    The version that was read is the one that starts, whatever the default becomes meanwhile.
    Raises OperateError, with the token where it is not known whether the start arrived.
    """
    token = token or str(uuid.uuid4())
    try:
        answer = connection.ssm.start_automation_execution(
            DocumentName=runbook.name,
            DocumentVersion=runbook.version,
            ClientToken=token,
            **({"Parameters": values} if values else {}),
        )
    except _LOST as error:
        what = f"it is not known whether {runbook.name} was started"
        known = explained(error, what, status=Exit.UNKNOWN)
        raise OperateError(
            f"{known}\nto know, run the same command with --client-token {token}: "
            "it starts at most one",
            status=Exit.UNKNOWN,
        ) from None
    except AwsError as error:
        raise explained(error, f"{runbook.name} was not started") from None
    return str(answer["AutomationExecutionId"])


def _answer(terminal: Console, question: str) -> str:
    try:
        return terminal.input(question, markup=False, emoji=False).strip()
    except EOFError:
        raise OperateError("nothing was done: the answer ended") from None
