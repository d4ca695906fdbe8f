"""A copy of the project with its uncommitted changes, as somebody has it who has installed it."""

import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
INSTALLED = (".venv", "node_modules")


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
    for installed in INSTALLED:
        (folder / installed).symlink_to(PROJECT / installed)
