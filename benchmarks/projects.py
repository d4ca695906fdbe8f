"""The apps that are synthesized: the project's own, one trivial resource, many runbooks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Command

PROJECT = Path(__file__).resolve().parent.parent
RUNBOOK = "Restart-EC2InstanceDemo"

_TRIVIAL = """
import aws_cdk as cdk

app = cdk.App()
stack = cdk.Stack(app, "Trivial")
cdk.CfnResource(stack, "Resource", type="AWS::CloudFormation::WaitConditionHandle")
app.synth()
"""

_DEPLOYMENTS = """
from delegation.model import Deployment, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser("AutomationRestrictedOperator"),),
        service_roles=(ServiceRole(name="AutomationServiceRole", runbooks={runbooks!r}),),
    ),
)
"""


def trivial_app(folder: Path) -> Command:
    """An app with one resource and nothing else."""
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(_TRIVIAL, "utf-8")
    return _synthesis("one trivial resource", folder)


def default_app(folder: Path) -> Command:
    """The project as it stands."""
    _copy(folder)
    return _synthesis("default app", folder)


def app_with_runbooks(folder: Path, count: int) -> Command:
    """The project with ``count`` runbooks of the default one's size, all in one Region."""
    _copy(folder)
    documents = folder / "documents"
    content = json.loads((documents / f"{RUNBOOK}.json").read_text("utf-8"))
    names = tuple(f"{RUNBOOK}{number:03d}" for number in range(count))
    for number, name in enumerate(names):
        content["description"] = f"Restart EC2 instances, variant {number}"
        (documents / f"{name}.json").write_text(json.dumps(content, indent=2), "utf-8")
    (folder / "deployments.py").write_text(_DEPLOYMENTS.format(runbooks=names), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "delegation", "accept"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return _synthesis(f"{count} runbooks", folder)


def _copy(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("aws_managed_policies", "delegation", "stacks", "documents"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "deployments.py", "permissions.lock.json"):
        shutil.copy(PROJECT / name, folder / name)


def _synthesis(name: str, folder: Path) -> Command:
    return Command(
        name=name,
        arguments=(sys.executable, "app.py"),
        folder=folder,
        environment={"CDK_OUTDIR": str(folder / "cdk.out")},
    )
