"""``python -m account``: whether what exists in the account is what was accepted."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from account.errors import AccountError, Unreadable
from account.findings import Finding
from review.command_line import FOUND, Parser
from review.errors import ReviewError

_KNOWN = Path("known-principals.txt")


def main() -> int:
    """Runs the command; its exit status."""
    options = _options()
    try:
        return int(options.run(options))
    except (AccountError, ReviewError, Unreadable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = Parser(
        prog="python -m account",
        description="The live account, read and never changed, against a synthesized assembly.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="list what is not as it was synthesized, and who else reaches it, the worst first",
        description="Compares stacks, documents, IAM, recording and settings with the assembly, "
        "and asks what every other principal of the account can do to them. Exit status: 0; 1 for "
        f"what cannot be asked; {FOUND} where something is wrong or cannot be determined.",
    )
    doctor.set_defaults(run=_doctor)
    doctor.add_argument(
        "--assembly",
        type=Path,
        default=Path("cdk.out"),
        metavar="DIR",
        help="the cloud assembly (default: cdk.out, as make synth writes it)",
    )
    doctor.add_argument(
        "--known",
        action="append",
        default=[],
        metavar="NAME",
        help="a user or role whose reach is accepted, by name or ARN, * for any characters; may be "
        f"repeated; {_KNOWN} names them for good, a line each",
    )
    doctor.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="a profile of the AWS configuration, of an account of the assembly; may be repeated, "
        "for the findings of all",
    )
    doctor.add_argument("--output", choices=("text", "json"), default="text")
    doctor.add_argument("--page", type=Path, metavar="FILE", help="also write them as HTML here")
    verify = commands.add_parser(
        "verify",
        help="in a throwaway account: ask AWS what this project assumes of it, and write a report",
        description="Asks for confirmation, makes what it needs under names of its own, asks, and "
        "removes all of it, also after a failure or Ctrl-C. Writes verified-on-aws.md and .json. "
        f"Exit status: 0; 1 for what cannot begin; {FOUND} where an assumption does not hold.",
    )
    verify.set_defaults(run=_verify)
    verify.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    verify.add_argument(
        "--only", action="append", default=[], metavar="PROBE", help="this one; may be repeated"
    )
    verify.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)"
    )
    policy = commands.add_parser("policy", help="print the policy of a role that runs the doctor")
    policy.set_defaults(run=_policy)
    return parser.parse_args()


def _doctor(options: argparse.Namespace) -> int:
    from account.aws import Aws
    from account.doctor import examine
    from account.page import counted, findings_page

    of_accounts: dict[str, list[Finding]] = {}
    status = 0
    for profile in dict.fromkeys(options.profile or [None]):
        try:
            aws = Aws(profile)
            found = examine(aws, options.assembly, (*options.known, *_known()))
            of_accounts[aws.account] = found
        except (AccountError, Unreadable) as error:
            if len(options.profile) < 2:
                raise
            print(f"error: profile {profile}: {error}", file=sys.stderr)
            status = 1  # the others are asked all the same
            continue
        if options.output == "text":
            for finding in found:
                print(f"{finding}\n")
            print(f"account {aws.account}: {counted(found)}", flush=True)
    if options.output == "json":
        _print_json(of_accounts, are_many=len(options.profile) > 1)
    if options.page:
        date = f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"
        _write(options.page, findings_page(date, of_accounts))
    has_faults = any(finding.is_fault for found in of_accounts.values() for finding in found)
    return status or (FOUND if has_faults else 0)


def _print_json(of_accounts: Mapping[str, Sequence[Finding]], *, are_many: bool) -> None:
    """The findings as a list; by account where several were asked."""
    listed = {account: [asdict(each) for each in found] for account, found in of_accounts.items()}
    shown = listed if are_many else next(iter(listed.values()))
    print(json.dumps(shown, indent=2))


def _known() -> list[str]:
    """The patterns of the file of this folder, which is reviewed as any other."""
    try:
        lines = _KNOWN.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise AccountError(f"{_KNOWN} cannot be read: {error}") from None
    return [line for line in map(_without_comment, lines) if line]


def _without_comment(line: str) -> str:
    return line.split("#", 1)[0].strip()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise AccountError(f"{path} cannot be written: {error}") from None


def _verify(options: argparse.Namespace) -> int:
    from account.verification.verify import PROBES, verify

    known = {probe.id: probe for probe in PROBES}
    if unknown := sorted(set(options.only) - known.keys()):
        raise AccountError(f"{unknown[0]!r} is no probe; known: {', '.join(known)}")
    wanted = [known[id_] for id_ in options.only] or PROBES
    return FOUND if verify(wanted, options.folder, is_asked=not options.yes) else 0


def _policy(_: argparse.Namespace) -> int:
    from account.policy import doctor_policy

    print(json.dumps(doctor_policy(), indent=2))
    return 0


if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # anyone who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
