"""A clone of the project as a job has it, with a deployment that has a pipeline."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.clone import INSTALLED, copy_project

DEPLOYMENTS = '''"""The deployment that the pipeline's tests deploy."""

from delegation.model import Audit, Deployment, GitHubPipeline, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        audit=Audit(auditors=(IamUser("auditor"),)),
        operators=(IamUser("AutomationRestrictedOperator"),),
        pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
        service_roles=(
            ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
        ),
    ),
)
'''
TAG = {"Key": "CostCenter", "Value": "4711"}
RUNBOOK = "documents/Restart-EC2InstanceDemo.json"
_SECONDS = 120


class Checkout:
    """A git repository with the project, and its commands as a job runs them."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.standing = folder.parent / "standing"
        """The assembly that stood at first."""
        self._sandbox = sandbox
        copy_project(folder)
        with (folder / ".gitignore").open("a") as ignored:
            ignored.writelines(f"/{name}\n" for name in INSTALLED)
        (folder / "deployments.py").write_text(DEPLOYMENTS, "utf-8")
        settings = json.loads((folder / "cdk.json").read_text("utf-8"))
        (folder / "cdk.json").write_text(json.dumps({**settings, "tags": [TAG]}), "utf-8")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("The pipeline's own deployment")

    def git(self, *arguments: str) -> str:
        """What a git command printed."""
        author = ("-c", "user.name=Author", "-c", "user.email=author@example.com")
        done = _run("git", *author, *arguments, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        """Commits everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a string in a file."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def make(self, *arguments: str, job: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """A make target in a job of these variables, which has no AWS keys of its own."""
        return self.run("make", "--no-print-directory", *arguments, job=job)

    def run(self, *command: str, job: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """A command in a job."""
        return _run(*command, cwd=self.folder, environment=self.environment(job))

    def environment(self, job: Mapping[str, str]) -> dict[str, str]:
        """The variables of a job: of this machine, of the account without keys, and its own."""
        account = self._sandbox.environment()
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del account[key]
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "CDK_", "GITHUB_", "ACTIONS_", "MAKE"))
        }
        return {
            **inherited,
            **account,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CDK_HOME": str(self.folder.parent),
            "CI": "true",
            **job,
        }

    def stand(self) -> None:
        """Has an administrator put the deployment into the account, from a workstation."""
        for command in (
            ("npx", "cdk", "bootstrap", "aws://000000000000/us-east-1"),
            ("make", "deploy", "CDK_FLAGS=--require-approval never"),
        ):
            done = self.as_administrator(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        shutil.copytree(self.folder / "cdk.out", self.standing)

    def restore(self) -> None:
        """Has an administrator put it back as it stood at first."""
        digest = Assembly(self.standing).digest
        done = self.as_administrator(
            "make", "deploy", f"ASSEMBLY={self.standing}", f"DIGEST={digest}"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def as_administrator(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of an administrator at a workstation, with keys of the account."""
        return self.run(*command, job=self._sandbox.environment())


def _run(
    *command: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
