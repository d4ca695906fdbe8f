"""The command line: its commands, their options and examples."""

import argparse
import re
import textwrap
from collections.abc import Callable, Sequence

from operate import completion, explanations, version
from operate.command_name import program
from operate.connection import Connection
from operate.errors import Exit
from operate.executions import answering, history, running
from operate.executions.statuses import FILTERED, status_named
from operate.global_options import GLOBAL
from operate.runbooks import describing, listing, schedules

_STATUSES = """exit status:
  0  success: the run ended well
  1  the run failed or timed out
  2  refused: nothing was started or changed
  3  the run was rejected or cancelled
  4  AWS could not be asked any more: the run may go on
  70  a mistake of this program
  74  the output could not be written to its end: a full disk, a closed pipe
  130  stopped by Ctrl-C: a run that was followed goes on"""
_AUDIT_STATUSES = """exit status:
  0  nothing was found
  1  a watched role was used outside of executions, or an execution ran without a role
  2  refused: AWS or the command line did not allow the audit
  70  a mistake of this program
  74  the output could not be written to its end: a full disk, a closed pipe
  130  stopped by Ctrl-C"""
_CREDENTIALS = """credentials, as the AWS CLI finds them:
  aws sso login --profile NAME    IAM Identity Center; then --profile NAME or AWS_PROFILE
  aws login                       the sign-in of the console
  a profile with role_arn         an assumed role
  aws configure                   access keys of a user"""
_RUN_EXAMPLES = (
    "run Restart-EC2InstanceDemo --instance-id i-0123456789abcdef0",
    "run Restart-EC2InstanceDemo --parameters InstanceId=i-0123456789abcdef0",
    "run Restart-EC2InstanceDemo --parameters file://parameters.json --dry-run",
)
_TABLES = ("table", "json", "csv")
_LARGEST = 1_000_000

Command = Callable[[Connection, argparse.Namespace], Exit]
CommandOfMany = Callable[[Sequence[Connection], argparse.Namespace], Exit]
"""A command on several accounts and Regions, whose results are one."""


