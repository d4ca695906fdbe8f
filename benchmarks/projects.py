"""The apps that are synthesized: the project's own, one trivial resource, many runbooks."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
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

_ACCOUNTS = """
from delegation.model import Deployment, IamUser, ServiceRole

DEPLOYMENTS = tuple(
    Deployment(
        account=str(111111111111 + number),
        regions=("eu-central-1", "eu-west-1", "us-east-1", "us-west-2"),
        operators=(IamUser("AutomationRestrictedOperator"),),
        service_roles=(
            ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
        ),
        wave=1 if number == 0 else 2,
    )
    for number in range({count})
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


def review_of_default_app(folder: Path) -> tuple[Command, Command]:
    """The access review of the project's cloud assembly, and its comparison with the guide's; both
    are synthesized for it."""
    synthesis = default_app(folder)
    synthesis.run()
    guide = {"CDK_OUTDIR": str(folder / "guide"), "CDK_CONTEXT_JSON": '{"profile": "guide"}'}
    replace(synthesis, environment=guide).run()
    review = Command(
        name="review",
        arguments=(sys.executable, "-m", "review", str(folder / "cdk.out")),
        folder=PROJECT,
        environment={},
    )
    arguments = (*review.arguments, "--against", str(folder / "guide"))
    return review, replace(review, name="comparison", arguments=arguments)


def app_with_runbooks(folder: Path, count: int) -> Command:
    """The project with ``count`` runbooks of the default one's size, all in one Region."""
    _copy(folder)
    documents = folder / "documents"
    content = json.loads((documents / f"{RUNBOOK}.json").read_text("utf-8"))
    names = tuple(f"{RUNBOOK}{number:03d}" for number in range(count))
    for number, name in enumerate(names):
        content["description"] = f"Restart EC2 instances, variant {number}"
        (documents / f"{name}.json").write_text(json.dumps(content, indent=2), "utf-8")
        sidecar = documents / f"{RUNBOOK}.delegation.yaml"
        shutil.copy(sidecar, documents / f"{name}.delegation.yaml")
    _deploy(folder, names)
    return _synthesis(f"{count} runbooks", folder)


def _deploy(folder: Path, names: tuple[str, ...]) -> None:
    """Names runbooks in a copy's deployments.py and accepts what they need."""
    (folder / "deployments.py").write_text(_DEPLOYMENTS.format(runbooks=names), "utf-8")
    _accept(folder)


def _accept(folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "delegation", "accept"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def app_with_shipped_runbooks(folder: Path) -> Command:
    """The project with every runbook of documents/ deployed."""
    _copy(folder)
    files = (folder / "documents").iterdir()
    names = tuple(sorted({path.name.split(".")[0] for path in files}))
    _deploy(folder, names)
    return _synthesis("shipped runbooks", folder)


def app_of_accounts(folder: Path, count: int) -> Command:
    """The project's runbook in ``count`` accounts with four Regions each."""
    _copy(folder)
    (folder / "deployments.py").write_text(_ACCOUNTS.format(count=count), "utf-8")
    _accept(folder)
    return _synthesis(f"{count} accounts", folder)


def gate_of_accounts(folder: Path, count: int) -> Command:
    """``make check`` of the same, with both locks accepted."""
    app_of_accounts(folder, count)
    for name in ("review", "account", "pipeline", "sandbox", "operate", "rehearsal"):
        shutil.copytree(PROJECT / name, folder / name)
    for name in ("Makefile", "cdk.json", "requirements-dev.txt", "package-lock.json"):
        shutil.copy(PROJECT / name, folder / name)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(PROJECT / name)
    make = ("make", "--silent", "-o", ".venv/.installed")
    subprocess.run([*make, "accept"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return Command(
        name=f"gate of {count} accounts",
        arguments=(*make, "check"),
        folder=folder,
        environment={},
    )


def check_of_runbooks(folder: Path, count: int) -> Command:
    """The check of ``count`` runbooks of some 3 KB, as the shipped ones in YAML are."""
    _copy(folder)
    documents = folder / "documents"
    shipped = sorted(
        path for path in documents.glob("*.yaml") if not path.name.endswith(".delegation.yaml")
    )
    for number in range(count):
        source = shipped[number % len(shipped)]
        copy = documents / f"Copy{number:03d}-{source.name}"
        shutil.copy(source, copy)
        shutil.copy(source.with_suffix(".delegation.yaml"), copy.with_suffix(".delegation.yaml"))
    arguments = (sys.executable, "-m", "delegation", "check")
    return Command(name="check", arguments=arguments, folder=folder, environment={})


def needs_of_shipped_runbooks(folder: Path) -> Command:
    """What the shipped runbooks need, printed."""
    app_with_shipped_runbooks(folder)
    arguments = (sys.executable, "-m", "delegation", "needs")
    return Command(name="needs", arguments=arguments, folder=folder, environment={})


def gate_of_default_app() -> Command:
    """``make check`` of the project as it stands."""
    return Command(
        name="gate", arguments=("make", "--silent", "check"), folder=PROJECT, environment={}
    )


def _copy(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("aws_facts", "toolchain", "delegation", "stacks", "documents"):
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
