"""Shell completion: commands and options by argparse, runbooks, their parameters and ids by AWS.

A completion says nothing where AWS cannot be asked.
"""

import argparse
import contextlib
import os
import shlex
from collections.abc import Callable
from itertools import islice

from operate.command_name import NAME
from operate.connection import Connection
from operate.errors import AwsError, Exit, OperateError
from operate.global_options import GLOBAL, with_globals_last

SHELLS = ("bash", "zsh", "fish")
_ASKED = "_ARGCOMPLETE"
"""The variable by which a shell asks this program for completions. Source: argcomplete."""
_LINE = "COMP_LINE"
_EXECUTIONS = 50

Completer = Callable[..., list[str]]


def offer(argument: argparse.Action, completer: Completer) -> None:
    """Has a shell complete an argument's values by these."""
    argument.completer = completer  # type: ignore[attr-defined]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks for completions, and ends the program; else does nothing."""
    if _ASKED not in os.environ:
        return
    import argcomplete  # a tenth of a start, which no other command has to wait for

    line = os.environ.get(_LINE, "")
    with contextlib.suppress(ValueError):  # a quote that is still open
        _offer_parameters(parser, shlex.split(line)[1:], is_whole=line.endswith(" "))
    argcomplete.autocomplete(parser)


def print_script(shell: str) -> Exit:
    """Prints what a shell runs to have ``operate`` completed."""
    from argcomplete.shell_integration import shellcode

    print(shellcode([NAME], shell=shell))
    return Exit.SUCCESS


def runbooks(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The names of the deployment's runbooks."""
    from operate.runbooks.catalog import listed

    try:
        return [runbook.name for runbook in listed(_connection(parsed_args))]
    except (OperateError, *AwsError):
        return []


def executions(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The ids of the newest executions."""
    from operate.executions.finding import newest

    try:
        found = newest(_connection(parsed_args))
        return [run.id for run in islice(found, _EXECUTIONS)]
    except (OperateError, *AwsError):
        return []


def _offer_parameters(parser: argparse.ArgumentParser, words: list[str], *, is_whole: bool) -> None:
    """Adds the parameters of the runbook that a line names to the options of ``run``."""
    from operate.runbooks.catalog import read_runbook

    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    command, *rest = with_globals_last(words) or [""]
    if command != "run" or (len(rest) < 2 and not is_whole):
        return  # another command, or a name that is being typed
    named = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    named.add_argument("name", nargs="?")
    for option in GLOBAL:
        named.add_argument(option)
    with contextlib.suppress(argparse.ArgumentError, OperateError, *AwsError):
        options, _ = named.parse_known_args(rest)
        for parameter in read_runbook(_connection(options), options.name).parameters:
            if not parameter.option.endswith("="):
                commands.choices["run"].add_argument(
                    parameter.option, choices=parameter.allowed_values or None
                )


def _connection(options: argparse.Namespace) -> Connection:
    return Connection(
        profile=_one(options, "profile"),
        region=_one(options, "region"),
        endpoint=_one(options, "endpoint_url"),
    )


def _one(options: argparse.Namespace, name: str) -> str | None:
    """An option, the first where it may be repeated."""
    value = getattr(options, name, None)
    return value[0] if isinstance(value, list) and value else value or None
