"""Which command of the CDK CLI runs the app."""

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from delegation.errors import DelegationError
from stacks.cdk_command import refuse_foreign_stacks, refuse_waves
from tests.stacks.synthesis import deployment


class _Asked(Exception):
    """AWS was asked about stacks, with these variables."""


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking AWS is an error that says so."""

    def ask(command: list[str], *, env: dict[str, str], **_: Any) -> None:
        assert command[1:4] == ["-m", "pipeline", "ownership"]
        raise _Asked(env.get("AWS_PROFILE"), env.get("AWS_REGION"))

    monkeypatch.setattr(subprocess, "run", ask)
    monkeypatch.delenv("CDK_DEFAULT_ACCOUNT", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("CDK_DEFAULT_REGION", "eu-west-1")


def _above(monkeypatch: pytest.MonkeyPatch, *lines: list[str] | None) -> None:
    """The command lines of the processes above this one; None for one that nobody may read."""

    class Process:
        def __init__(self, line: list[str] | None = None) -> None:
            self._line = line

        def parents(self) -> list["Process"]:
            return [Process(line) for line in lines]

        def cmdline(self) -> list[str]:
            if self._line is None:
                raise psutil.AccessDenied
            return self._line

    monkeypatch.setattr(psutil, "Process", Process)


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        ("node /w/node_modules/.bin/cdk deploy --all", None),
        ("node /w/node_modules/aws-cdk/bin/cdk.js --profile prod destroy", "prod"),
        ("node /w/.bin/cdk watch --profile=prod", "prod"),
        ("node /w/.bin/cdk --require-approval never import", None),
        ("node /w/.bin/cdk rollback RunbooksStack", None),
    ],
)
def test_command_that_changes_stacks_asks_first(
    monkeypatch: pytest.MonkeyPatch, line: str, profile: str | None
) -> None:
    _above(monkeypatch, ["/bin/sh", "-c", "python3 app.py"], line.split(), None)

    with pytest.raises(_Asked) as found:
        refuse_foreign_stacks(Path("cdk.out"))

    assert found.value.args == (profile, "eu-west-1")


@pytest.mark.parametrize("command", ["synth", "diff", "list", "drift", "synth --profile prod"])
def test_command_that_reads_asks_nothing(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "111122223333")
    _above(monkeypatch, ["sh"], ["node", "/w/.bin/cdk", *command.split()], ["make", "deploy"])

    refuse_foreign_stacks(Path("cdk.out"))


def test_unknown_command_asks_where_it_has_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown: list[list[list[str] | None]] = [
        [],
        [["sh"], None],
        [["node", "/w/other.js", "deploy"]],
    ]
    for lines in unknown:
        _above(monkeypatch, *lines)
        refuse_foreign_stacks(Path("cdk.out"))
        monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "111122223333")
        with pytest.raises(_Asked):
            refuse_foreign_stacks(Path("cdk.out"))
        monkeypatch.delenv("CDK_DEFAULT_ACCOUNT")


def test_foreign_stack_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    _above(monkeypatch, ["node", "/w/.bin/cdk", "deploy"])
    done = subprocess.CompletedProcess([], 1, "", "error: RunbooksStack is not of this project\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)

    with pytest.raises(DelegationError, match=r"^RunbooksStack is not of this project$"):
        refuse_foreign_stacks(Path("cdk.out"))


@pytest.mark.parametrize(
    ("line", "waves", "is_refused"),
    [
        ("cdk deploy --all", (1, 2), True),
        ("cdk deploy ** --concurrency 4", (1, 2), True),
        ("cdk deploy --all", (1, 1), False),
        ("cdk deploy AdministrationStack-111111111111", (1, 2), False),
        ("cdk diff --all", (1, 2), False),
    ],
)
def test_all_stacks_are_deployed_in_waves_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, line: str, waves: tuple[int, ...], is_refused: bool
) -> None:
    _above(monkeypatch, ["sh"], ["node", *line.split()])
    found = [
        deployment(account=str(number) * 12, regions=("eu-west-1",), wave=wave)
        for number, wave in enumerate(waves, start=1)
    ]

    if not is_refused:
        refuse_waves(found)
        return
    with pytest.raises(DelegationError, match=r"make deploy DIGEST=\$\(make --silent digest\)"):
        refuse_waves(found)
