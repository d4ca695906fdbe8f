"""The product is proved on frozen examples, whatever the user's files hold."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clone import copy_project

_USERS_OWN = '''"""A company's deployment."""

from delegation.model import Approval, Audit, Deployment, ExistingRole, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        account="444455556666",
        regions=("eu-west-1", "eu-central-1"),
        operators=(IamUser("ann"), IamUser("ben"), ExistingRole("OnCall")),
        authors=("arn:aws:iam::444455556666:user/author",),
        audit=Audit(auditors=(ExistingRole("Auditors"),)),
        service_roles=(
            ServiceRole(
                name="FleetRole",
                runbooks=("Our-Runbook", "Our-Other-Runbook"),
                approval=Approval(by=(IamUser("lead"),)),
            ),
        ),
    ),
)
'''
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
@pytest.mark.parametrize("deployments", [_USERS_OWN, "not Python ("], ids=["own", "broken"])
def test_tests_and_linters_pass_whatever_the_users_files_hold(
    tmp_path: Path, deployments: str
) -> None:
    clone = tmp_path / "clone"
    copy_project(clone)
    (clone / "deployments.py").write_text(deployments, "utf-8")
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


def _run(folder: Path, *module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
