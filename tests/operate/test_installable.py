"""The operator CLI is a package of its own, for operators who have nothing else of this
repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_import_boundaries import PROJECT


@pytest.mark.command
@pytest.mark.parametrize("folder", [PROJECT, PROJECT / "operate"], ids=["product", "alone"])
def test_installed_it_is_a_command(tmp_path: Path, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path)]
    offline = ["--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, *offline, str(folder)], check=True, timeout=60)

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
    page = [sys.executable, "-c", "from operate.audit import page; print(*page.lines([]))"]
    made = subprocess.run(
        page,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "<title>Executions in 0 places</title>" in made.stdout
