"""How the desk is called: as it was."""

import sys
from pathlib import Path

_INSTALLED, _MODULE = "operate", "python -m operate"


def program() -> str:
    """``operate`` where it is installed as a command, else ``python -m operate``."""
    return _INSTALLED if Path(sys.argv[0]).name == _INSTALLED else _MODULE


def command(*words: str) -> str:
    """A command of the desk, to be typed."""
    return " ".join([program(), *words])


def as_called(text: str) -> str:
    """A text that tells commands of the desk, told as it was called."""
    return text.replace(_MODULE, program())
