"""Questions on a terminal."""

import argparse
import sys
from collections.abc import Sequence

from operate.errors import OperateError
from operate.screen import Screen, console


def terminal(options: argparse.Namespace) -> Screen | None:
    """Where somebody can be asked; None without a terminal, or with ``--yes``."""
    if options.yes or not sys.stdin.isatty():
        return None
    return console(sys.stdout if sys.stdout.isatty() else sys.stderr)


def answer(asked: Screen, question: str) -> str:
    """What is typed. Raises OperateError where the input ends."""
    try:
        return asked.input(question, markup=False, emoji=False).strip()
    except EOFError:
        raise OperateError("nothing was done: the answer ended") from None


def choice(asked: Screen, question: str, names: Sequence[str]) -> int:
    """The place, from 0, of the name that is chosen by itself or its number, from 1; asks again
    until it is one of them. Raises OperateError for an empty answer."""
    while True:
        given = answer(asked, f"{question} [1-{len(names)}] ")
        if given in names:
            return names.index(given)
        if given.isascii() and given.isdigit() and 1 <= int(given) <= len(names):
            return int(given) - 1
        if not given:
            raise OperateError("nothing was done")
        asked.write(f"  {given!r} is neither one of them nor a number of 1 to {len(names)}")


def confirm(asked: Screen, question: str) -> None:
    """Asks; OperateError for anything but yes."""
    if answer(asked, f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise OperateError("nothing was done")
