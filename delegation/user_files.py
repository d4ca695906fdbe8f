"""Where the user's files are: in the working directory, as of every command of this project."""

import sys
from pathlib import Path


def documents() -> Path:
    """The folder of runbooks."""
    return Path.cwd() / "documents"


def lock_file() -> Path:
    """The record of what the service roles may do, as the administrator accepted it."""
    return Path.cwd() / "permissions.lock.json"


def shown(path: Path) -> str:
    """A path as messages show it: from the working directory, where it is in it."""
    folder = Path.cwd()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def make_importable() -> None:
    """Lets ``import deployments`` find the user's file, however the program was started."""
    folder = str(Path.cwd())
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