def command_line() -> argparse.ArgumentParser:
    """The parser: its results have ``act``, which runs the command and returns its exit status."""
    parser = argparse.ArgumentParser(
        prog=program(),
        description="Run approved runbooks, watch them, answer approvals, and see who did what. "
        "Without a command, in a terminal: choose a runbook and run it.",
        epilog=f"{_CREDENTIALS}\n\n{_STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version.shown())
    for option in GLOBAL:
        parser.add_argument(option, help="before or after the command")
    parser.set_defaults(takes_words=False, act=None)
    _add_commands(_Commands(parser))
    return parser


class _Commands:
    """The commands of a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._added = parser.add_subparsers(metavar="COMMAND")

    def add(
        self, name: str, command: Command, help_: str, *examples: str, outputs: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        """A command in one account and Region."""
        one = self.add_local(name, help_, *examples, outputs=outputs)
        one.set_defaults(act=lambda options: command(connection_of(options), options))
        one.add_argument("--profile", help="a profile of the AWS configuration")
        one.add_argument("--region", help="the Region, as us-east-1")
        _add_endpoint(one)
        return one

    def add_of_many(
        self, name: str, command: CommandOfMany, help_: str, *examples: str
    ) -> argparse.ArgumentParser:
        """A command in several accounts and Regions."""
        one = self.add_local(name, help_, *examples, outputs=_TABLES)
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
        _add_endpoint(one)
        return one

    def add_local(
        self, name: str, help_: str, *examples: str, outputs: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        """A command that asks AWS nothing."""
        shown = "\n".join(["examples:", *(f"  {program()} {example}" for example in examples)])
        one: argparse.ArgumentParser = self._added.add_parser(
            name,
            help=help_,
            description=f"{help_[0].upper()}{help_[1:]}.",
            epilog=f"{shown}\n\n{_STATUSES}" if examples else _STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if outputs:
            one.add_argument("--output", choices=outputs, default=outputs[0])
        return one


def _add_commands(commands: _Commands) -> None:
    add, texts = commands.add, ("text", "json")
    one = add(
        *("list", listing.list_runbooks, "the runbooks that you may start", "list"),
        outputs=("table", "json"),
    )
    one.add_argument(
        "--all", action="store_true", help="what the account has besides this deployment's as well"
    )
    one = add(
        *("describe", describing.describe, "what a runbook takes, does and is limited by"),
        "describe Restart-EC2InstanceDemo",
        outputs=texts,
    )
    _add_runbook(one)
    one = add(
        *("run", running.run, "start a runbook and follow the run", *_RUN_EXAMPLES), outputs=texts
    )
    _add_runbook(one)
    _add_start(one, f"{program()} run NAME [--PARAMETER VALUE …] [--parameters VALUES]")
    one = add(
        *("rerun", running.rerun, "start a runbook again with the parameters of a run"),
        *("rerun 675ef1d3", "rerun 675ef1d3 --instance-id i-0fedcba9876543210"),
        outputs=texts,
    )
    _add_execution(one, is_required=True)
    _add_version_of_runbook(one)
    _add_start(one, f"{program()} rerun ID [--PARAMETER VALUE …] [--parameters VALUES]")
    one = add(
        *("watch", running.watch, "follow a run to its end", "watch --latest", "watch 675ef1d3"),
        outputs=texts,
    )
    _add_execution(one)
    one = add(
        *("stop", running.stop, "cancel a run (operators do not have this permission)"),
        outputs=texts,
    )
    _add_execution(one)
    one.add_argument("--after-step", action="store_true", help="let the step that runs end first")
    add(
        *("schedules", schedules.list_schedules, "what is started by a schedule, and when next"),
        outputs=("table", "json"),
    )
    _add_history(
        commands.add_of_many(
            *("history", history.history, "your runs", "history --status failed --since 7d"),
            *("history --all --by alice --targets", "history --profile prod --profile test"),
        )
    )
    one = add(
        *("approvals", answering.approvals, "the runs that wait for your approval", "approvals"),
        outputs=("table", "json"),
    )
    one.add_argument("--all", action="store_true", help="those that wait for others as well")
    for name, command in (("approve", answering.approve), ("reject", answering.reject)):
        one = add(
            *(name, command, f"{name} a run that waits for it; without an ID, choose one"),
            *(name, f'{name} 675ef1d3 --comment "as agreed on the phone"'),
            outputs=texts,
        )
        _add_execution(one, has_latest=False)
        one.add_argument("--comment", help="why; it stands in the run and in CloudTrail")
        one.add_argument("--yes", action="store_true", help="do not ask")
    _add_audit(
        commands.add_of_many(
            *("audit", _audit, "who did what through the service roles", "audit --since 30d"),
            *("audit 675ef1d3-84eb-42f2-a9c4-abf0680d14a1", "audit --html executions.html"),
        )
    )
    one = commands.add_local(
        "explain", "cause and fix of a message of AWS", "explain AccessDeniedException"
    )
    one.add_argument("message", nargs="*", help="the message; without one, standard input")
    one.set_defaults(act=lambda options: explanations.print_explanation(options.message))
    one = commands.add_local(
        "completion", "what a shell runs to complete commands, runbooks and ids", "completion bash"
    )
    one.description = (
        "In ~/.bashrc or ~/.zshrc: source <(operate completion bash), or zsh; in "
        "~/.config/fish/config.fish: operate completion fish | source."
    )
    one.add_argument("shell", choices=completion.SHELLS)
    one.set_defaults(act=lambda options: completion.print_script(options.shell))


def _audit(connections: Sequence[Connection], options: argparse.Namespace) -> Exit:
    """The audit, whose modules no other command has to wait for."""
    from operate.audit.command import audit

    return audit(connections, options)


def connection_of(options: argparse.Namespace) -> Connection:
    """The account and Region of a command."""
    return Connection(profile=options.profile, region=options.region, endpoint=options.endpoint_url)


def _connections(options: argparse.Namespace) -> list[Connection]:
    """Each profile in each Region, those that are not named as the AWS configuration has them."""
    return [
        Connection(profile=profile, region=region, endpoint=options.endpoint_url)
        for profile in dict.fromkeys(options.profile or [None])
        for region in dict.fromkeys(options.region or [None])
    ]


def _id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an id, 8-4-4-4-12 hexadecimal digits; {program()} history shows "
            f"those of executions"
        )
    return text


def _id_or_beginning(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f][0-9a-f-]{3,35}", text.lower()):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an execution's id or its beginning, 4 or more hexadecimal digits as "
            f"in 675ef1d3; {program()} history shows the ids"
        )
    return text.lower()


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 to {_LARGEST:,}")
    return int(text)


class _VersionOfRunbook(argparse.Action):
    """``--version`` after a command: with a value, the version of a runbook was meant."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Ends the program: prints its version, or says how a runbook's is chosen."""
        if values is not None:
            parser.error(
                f"--version is that of this program; a runbook's: --document-version {values}"
            )
        print(version.shown())
        parser.exit()


def _add_endpoint(one: argparse.ArgumentParser) -> None:
    one.add_argument("--endpoint-url", metavar="URL", help="another endpoint than AWS's own")


def _add_execution(
    one: argparse.ArgumentParser, *, has_latest: bool = True, is_required: bool = False
) -> None:
    id_ = one.add_argument(
        "id",
        metavar="ID",
        nargs=None if is_required else "?",
        type=_id_or_beginning,
        help="the run's id, or its beginning",
    )
    completion.offer(id_, completion.executions)
    if has_latest and not is_required:
        one.add_argument("--latest", action="store_true", help="the newest of your runs")


def _add_runbook(one: argparse.ArgumentParser) -> None:
    name = one.add_argument("name", metavar="NAME", help="the runbook")
    completion.offer(name, completion.runbooks)
    _add_version_of_runbook(one)


def _add_version_of_runbook(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--document-version",
        metavar="VERSION",
        help="a number, $DEFAULT or $LATEST; without it, the default",
    )
    one.add_argument(
        "--version",
        action=_VersionOfRunbook,
        nargs="?",
        dest=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


def _add_start(one: argparse.ArgumentParser, usage: str) -> None:
    one.set_defaults(takes_words=True)
    one.usage = (
        f"{usage}\n"
        "           [--document-version VERSION] [--yes] [--dry-run] [--detach]\n"
        "           [--client-token UUID] [--allow-own-permissions] [--output {text,json}]\n"
        "           [--profile PROFILE] [--region REGION] [--endpoint-url URL]"
    )
    one.add_argument(
        "--parameters",
        metavar="VALUES",
        help='as the AWS CLI takes them: InstanceId=i-…,i-…, {"InstanceId": ["i-…"]}, '
        "file://FILE or FILE; - reads standard input",
    )
    one.add_argument(
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter that is called as one of these options",
    )
    one.add_argument("--yes", action="store_true", help="neither ask for values nor to confirm")
    one.add_argument(
        "--dry-run", action="store_true", help="show what would be sent and limited; start nothing"
    )
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
    one.epilog = (one.epilog or "").replace(_STATUSES, _AUDIT_STATUSES)
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
    one.add_argument("--by", metavar="NAME", help="with --all: those whose starter's name has this")
    one.add_argument(
        "--status", type=_status, metavar="STATUS", help=f"{', '.join(FILTERED)}; in any case"
    )
    completion.offer(
        one.add_argument("--runbook", metavar="NAME", help="runbooks whose name begins so"),
        completion.runbooks,
    )
    one.add_argument("--since", metavar="TIME", help="for example 7d, 12h or 2026-11-26T08:00:00Z")
    one.add_argument("--until", metavar="TIME", help="for example 1d; until now without it")
    one.add_argument(
        "--targets", action="store_true", help="what each ran on; a call more for each run"
    )
    one.add_argument("--limit", type=_positive, default=20, help="at most so many (default: 20)")


def _status(text: str) -> str:
    try:
        return status_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
