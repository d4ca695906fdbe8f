"""The product is proved on frozen examples, whatever the user's files hold."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clone import copy_project

_RUNBOOK = """
schemaVersion: "0.3"
description: Waits
mainSteps:
  - name: wait
    action: aws:sleep
    inputs:
      Duration: PT1S
"""


@pytest.mark.command
def test_tests_and_linters_pass_whatever_the_users_files_hold(tmp_path: Path) -> None:
    """Of the user's own and unreadable files at once: a test that read either would fail."""
    clone = tmp_path / "clone"
    copy_project(clone)
    (clone / "deployments.py").write_text("not Python (", "utf-8")
    (clone / "permissions.lock.json").unlink()
    shutil.rmtree(clone / "documents")
    (clone / "documents").mkdir()
    for name in ("Our-Runbook", "Our-Other-Runbook"):
        (clone / "documents" / f"{name}.yaml").write_text(_RUNBOOK, "utf-8")

    linted = _run(clone, "ruff", "check", ".")
    tested = _run(
        clone,
        *("pytest", "-q", "-p", "no:cacheprovider", "-m", "not sandbox and not command"),
        *(
            "tests/delegation",
            "tests/stacks/test_operator_access.py",
            "tests/test_import_boundaries.py",
        ),
    )

    assert linted.returncode == 0, linted.stdout
    assert tested.returncode == 0, tested.stdout[-2000:]


def test_temporary_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none"

    made = subprocess.run(
        ["make", "check"],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "TMPDIR": str(missing)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.returncode == 2
    assert f"TMPDIR is {missing}, which is not a folder; make it, or unset TMPDIR" in made.stderr


def _run(folder: Path, *module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
