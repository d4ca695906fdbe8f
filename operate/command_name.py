"""The command name to show in messages."""

import sys
from pathlib import Path

NAME, _MODULE = "operate", "python -m operate"


def program() -> str:
    """``operate`` where it is installed as a command, else ``python -m operate``."""
    return NAME if Path(sys.argv[0]).name == NAME else _MODULE


def command(*words: str) -> str:
    """A command of the operator CLI, as the user types it."""
    return " ".join([program(), *words])


def as_called(text: str) -> str:
    """A string in which commands of the operator CLI are named as the user called it."""
    return text.replace(_MODULE, program())
