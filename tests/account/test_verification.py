"""The verification, asked of the sandbox: every probe answers as the sandbox assumes, and nothing
stays behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from account.verification.lab import Lab, allow
from account.verification.verify import PROBES, verify
from sandbox import Sandbox
from tests.clone import PROJECT

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """A throwaway account."""
    with Sandbox() as running:
        yield running


def _everything(account: Sandbox) -> list[str]:
    """What stands in the account that the verification might have made."""
    iam = account.client("iam")
    found: list[Any] = [
        *(role["RoleName"] for role in iam.list_roles()["Roles"]),
        *(user["UserName"] for user in iam.list_users()["Users"]),
        *(rule["Name"] for rule in account.client("events").list_rules()["Rules"]),
        *(topic["TopicArn"] for topic in account.client("sns").list_topics()["Topics"]),
        *(
            group["Name"]
            for group in account.client("scheduler").list_schedule_groups()["ScheduleGroups"]
            if group["Name"] != "default"
        ),
        *account.client("sqs").list_queues().get("QueueUrls", ()),
        *(g["logGroupName"] for g in account.client("logs").describe_log_groups()["logGroups"]),
        *(
            document["Name"]
            for document in account.client("ssm").list_documents(
                Filters=[{"Key": "Owner", "Values": ["Self"]}]
            )["DocumentIdentifiers"]
        ),
        *(
            instance["InstanceId"]
            for reservation in account.client("ec2").describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("terminated", "shutting-down")
        ),
    ]
    return found


def _command(account: Sandbox, *words: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        **account.environment(),
        "PYTHONPATH": str(PROJECT),
        "VERIFY_WAIT_SECONDS": "0",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "account", "verify", *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_probe_answers_as_the_sandbox_assumes(account: Sandbox, tmp_path: Path) -> None:
    running = _command(account, "--yes", "--folder", str(tmp_path))
    _, errors = running.communicate()

    assert running.returncode == 0, errors
    report = json.loads((tmp_path / "verified-on-aws.json").read_text())
    assert [(answer["id"], answer["actual"]) for answer in report["answers"]] == [
        (probe.id, probe.expected) for probe in PROBES
    ]
    assert report["left"] == []
    page = (tmp_path / "verified-on-aws.md").read_text()
    assert f"{len(PROBES)} of {len(PROBES)} assumptions hold." in page
    assert _everything(account) == []


def test_interruption_removes_what_was_made(account: Sandbox, tmp_path: Path) -> None:
    running = _command(account, "--yes", "--folder", str(tmp_path))
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()

    assert running.returncode == 2
    assert "interrupted: what was made is removed" in errors
    assert "Traceback" not in errors
    assert _everything(account) == []


def test_nothing_is_done_without_the_accounts_number(account: Sandbox, tmp_path: Path) -> None:
    running = _command(account, "--folder", str(tmp_path))
    said, errors = running.communicate("111122223333\n")

    assert "in account 000000000000, us-east-1" in said
    assert (running.returncode, errors) == (1, "error: nothing was done\n")
    assert not [*tmp_path.iterdir()]


def _fail(lab: Lab) -> str:
    lab.user(allow("ssm:ListDocuments"))
    raise KeyError("Parameters")


def test_what_does_not_hold_and_what_fails_is_in_the_report(
    account: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**account.environment(), "VERIFY_WAIT_SECONDS": "0"}.items():
        monkeypatch.setenv(name, value)
    (probe,) = [each for each in PROBES if each.id == "max-items"]
    probes = (replace(probe, expected="allowed"), replace(probe, ask=_fail))

    failed = verify(probes, tmp_path, is_asked=False)

    assert failed == 2
    report = json.loads((tmp_path / "verified-on-aws.json").read_text())
    assert [(answer["actual"], answer["holds"]) for answer in report["answers"]] == [
        ("refused: InvalidAutomationExecutionParametersException", False),
        ("KeyError: 'Parameters'", False),
    ]
    assert "0 of 2 assumptions hold" in (tmp_path / "verified-on-aws.md").read_text()
    assert _everything(account) == []
