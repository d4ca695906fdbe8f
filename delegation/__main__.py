"""``python -m delegation``: the administrator's commands on permissions.lock.json."""

import argparse
import sys

from delegation.configuration import load
from delegation.errors import DelegationError
from delegation.lock import accept
from delegation.summary import who_may_do_what


def main() -> None:
    """Runs the command of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m delegation", description="The model of delegated administration."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    accepting = commands.add_parser(
        "accept",
        help="record what the runbooks need in permissions.lock.json, and print what changed",
    )
    accepting.set_defaults(run=_accept)
    showing = commands.add_parser(
        "who", help="print who may do what, as the Markdown table of the README"
    )
    showing.set_defaults(run=_show)
    parser.parse_args().run()


def _accept() -> None:
    changes = accept(load().needs)
    print("\n".join(changes) or "nothing changed: permissions.lock.json is up to date")


def _show() -> None:
    print(who_may_do_what(load()))


if __name__ == "__main__":
    try:
        main()
    except DelegationError as error:
        sys.exit(f"error: {error}")
