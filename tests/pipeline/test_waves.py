"""A rollout over accounts and Regions: in waves, so many at a time, until a failure."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Deployment
from pipeline import rollout
from pipeline.__main__ import main
from pipeline.credentials import Credentials, Target
from pipeline.errors import PipelineError
from pipeline.rollout import Rollout
from review.errors import ReviewError
from review.templates.cloud_assembly import Assembly, Stack
from sandbox import Sandbox
from sandbox.sandbox import ACCOUNT
from tests.clone import PROJECT
from tests.stacks.synthesis import app_of, deployment

_CANARY, _FIRST, _SECOND = "111111111111", "222222222222", "333333333333"
_REGIONS = ("eu-west-1", "us-east-1")
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_CDK = str(PROJECT / "node_modules" / ".bin" / "cdk")
_RUNBOOK = "Restart-EC2InstanceDemo"
_PAUSE = json.dumps(
    {"schemaVersion": "0.3", "mainSteps": [{"name": "a", "action": "aws:pause", "inputs": {}}]}
)
_STACKS = (
    ("AdministrationStack", "eu-west-1"),
    ("RunbooksStack", "eu-west-1"),
    ("RunbooksStack", "us-east-1"),
)
_NAMES = ("AdministrationStack", "RunbooksStack")


def _deployment(account: str, **more: Any) -> Deployment:
    return deployment(account=account, regions=_REGIONS, **more)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Of three accounts: a canary, and two after it; the canary is written last."""
    folder = tmp_path_factory.mktemp("waves") / "assembly"
    wanted = (
        _deployment(_FIRST, wave=2),
        _deployment(_SECOND, wave=2),
        _deployment(_CANARY),
    )
    app_of(*wanted, folder=folder).synth()
    return Assembly(folder)


