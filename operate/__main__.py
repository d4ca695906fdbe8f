"""``python -m operate``: the operator CLI and the audit."""

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Callable, Sequence

from operate import explanations
from operate.audit.command import audit
from operate.command_name import program
from operate.connection import Connection
from operate.errors import Exit, OperateError
from operate.executions import history, running
from operate.executions.statuses import FILTERED
from operate.runbooks import describing, listing, schedules
from operate.screen import say

_STATUSES = """exit status:
  0  success: the run ended well
  1  the run failed or timed out
  2  refused: nothing was started or changed
  3  the run was rejected or cancelled
  4  AWS could not be asked any more: the run may go on
  70  a mistake of this program
  74  the output could not be written to its end: a full disk, a closed pipe
  130  watching was stopped by Ctrl-C; the run goes on"""
_AUDIT_STATUSES = """exit status:
  0  nothing was found
  1  a watched role was used outside of executions, or an execution ran without a role
  2  refused: AWS or the command line did not allow the audit
  70  a mistake of this program
  74  the output could not be written to its end: a full disk, a closed pipe
  130  stopped by Ctrl-C"""

_TABLES = ("table", "json", "csv")

Command = Callable[[Connection, argparse.Namespace], Exit]
CommandOfMany = Callable[[Sequence[Connection], argparse.Namespace], Exit]
"""A command on several accounts and Regions, whose results are one."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit status, which ``--help`` lists."""
    if sys.stdout is None or sys.stderr is None:  # closed by the calling process
        return int(Exit.UNWRITTEN)
    for stream in (sys.stdout, sys.stderr):  # whatever the terminal's characters are
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    parser = _parser()
    options, words = parser.parse_known_args(arguments)
    options.words = words
    if words and not options.takes_words:
        parser.error(f"unrecognized arguments: {' '.join(words)}")
    try:
        status = int(options.act(options))
        sys.stdout.flush()
        return status
    except OperateError as error:
        say(f"error: {error}")
        return int(error.status)
    except KeyboardInterrupt:
        say("\nstopped")
        return int(Exit.INTERRUPTED)
    except OSError as error:  # a full disk, or a closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"error: the output could not be written: {error.strerror or error}")
        return int(Exit.UNWRITTEN)
    except Exception as error:
        say(f"error: a mistake of this program, please report it: {type(error).__name__}: {error}")
        return int(Exit.INTERNAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program(),
        description="Run approved runbooks, watch them, answer approvals, and see who did what.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    added = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command, help_: str, *outputs: str) -> argparse.ArgumentParser:
        one = add_without_a_place(name, help_, *outputs)
        one.set_defaults(act=lambda options: command(_connection(options), options))
        one.add_argument("--profile", help="a profile of the AWS configuration")
        one.add_argument("--region", help="the Region, as us-east-1")
        return one

    def add_of_many(
        name: str, command: CommandOfMany, help_: str, *outputs: str
    ) -> argparse.ArgumentParser:
        one = add_without_a_place(name, help_, *outputs)
        one.set_defaults(act=lambda options: command(_connections(options), options))
        for option, what in (
            ("--profile", "a profile of the AWS configuration"),
            ("--region", "the Region, as us-east-1"),
        ):
            one.add_argument(
                option,
                action="append",
                default=[],
                help=f"{what}; may be repeated, for the results of all",
            )
        return one

    def add_without_a_place(name: str, help_: str, *outputs: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = added.add_parser(
            name,
            help=help_,
            description=f"{help_[0].upper()}{help_[1:]}.",
            epilog=_STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.set_defaults(takes_words=False)
        one.add_argument("--endpoint-url", metavar="URL", help="another endpoint than AWS's own")
        if outputs:
            one.add_argument("--output", choices=outputs, default=outputs[0])
        return one

    one = add("list", listing.list_runbooks, "the runbooks that you may start", "table", "json")
    one.add_argument(
        "--all", action="store_true", help="what the account has besides this deployment's as well"
    )
    one = add("describe", describing.describe, "what a runbook takes and does", "text", "json")
    _add_runbook(one)
    _add_run(add("run", running.run, "start a runbook and follow the run", "text", "json"))
    one = add("watch", running.watch, "follow a run to its end", "text", "json")
    one.add_argument("id", metavar="ID", type=_id, help="the run's id")
    one = add("stop", running.stop, "cancel a run (operators do not have this permission)")
    one.add_argument("id", metavar="ID", type=_id, help="the run's id")
    one.add_argument("--after-step", action="store_true", help="let the step that runs end first")
    add(
        "schedules",
        schedules.list_schedules,
        "what is started by a schedule, and when next",
        "table",
        "json",
    )
    _add_history(add_of_many("history", history.history, "your runs", *_TABLES))
    for name, command in (("approve", running.approve), ("reject", running.reject)):
        one = add(name, command, f"{name} a run that waits for it")
        one.add_argument("id", metavar="ID", type=_id, help="the run's id")
        one.add_argument("--comment", help="why; it stands in the run and in CloudTrail")
        one.add_argument("--yes", action="store_true", help="do not ask")
    one = add_of_many("audit", audit, "who did what through the service roles", *_TABLES)
    one.epilog = _AUDIT_STATUSES
    _add_audit(one)
    one = added.add_parser("explain", help="cause and fix of a message of AWS")
    one.add_argument("message", nargs="*", help="the message; without one, standard input")
    one.set_defaults(
        act=lambda options: explanations.print_explanation(options.message), takes_words=False
    )
    return parser


def _id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an id, 8-4-4-4-12 hexadecimal digits; {program()} history shows "
            f"those of executions"
        )
    return text


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _connection(options: argparse.Namespace) -> Connection:
    return Connection(profile=options.profile, region=options.region, endpoint=options.endpoint_url)


def _connections(options: argparse.Namespace) -> list[Connection]:
    """Each profile in each Region, those that are not named as the AWS configuration has them."""
    return [
        Connection(profile=profile, region=region, endpoint=options.endpoint_url)
        for profile in dict.fromkeys(options.profile or [None])
        for region in dict.fromkeys(options.region or [None])
    ]


def _add_runbook(one: argparse.ArgumentParser) -> None:
    one.add_argument("name", metavar="NAME", help="the runbook")
    one.add_argument("--version", help="a number, $DEFAULT or $LATEST; without it, the default")


def _add_run(one: argparse.ArgumentParser) -> None:
    _add_runbook(one)
    one.set_defaults(takes_words=True)
    one.usage = (
        f"{program()} run NAME [--PARAMETER VALUE …] [--parameters FILE] [--version VERSION]\n"
        "           [--yes] [--detach] [--client-token UUID] [--allow-own-permissions]\n"
        "           [--output {text,json}] [--profile PROFILE] [--region REGION]\n"
        "           [--endpoint-url URL]"
    )
    one.add_argument(
        "--parameters",
        metavar="FILE",
        help='values as JSON, {"InstanceId": ["i-…"]}; - reads standard input',
    )
    one.add_argument(
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter that is called as one of these options",
    )
    one.add_argument("--yes", action="store_true", help="neither ask for values nor to confirm")
    one.add_argument("--detach", action="store_true", help="start it and do not watch")
    one.add_argument(
        "--allow-own-permissions",
        action="store_true",
        help="start also a runbook that embeds no role: its steps run with your own permissions",
    )
    one.add_argument(
        "--client-token",
        metavar="UUID",
        type=_id,
        help="of an earlier try: the same token starts at most one run",
    )


def _add_audit(one: argparse.ArgumentParser) -> None:
    one.description = textwrap.fill(
        "Who started which runbook and version with which parameters, who approved, which calls "
        "were made for it, on what, with what result. Calls with a watched role that belong to no "
        "execution, and executions that ran with the permissions of their caller, come first and "
        "are exit status 1. Watched are all roles of the account that Automation may assume. For "
        "auditors; the event history of CloudTrail has no data events, goes back 90 days, is up "
        "to 15 minutes late, and is read at two look-ups a second."
    )
    one.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        type=_id,
        help="one execution and what used its id; without it, those of a window",
    )
    one.add_argument(
        "--since", metavar="TIME", default="7d", help="for example 12h or 2026-11-26; 7d without it"
    )
    one.add_argument("--until", metavar="TIME", help="for example 1d; until now without it")
    one.add_argument(
        "--role",
        metavar="NAME",
        action="append",
        default=[],
        help="watch this role as well: one that does not trust Automation any more",
    )
    one.add_argument(
        "--except-role",
        metavar="NAME",
        action="append",
        default=[],
        help="do not watch this role: one that trusts Systems Manager for something else, such as "
        "hybrid nodes",
    )
    one.add_argument("--html", metavar="FILE", help="write a page of the executions as well")


def _add_history(one: argparse.ArgumentParser) -> None:
    one.add_argument("--all", action="store_true", help="those of everybody, not yours alone")
    one.add_argument("--status", choices=FILTERED, metavar="STATUS", help=", ".join(FILTERED))
    one.add_argument("--runbook", metavar="NAME", help="runbooks whose name begins so")
    one.add_argument("--since", metavar="TIME", help="for example 7d, 12h or 2026-11-26T08:00:00Z")
    one.add_argument("--limit", type=_positive, default=20, help="at most so many (default: 20)")


if __name__ == "__main__":
    sys.exit(main())
