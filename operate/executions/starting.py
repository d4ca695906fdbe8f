"""Starts a runbook, at most once."""

from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from operate import arguments, questions
from operate.command_name import command
from operate.connection import Connection, explained
from operate.errors import AwsError, Exit, OperateError
from operate.runbooks.catalog import Runbook, execution_tags
from operate.runbooks.parameters import Values, all_faults
from operate.screen import Screen


def checked(runbook: Runbook, values: Values) -> Values:
    """These values; OperateError with everything that is wrong with them."""
    faults = all_faults(runbook.parameters, values)
    if faults:
        what = f"{runbook.name}, version {runbook.version}, was not started"
        see = f"what it takes: {command('describe', runbook.name)}"
        raise OperateError("\n".join([f"{what}:", *(f"  {fault}" for fault in faults), see]))
    return values


def refuse_own_permissions(runbook: Runbook, values: Values) -> None:
    """Raises OperateError for a runbook whose steps would have the caller's own permissions."""
    if runbook.runs_as_caller(values):
        raise OperateError(
            f"{runbook.name}, version {runbook.version}, was not started: it embeds no service "
            f"role, so that its steps would run with your own permissions, and its author decides "
            f"what they do; to lend them all the same: --allow-own-permissions"
        )


def ask_for_missing(runbook: Runbook, values: Values, asked: Screen) -> Values:
    """The values, with an answer for each one that is missing; asks again until it is allowed."""
    answers = dict(values)
    for parameter in arguments.missing(runbook, values):
        bounds = "; ".join([parameter.type, *parameter.bounds])
        asked.write(f"{parameter.name}: {parameter.description} ({bounds})")
        while True:
            found = arguments.split(parameter, questions.answer(asked, "> "))
            faults = parameter.faults(found)
            if not faults:
                break
            for fault in faults:
                asked.write(f"  {fault}", style="red")
        answers[parameter.name] = found
    return answers


def start(connection: Connection, runbook: Runbook, values: Values, token: str) -> str:
    """The id of the run that this starts, or that was started with the same token before.

    The version that was read is the one that starts, whatever the default becomes meanwhile.
    Raises OperateError, with the token where it is not known whether the start arrived.
    """
    asked = request(connection, runbook, values)
    try:
        answer = connection.ssm.start_automation_execution(ClientToken=token, **asked)
    except AwsError as error:
        if is_surely_refused(error):
            raise explained(error, f"{runbook.name} was not started") from None
        what = f"it is not known whether {runbook.name} was started"
        known = explained(error, what, status=Exit.UNKNOWN)
        raise OperateError(f"{known}\n{start_again(token)}", status=Exit.UNKNOWN) from None
    return str(answer["AutomationExecutionId"])


def request(connection: Connection, runbook: Runbook, values: Values) -> dict[str, Any]:
    """What is sent to start the version of the runbook that was read, but the client token."""
    tags = execution_tags(connection, runbook)
    return {
        "DocumentName": runbook.name,
        "DocumentVersion": runbook.version,
        **({"Tags": tags} if tags else {}),
        **({"Parameters": values} if values else {}),
    }


def start_again(token: str) -> str:
    """How to find out whether a start arrived."""
    return f"to know, run the same command with --client-token {token}: it starts at most one run"


def is_surely_refused(error: Exception) -> bool:
    """Whether no try of a start can have arrived: one was made and AWS refused it, or none left
    this machine. What was tried again may have been started by the first try."""
    if isinstance(error, ClientError):
        answer = error.response.get("ResponseMetadata", {})
        return bool(answer.get("RetryAttempts") == 0 and answer.get("HTTPStatusCode", 500) < 500)
    return not isinstance(error, HTTPClientError)
