"""``python -m sandbox``: an AWS account on this machine, on the command line."""

import argparse
import shlex
import signal
import sys
from collections.abc import Mapping
from types import FrameType

from sandbox.sandbox import (
    MEMBER_ROLE,
    Sandbox,
    SandboxError,
    checked_member,
    running_sandboxes,
)


def main() -> int:
    """Runs an account until it is interrupted, or prints how to reach one that runs."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="An AWS account on this machine: IAM enforced, signatures verified, TLS, "
        "CloudTrail, SSM documents and Automation. It is bound to loopback and gone when it ends.",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    shell = commands.add_parser(
        "shell-env",
        help="print the exports that make any AWS CLI, SDK or CDK talk to the running account: "
        'eval "$(python -m sandbox shell-env)"',
    )
    shell.add_argument(
        "--port", type=int, help="which one, where several are running (it is in their address)"
    )
    shell.set_defaults(run=_print_environment)
    parser.add_argument(
        "--member",
        metavar="ACCOUNT",
        action="append",
        default=[],
        type=_member,
        help="the id of one more account of its organization, with the role "
        f"{MEMBER_ROLE} for the first; may be repeated",
    )
    parser.set_defaults(run=_serve)
    options = parser.parse_args()
    status: int = options.run(options)
    return status


def _member(text: str) -> str:
    try:
        return checked_member(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _serve(options: argparse.Namespace) -> int:
    """Starts an account and waits for Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with them off
        signal.signal(number, _interrupt)
    try:
        with Sandbox(offered=True, members=options.member) as sandbox:
            print(_exports(sandbox.environment()))
            print("# the account is up; Ctrl-C ends it and removes everything", flush=True)
            sandbox.wait()
            print(f"# the account ended by itself; read {sandbox.log}", file=sys.stderr)
            return 1
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_environment(options: argparse.Namespace) -> int:
    running = running_sandboxes()
    chosen = [offer for offer in running if options.port in (None, offer.port)]
    if len(chosen) == 1:
        print(_exports(chosen[0].environment))
        return 0
    ports = ", ".join(str(offer.port) for offer in running)
    if not running:
        problem = "no sandbox of this clone is running; start one: python -m sandbox"
    elif not chosen:
        problem = f"no sandbox of this clone runs at port {options.port}; there are: {ports}"
    else:
        problem = f"several sandboxes of this clone are running; choose one: --port, of {ports}"
    print(f"error: {problem}", file=sys.stderr)
    return 1


def _exports(environment: Mapping[str, str]) -> str:
    """Shell lines that set these variables, and unset what would override them."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(["unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN", *exports])


if __name__ == "__main__":
    sys.exit(main())
