"""A copy of the project with its uncommitted changes, as somebody has it who has installed it.

The user's files are those of an example: tests prove the product, whatever stands in this
repository's own.
"""

import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLE = PROJECT / "tests" / "examples" / "default"
_USER_FILES = ("deployments.py", "documents", "permissions.lock.json", "access.lock.md")
INSTALLED = (".venv", "node_modules")


def put_example(folder: Path) -> None:
    """Puts the user's files of the example into a folder, in place of any others."""
    for name in _USER_FILES:
        target = folder / name
        if target.is_dir():
            shutil.rmtree(target)
        (shutil.copytree if (EXAMPLE / name).is_dir() else shutil.copy2)(EXAMPLE / name, target)


def copy_project(folder: Path) -> None:
    """Copies every file that git knows or would, and links what is installed."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in files.stdout.split():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, target)
    put_example(folder)
    for installed in INSTALLED:
        (folder / installed).symlink_to(PROJECT / installed)