class _Cloud:
    """Accounts in which the CDK CLI succeeds, but for what is to fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.commands: list[tuple[tuple[str, ...], str]] = []
        """The stacks of each command, and its concurrency."""
        self.at_once = self.most = 0

    @contextmanager
    def started(self, *arguments: str, **_: Any) -> Iterator[Any]:
        stacks = arguments[1 : arguments.index("--exclusively")]
        at_a_time = arguments[arguments.index("--concurrency") + 1]
        self.commands.append((stacks, at_a_time))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        yield _Process(self, any(stack in self.failing for stack in stacks))


class _Process:
    def __init__(self, cloud: _Cloud, is_failure: bool) -> None:
        self._cloud, self.returncode, self._polls = cloud, int(is_failure), 2

    def poll(self) -> int | None:
        self._polls -= 1
        if self._polls:
            return None
        self._cloud.at_once -= 1
        return self.returncode


def _play(
    monkeypatch: pytest.MonkeyPatch,
    assembly: Assembly,
    cloud: _Cloud,
    *,
    concurrency: int = 1,
    are_shared: bool = False,
) -> Rollout:
    """A rollout against this cloud, by credentials of each account, or by those of one that all
    trust."""
    shared: dict[str, str] = {}

    def targets(_: Assembly, stacks: tuple[Stack, ...], **__: Any) -> Iterator[Target]:
        known: dict[str, Credentials] = {}
        for stack in stacks:
            account, region = str(stack.account), str(stack.region)
            environment = shared if are_shared else {}
            found = Credentials(account=account, environment=environment)
            yield Target(stack=stack, region=region, credentials=known.setdefault(account, found))

    monkeypatch.setattr(rollout, "targets", targets)
    monkeypatch.setattr(rollout, "started", cloud.started)
    monkeypatch.setattr(rollout, "obstacle", lambda *_: "")
    monkeypatch.setattr(rollout, "_cloudformation", lambda _: None)
    monkeypatch.setattr(rollout, "_settled", lambda *_: "UPDATE_COMPLETE")
    monkeypatch.setattr(rollout, "_require_reviewed", lambda _: None)
    monkeypatch.setattr(rollout, "_LOOK_SECONDS", 0)
    return Rollout(assembly, _NAMES, digest=assembly.digest, concurrency=concurrency)


def _of(account: str) -> list[tuple[str, ...]]:
    """The stacks of an account, as commands deploy them: administration, then each Region."""
    return [
        (f"AdministrationStack-{account}",),
        tuple(f"RunbooksStack-{account}-{region}" for region in _REGIONS),
    ]


def test_canary_is_first_and_administration_comes_before_runbooks(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = _Cloud()

    assert _play(monkeypatch, assembly, cloud).run()

    administration, runbooks = zip(_of(_FIRST), _of(_SECOND), strict=True)
    assert [stacks for stacks, _ in cloud.commands] == [
        *_of(_CANARY),
        *administration,
        *runbooks,
    ]
    assert cloud.most == 1
    assert [line for line in capsys.readouterr().out.splitlines() if "wave" in line] == [
        "wave 1 of 2",
        "wave 2 of 2",
    ]


def test_failure_ends_the_rollout_after_its_group(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    cloud = _Cloud(f"AdministrationStack-{_FIRST}")

    assert not _play(monkeypatch, assembly, cloud).run()

    administration, _ = zip(_of(_FIRST), _of(_SECOND), strict=True)
    assert [stacks for stacks, _ in cloud.commands] == [*_of(_CANARY), *administration]


def test_failure_of_the_canary_leaves_the_others_as_they_are(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    cloud = _Cloud(f"RunbooksStack-{_CANARY}-us-east-1")

    assert not _play(monkeypatch, assembly, cloud).run()

    assert [stacks for stacks, _ in cloud.commands] == _of(_CANARY)


def test_so_many_are_deployed_at_a_time(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    cloud = _Cloud()

    assert _play(monkeypatch, assembly, cloud, concurrency=6).run()

    assert cloud.most == 2
    assert dict(cloud.commands) == {
        _of(_CANARY)[0]: "6",
        _of(_CANARY)[1]: "6",
        **dict.fromkeys((*_of(_FIRST), *_of(_SECOND)), "3"),
    }


def test_accounts_that_trust_the_same_credentials_are_one_command(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    cloud = _Cloud()

    assert _play(monkeypatch, assembly, cloud, concurrency=8, are_shared=True).run()

    administration, runbooks = zip(_of(_FIRST), _of(_SECOND), strict=True)
    assert cloud.commands == [
        *((stacks, "8") for stacks in _of(_CANARY)),
        (administration[0] + administration[1], "8"),
        (runbooks[0] + runbooks[1], "8"),
    ]


def test_stack_that_only_a_person_can_mend_is_left_and_the_others_of_its_group_go_on(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    cloud = _Cloud()
    started = _play(monkeypatch, assembly, cloud)
    stuck = f"AdministrationStack-{_FIRST}"
    monkeypatch.setattr(
        rollout,
        "_settled",
        lambda _, t: "UPDATE_ROLLBACK_FAILED" if t.stack.id == stuck else "UPDATE_COMPLETE",
    )

    assert not started.run()

    assert [stacks for stacks, _ in cloud.commands] == [*_of(_CANARY), _of(_SECOND)[0]]


class _Stack:
    def __init__(self, status: str) -> None:
        self._status = status

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self._status}]}


def test_state_of_every_account_and_region_is_reported(
    monkeypatch: pytest.MonkeyPatch, assembly: Assembly
) -> None:
    found = _play(monkeypatch, assembly, _Cloud())
    monkeypatch.setattr(
        rollout,
        "_cloudformation",
        lambda target: _Stack(
            "CREATE_COMPLETE" if target.credentials.account == _CANARY else "UPDATE_COMPLETE"
        ),
    )

    summary, *lines = found.states()

    assert summary == "UPDATE_COMPLETE: 6, CREATE_COMPLETE: 3"
    assert f"RunbooksStack in us-east-1 of {_CANARY}: CREATE_COMPLETE" in lines
    assert len(lines) == 9


def test_wave_that_is_none_is_refused_in_an_assembly(assembly: Assembly, tmp_path: Path) -> None:
    copy = assembly.copy_to(tmp_path / "copy").folder
    changed = 0
    for path in copy.iterdir():
        text = path.read_text("utf-8")
        if '"delegation:wave",' in text:
            path.write_text(text.replace('"data": 2', '"data": 0'), "utf-8")
            changed += 1

    assert changed
    with pytest.raises(ReviewError, match=r"is in the waves \[0\]; run: make synth"):
        Assembly(copy)


@pytest.mark.parametrize("wave", [0, 100, "2", True, None])
def test_wave_of_a_deployment_is_refused(wave: Any) -> None:
    with pytest.raises(DelegationError) as refused:
        _deployment(_CANARY, wave=wave)

    assert str(refused.value) == (
        f"wave of the deployment for {_CANARY} is {wave!r}, not 1 to 99 (deployments.py)"
    )


@pytest.mark.parametrize("text", ["0", "101", "two", "-1"])
def test_concurrency_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    arguments = ["pipeline", "deploy", "--digest", "x", f"--concurrency={text}"]
    monkeypatch.setattr(sys, "argv", arguments)

    with pytest.raises(SystemExit):
        main()

    assert f"'{text}' is not a number of 1 to 100" in capsys.readouterr().err


def test_account_that_does_not_trust_the_credentials_is_not_read_with_them() -> None:
    elsewhere = Credentials(account=_FIRST, environment={}, are_of_another=True)

    with pytest.raises(PipelineError, match=f"are not of account {_FIRST}"):
        elsewhere.client("cloudformation", "us-east-1")


class _Tools:
    """Commands in an organization's management account, as its administrator."""

    def __init__(self, running: Sandbox) -> None:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self._variables = {"PATH": path, **running.environment()}
        self._running = running

    def run(self, *command: str, member: str = "", status: int = 0) -> str:
        """What a command printed, which ends in that status, in an account."""
        as_member = self._running.environment(self._running.member(member)) if member else {}
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**self._variables, **as_member},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bootstrap(self, *places: str, member: str = "", trust: str = "") -> None:
        trusting = ("--trust", trust, "--cloudformation-execution-policies", _ADMINISTRATOR)
        self.run(
            _CDK, "bootstrap", *places, "--app", "", *(trusting if trust else ()), member=member
        )

    def deploy(self, folder: Path, *, status: int = 0) -> str:
        digest = Assembly(folder).digest
        deploying = (sys.executable, "-m", "pipeline", "deploy", "--assembly", str(folder))
        return self.run(*deploying, "--digest", digest, "--concurrency", "4", status=status)


