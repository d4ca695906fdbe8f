"""A stranger's repository: written by ``init``, on a wheel of this project, freshly installed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from delegation.errors import DelegationError
from delegation.project import Release, read_release, upgrade_project, write_project
from tests.clone import PROJECT

_SECONDS = 300


def _run(*command: str, folder: Path) -> str:
    """What a command printed, in an environment without any of the tests' own variables."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CDK_", "JSII_", "PYTHON", "MAKE", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=inherited,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release, as ``make wheel`` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    _run(
        *(sys.executable, "-m", "hatchling", "build", "--target", "wheel"),
        *("--directory", str(folder)),
        folder=PROJECT,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def release(wheel: Path) -> Release:
    """The same, read."""
    return read_release(wheel)


@pytest.fixture(scope="session")
def repository(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's repository within a larger one, in which ``make install`` has run.

    The packages that the wheel depends on are those of the environment of the tests, and the wheel
    is installed as ``make install`` does, without a network.
    """
    root = tmp_path_factory.mktemp("larger repository, é")
    folder = root / "infra" / "delegated administration"
    _run("git", "init", "--quiet", folder=root)
    environment = folder / ".venv"
    _run(sys.executable, "-m", "venv", str(environment), folder=root)
    site = next((environment / "lib").glob("python*/site-packages"))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    python = str(environment / "bin" / "python")
    _run(
        *(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)),
        folder=root,
    )
    _run(python, "-m", "delegation", "init", str(folder), folder=root)
    for name in ("node", "cdk"):
        source = Path(sys.executable).parent / name
        if source.exists():
            (environment / "bin" / name).symlink_to(source)
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    (environment / ".installed").touch()
    _commit(root, "As init writes it")
    return folder


def _commit(folder: Path, message: str) -> None:
    author = ("-c", "user.name=Author", "-c", "user.email=author@example.com")
    _run("git", "add", "--all", folder=folder)
    _run("git", *author, "commit", "--quiet", "--message", message, folder=folder)


@pytest.mark.command
def test_new_repository_passes_its_check_and_reviews_a_change(repository: Path) -> None:
    assert _run("make", "--silent", "check", folder=repository) == (
        "1 runbook checked, nothing found\n"
        "access is within access.lock.md, and every invariant holds\n"
    )

    reviewed = _run("make", "--silent", "review", "BASE=HEAD", folder=repository)

    assert "Nobody gains or loses anything." in reviewed
    assert _run("git", "status", "--porcelain", folder=repository) == ""


@pytest.mark.command
@pytest.mark.sandbox
def test_story_is_played_in_a_new_repository_and_everything_is_as_expected(
    repository: Path, tmp_path: Path
) -> None:
    data = tmp_path / "rehearsal.json"
    python = str(repository / ".venv" / "bin" / "python")

    printed = _run(python, "-m", "rehearsal", "--json", str(data), folder=repository)

    assert "\r" not in printed
    assert "66 of 66 as expected" in printed
    report = json.loads(data.read_text("utf-8"))
    assert report["agrees"] is True
    (passing,) = [o["detail"] for o in report["outcomes"] if o["what"].startswith("pass the")]
    assert "is not authorized to perform: iam:PassRole on resource: " in passing
    denied = [o["what"] for o in report["outcomes"] if o["expected"] == "denied"]
    assert denied == [
        "make an IAM user",
        "describe instances",
        "start the runbook",
        "start the runbook, as the deployment role",
        "assume the service role",
        "change AdministrationStack",
        "deploy as the administrator of cdk bootstrap",
        "deploy as anyone who deployed last",
        "replace the administrator's template",
        "make an IAM user by RunbooksStack",
        "stop an instance",
        "describe instances",
        "pass the role to a runbook that takes one",
        "write a document of their own that embeds the role",
        "assume the role",
        "edit the approved runbook",
        "start another document with an embedded role",
        "delete the runbook, as auditor",
        "start what runs for a target",
        "pause the schedule",
        "make one of their own",
    ]
    assert {o["scene"] for o in report["outcomes"]} == set(range(1, 12))


_RUNBOOK = {
    "schemaVersion": "0.3",
    "description": "Says how long to wait.",
    "assumeRole": "AutomationServiceRole",
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
}


def _new_runbook(repository: Path) -> None:
    content = {key: value for key, value in _RUNBOOK.items() if key != "assumeRole"}
    (repository / "documents" / "Wait-Second.json").write_text(json.dumps(content), "utf-8")
    _replace(repository, '"Restart-EC2InstanceDemo",', '"Restart-EC2InstanceDemo", "Wait-Second",')


def _new_operator(repository: Path) -> None:
    _replace(
        repository,
        'IamUser("AutomationRestrictedOperator"),',
        'IamUser("AutomationRestrictedOperator"), IamUser("second-operator"),',
    )


def _new_account(repository: Path) -> None:
    _replace(
        repository,
        "    Deployment(\n",
        '    Deployment(\n        account="111122223333",\n        regions=("eu-west-1",),\n',
    )


def _replace(repository: Path, old: str, new: str) -> None:
    path = repository / "deployments.py"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.command
def test_task_of_a_newcomer_changes_these_files_and_no_other(repository: Path) -> None:
    changed = {}
    for task in (_new_runbook, _new_operator, _new_account):
        task(repository)
        shown = _run("make", "--silent", "accept", "DRY_RUN=yes", folder=repository)
        assert "access.lock.md stays as it is" in shown
        assert " M access.lock.md" not in _run("git", "status", "--short", folder=repository)
        accepted = _run("make", "--silent", "accept", folder=repository)
        assert "written: access.lock.md" in accepted
        _run("git", "add", "--all", folder=repository)
        names = _run("git", "diff", "--cached", "--name-only", "--relative", folder=repository)
        changed[task.__name__] = names.splitlines()
        _commit(repository, task.__name__)
    _run("make", "--silent", "check", folder=repository)

    assert changed == {
        "_new_runbook": [
            *("access.lock.md", "deployments.py", "documents/Wait-Second.json"),
        ],
        "_new_operator": ["access.lock.md", "deployments.py"],
        "_new_account": ["access.lock.md", "deployments.py", "permissions.lock.json"],
    }


def test_workflows_of_a_folder_stand_at_the_root_and_run_in_the_folder(
    release: Release, tmp_path: Path
) -> None:
    _run("git", "init", "--quiet", folder=tmp_path)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "CODEOWNERS").write_text("* @octo-org/everybody\n")

    left = write_project(tmp_path / "infra" / "runbooks", release)

    folder = tmp_path / ".github" / "workflows"
    assert sorted(path.name for path in folder.iterdir()) == [
        "infra-runbooks-check.yml",
        "infra-runbooks-deploy.yml",
        "infra-runbooks-doctor.yml",
        "infra-runbooks-review.yml",
    ]
    for path in folder.iterdir():
        workflow: Mapping[str, object] = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["defaults"] == {"run": {"working-directory": "infra/runbooks"}}
        assert "path: cdk.out" not in path.read_text("utf-8")
        _run("actionlint", str(path), folder=tmp_path)
    assert left == [
        f"add to {tmp_path / '.github' / 'CODEOWNERS'}: /infra/runbooks/ for the administrators, "
        f"then /infra/runbooks/documents/ for the authors"
    ]


def test_nothing_is_overwritten(release: Release, tmp_path: Path) -> None:
    (tmp_path / "deployments.py").write_text("mine")

    with pytest.raises(DelegationError) as caught:
        write_project(tmp_path, release)

    assert str(caught.value) == (
        f"{tmp_path / 'deployments.py'}: exists; nothing was written, name a new folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["deployments.py"]


def test_upgrade_writes_what_belongs_to_the_release_and_nothing_else(
    release: Release, tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    write_project(folder, release)
    (folder / "deployments.py").write_text("mine")
    (folder / "Makefile").write_text("of an older release")
    newer = tmp_path / "delegated_administration-0.7.1-py3-none-any.whl"
    shutil.copy(release.wheel, newer)

    upgrade_project(folder, read_release(newer))

    assert (folder / "deployments.py").read_text() == "mine"
    assert (folder / "Makefile").read_text() == release.files["Makefile"]
    assert [path.name for path in (folder / "wheels").iterdir()] == [newer.name]
    assert "delegated-administration==0.7.1 \\" in (folder / "requirements.txt").read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "delegation.zip",
            b"",
            "is not a wheel of delegated-administration; name one as make wheel builds it: "
            "--wheel dist/delegated_administration-VERSION-py3-none-any.whl",
        ),
        (
            "delegated_administration-0.7.0-py3-none-any.whl",
            b"no zip",
            "cannot be read: File is not a zip file",
        ),
    ],
    ids=["name", "content"],
)
def test_file_that_is_not_the_wheel_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DelegationError) as caught:
        read_release(tmp_path / name)

    assert str(caught.value) == f"{tmp_path / name} {message}"


def test_wheel_holds_every_package_and_no_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packages = {name.split("/")[0] for name in archive.namelist()}

    assert packages - {f"delegated_administration-{read_release(wheel).version}.dist-info"} == {
        *(
            "account",
            "aws_facts",
            "delegation",
            "operate",
            "pages",
            "pipeline",
            "rehearsal",
            "review",
            "sandbox",
        ),
        *("stacks", "toolchain"),
    }
