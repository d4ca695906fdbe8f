"""History and audit of several accounts and Regions, merged."""

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.operate.conftest import Environment
from tests.operate.terminal import in_a_pipe

pytestmark = pytest.mark.sandbox

_HERE, _THERE = "us-east-1", "eu-west-1"
_BOTH = ("--region", _HERE, "--region", _THERE)
_ROLE = "arn:aws:iam::000000000000:role/Sleeper"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """An account of the module's own, with one execution in each of two Regions."""
    trust = {"Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **trust}]}
    step = {"name": "sleep", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    content = {"schemaVersion": "0.3", "assumeRole": _ROLE, "mainSteps": [step]}
    with Sandbox() as account:
        account.client("iam").create_role(
            RoleName="Sleeper", AssumeRolePolicyDocument=json.dumps(policy)
        )
        for region, name in ((_HERE, "Sleeps-Here"), (_THERE, "Sleeps-There")):
            ssm = account.client("ssm", region=region)
            ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(content))
            ssm.start_automation_execution(DocumentName=name)
            time.sleep(1.1)  # the one after the other, by the seconds of CloudTrail
        yield account


@pytest.fixture
def environment(running: Sandbox) -> Environment:
    """The variables of the administrator."""
    return running.environment()


def test_history_of_two_regions_is_one_list_the_newest_first(environment: Environment) -> None:
    printed = in_a_pipe(environment, "history", "--all", *_BOTH)
    data = json.loads(in_a_pipe(environment, "history", *_BOTH, "--output", "json").text)

    heading, *rows = (line.split() for line in printed.text.splitlines())
    assert heading[:3] == ["account", "Region", "started"]
    assert [row[:2] for row in rows] == [["000000000000", _THERE], ["000000000000", _HERE]]
    assert [(each["Region"], each["DocumentName"]) for each in data] == [
        (_THERE, "Sleeps-There"),
        (_HERE, "Sleeps-Here"),
    ]


def test_limit_is_of_all_together(environment: Environment) -> None:
    printed = in_a_pipe(environment, "history", *_BOTH, "--limit", "1")

    assert "Sleeps-There" in printed.text
    assert "Sleeps-Here" not in printed.text
    assert printed.errors == "there are more; --limit 10 shows them\n"


def test_region_that_cannot_be_asked_is_said_and_the_other_is_shown(
    environment: Environment,
) -> None:
    nowhere = ("--region", "us-nowhere-1", "--region", _THERE)

    printed = in_a_pipe(environment, "history", *nowhere, status=2)

    assert "Sleeps-There" in printed.text
    assert "us-nowhere-1: 'us-nowhere-1' is not a Region of Systems Manager" in printed.errors


def test_profile_that_is_not_there_is_refused(environment: Environment, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile one]\nregion = us-east-1\n", "utf-8")
    environment = {**environment, "AWS_CONFIG_FILE": str(config)}

    printed = in_a_pipe(environment, "history", "--profile", "two", status=2)

    assert "two" in printed.errors


def test_audit_of_two_regions_reports_each_and_ends_as_the_worst(
    environment: Environment, tmp_path: Path
) -> None:
    html = tmp_path / "page.html"
    arguments = ("audit", "--since", "1h", *_BOTH)

    printed = in_a_pipe(environment, *arguments, "--html", str(html), status=None)
    reports: list[dict[str, Any]] = json.loads(
        in_a_pipe(environment, *arguments, "--output", "json", status=None).text
    )
    rows = [
        *csv.DictReader(
            in_a_pipe(environment, *arguments, "--output", "csv", status=None).text.splitlines()
        )
    ]

    assert [report["Region"] for report in reports] == [_HERE, _THERE]
    assert [[each["Runbook"] for each in report["Executions"]] for report in reports] == [
        ["Sleeps-Here"],
        ["Sleeps-There"],
    ]
    assert f"Region: {_HERE}" in printed.text
    assert f"Region: {_THERE}" in printed.text
    executions = [row for row in rows if row["kind"] == "execution"]
    assert [(row["Region"], row["runbook"]) for row in executions] == [
        (_HERE, "Sleeps-Here"),
        (_THERE, "Sleeps-There"),
    ]
    page = html.read_text("utf-8")
    assert page.count("<h2>Executions in ") == 2
    assert page.count("</html>") == 1