@pytest.mark.sandbox
@pytest.mark.command
def test_regions_are_deployed_at_a_time_and_again_without_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "assembly"
    app_of(deployment(account=ACCOUNT, regions=_REGIONS), folder=folder).synth()
    with Sandbox() as running:
        tools = _Tools(running)
        tools.bootstrap(*(f"aws://{ACCOUNT}/{region}" for region in _REGIONS))
        first, again = tools.deploy(folder), tools.deploy(folder)

    assert _states(first) == {(*stack, ACCOUNT): "CREATE_COMPLETE" for stack in _STACKS}
    assert again.count("(no changes)") == 3


@pytest.mark.sandbox
@pytest.mark.command
def test_accounts_that_trust_the_credentials_are_deployed_wave_by_wave(tmp_path: Path) -> None:
    """The second account has a document of the runbook's name; once that is gone, deploying again
    goes on where it stopped."""
    folder, accounts = tmp_path / "assembly", (_CANARY, _FIRST, _SECOND)
    wanted = [_deployment(account, wave=wave) for wave, account in enumerate(accounts, start=1)]
    app_of(*reversed(wanted), folder=folder).synth()
    with Sandbox(members=accounts) as running:
        tools = _Tools(running)
        for account in accounts:
            places = (f"aws://{account}/{region}" for region in _REGIONS)
            tools.bootstrap(*places, member=account, trust=ACCOUNT)
        theirs = running.client("ssm", running.member(_FIRST))
        theirs.create_document(Name=_RUNBOOK, DocumentType="Automation", Content=_PAUSE)

        stopped = tools.deploy(folder, status=1)
        theirs.delete_document(Name=_RUNBOOK)
        resumed = tools.deploy(folder)

        for account in accounts:
            ssm = running.client("ssm", running.member(account))
            found = ssm.get_document(Name=_RUNBOOK, DocumentFormat="JSON")["Content"]
            assert f"arn:aws:iam::{account}:role/AutomationServiceRole" in found

    assert f"Document with name {_RUNBOOK} already exists" in stopped
    assert _states(stopped) == {
        **{(name, region, _CANARY): "CREATE_COMPLETE" for name, region in _STACKS},
        **{(name, region, _FIRST): "CREATE_COMPLETE" for name, region in _STACKS},
        ("RunbooksStack", "us-east-1", _FIRST): "ROLLBACK_COMPLETE",
        **{(name, region, _SECOND): "does not stand" for name, region in _STACKS},
    }
    assert _states(resumed) == {
        (*stack, account): "CREATE_COMPLETE" for stack in _STACKS for account in accounts
    }


def _states(printed: str) -> dict[tuple[str, str, str], str]:
    """The state of each stack by its name, Region and account, as a rollout reports it."""
    lines = re.findall(r"^(\w+) in (\S+) of (\d{12}): (.+)$", printed, re.MULTILINE)
    return {(name, region, account): state for name, region, account, state in lines}
