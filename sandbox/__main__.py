"""``python -m sandbox``: an AWS account on this machine, on the command line."""

import argparse
import shlex
import signal
import sys
from collections.abc import Mapping
from types import FrameType

from sandbox.sandbox import Sandbox, SandboxError, running_sandboxes


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
    shell.set_defaults(run=_print_environment)
    parser.set_defaults(run=_serve)
    status: int = parser.parse_args().run()
    return status


def _serve() -> int:
    """Starts an account and waits for Ctrl-C or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with them off
        signal.signal(number, _interrupt)
    try:
        with Sandbox() as sandbox:
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


def _print_environment() -> int:
    running = running_sandboxes()
    if not running:
        print("error: no sandbox is running; start one: python -m sandbox", file=sys.stderr)
        return 1
    newest = running[0]["environment"]
    if len(running) > 1:
        print(
            f"# {len(running)} sandboxes are running; this is the newest, "
            f"{newest['AWS_ENDPOINT_URL']}",
            file=sys.stderr,
        )
    print(_exports(newest))
    return 0


def _exports(environment: Mapping[str, str]) -> str:
    """Shell lines that set these variables, and unset what would override them."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(["unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN", *exports])


if __name__ == "__main__":
    sys.exit(main())
