"""The operator CLI is a package of its own, for operators who have nothing else of this
repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_import_boundaries import PROJECT


@pytest.mark.command
def test_installed_it_is_a_command(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path)]
    offline = ["--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, *offline, str(PROJECT)], check=True, timeout=60)

    done = subprocess.run(
        [tmp_path / "bin" / "operate", "explain", "DuplicateDocumentContent"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert done.stdout.startswith("cause: the document already has a version")
