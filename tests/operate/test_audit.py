"""The auditor's command, through a real process against an account on this machine."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest

from tests.operate.conftest import BACKUP, RESTART, Account, readable
from tests.operate.terminal import in_a_pipe, on_a_terminal

pytestmark = pytest.mark.sandbox

_OPERATOR = "arn:aws:iam::000000000000:user/AutomationRestrictedOperator"


def _ended(account: Account, runbook: str, instance: str) -> str:
    """The id of a run of the operator that has ended."""
    in_a_pipe(account.operator, "run", runbook, "--instance-id", instance, status=None)
    return str(account.runs()[0]["AutomationExecutionId"])


def test_one_run_is_reported_with_starter_parameters_and_calls(account: Account) -> None:
    (instance,) = account.allowed()
    run = _ended(account, RESTART, instance)

    printed = in_a_pipe(account.auditor, "audit", run)

    assert readable(printed.text).splitlines() == [
        "account: 000000000000",
        "Region: us-east-1",
        "window: TIME to TIME",
        "roles: AutomationServiceRole, BackupRole",
        "executions: 1 Success",
        "calls outside executions: none",
        "executions without a role: none",
        "",
        "TIME  Restart-EC2InstanceDemo, version 1  Success, N s, by AutomationRestrictedOperator"
        " from 127.0.0.1",
        "  execution ID",
        "  InstanceId: i-…",
        "  TIME ec2:StopInstances on i-…: ok",
        "  TIME ec2:DescribeInstanceStatus on i-…: ok",
        "  TIME ec2:StartInstances on i-…: ok",
        "  TIME ec2:DescribeInstanceStatus on i-…: ok",
    ]


def test_approval_is_reported_with_who_and_why(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")
    run = account.runs()[0]["AutomationExecutionId"]
    time.sleep(0.3)
    in_a_pipe(account.approver, "approve", run, "--comment", "as agreed")
    in_a_pipe(account.operator, "watch", run)

    (reported,) = json.loads(in_a_pipe(account.auditor, "audit", run, "--output", "json").text)[
        "Executions"
    ]

    (answer,) = reported["Answers"]
    assert (answer["Answer"], answer["By"], answer["Comment"], answer["Result"]) == (
        "approved",
        "arn:aws:iam::000000000000:user/lead",
        "as agreed",
        "ok",
    )
    assert [call["Call"] for call in reported["Calls"]] == [
        "ec2:CreateImage",
        "ec2:DescribeImages",
        "ec2:CreateTags",
    ]


def test_refused_approval_is_reported_as_tried(account: Account, tmp_path: Path) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")
    run = account.runs()[0]["AutomationExecutionId"]
    time.sleep(0.3)
    in_a_pipe(account.operator, "approve", run, status=2)
    in_a_pipe(account.approver, "reject", run)
    picture = tmp_path / "run.html"

    printed = in_a_pipe(account.auditor, "audit", run, "--html", str(picture), status=None)
    as_csv = in_a_pipe(account.auditor, "audit", run, "--output", "csv", status=None)

    for text in (printed.text, as_csv.text, picture.read_text("utf-8")):
        assert "tried to approve by AutomationRestrictedOperator (AccessDeniedException)" in text
        assert " approved by" not in text
        assert "rejected by lead" in text


def test_refused_call_and_refused_start_are_reported(account: Account) -> None:
    (instance,) = account.instances()  # without the tag that the role asks for
    run = _ended(account, RESTART, instance)
    account.runbook("Not-Given", {"name": "rest", "action": "aws:sleep", "inputs": {}})
    operator = account.sandbox.client("ssm", account.operator_keys)
    with pytest.raises(operator.exceptions.ClientError):
        operator.start_automation_execution(DocumentName="Not-Given")

    trail = json.loads(in_a_pipe(account.auditor, "audit", "--output", "json").text)

    (reported,) = [each for each in trail["Executions"] if each["Execution"] == run]
    assert [(c["Call"], c["On"], c["Result"]) for c in reported["Calls"]] == [
        ("ec2:StopInstances", [instance], "Client.UnauthorizedOperation")
    ]
    assert ("ssm:StartAutomationExecution", ["Not-Given"], _OPERATOR) in [
        (call["Call"], call["On"], call["By"]) for call in trail["Refused"]
    ]


def test_period_is_reported_as_csv_a_row_a_call(account: Account) -> None:
    (instance,) = account.allowed()
    run = _ended(account, RESTART, instance)

    printed = in_a_pipe(account.auditor, "audit", "--since", "1h", "--output", "csv")

    rows = [row for row in csv.DictReader(io.StringIO(printed.text)) if row["execution"] == run]
    assert [row["call"] for row in rows] == [
        "ec2:StopInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:StartInstances",
        "ec2:DescribeInstanceStatus",
    ]
    assert {row["started by"] for row in rows} == {_OPERATOR}
    assert {row["parameters"] for row in rows} == {f"InstanceId={instance}"}


def test_picture_holds_steps_and_calls_and_loads_nothing(account: Account, tmp_path: Path) -> None:
    (instance,) = account.allowed()
    run = _ended(account, RESTART, instance)
    picture = tmp_path / "run.html"

    in_a_pipe(account.auditor, "audit", run, "--html", str(picture))

    page = picture.read_text("utf-8")
    for expected in (
        '<h4>Restart-EC2InstanceDemo, version 1: <span class="good">Success</span></h4>',
        "started by AutomationRestrictedOperator",
        "stopInstances <span",
        "startInstances <span",
        '<div class="bar well"',
        '<td role="cell" data-label="call"><code>ec2:<wbr>StopInstances</code></td>',
        "default-src 'none'",
    ):
        assert expected in page
    assert not re.search(r"<script|<link|https?://|url\(", page)


def test_parameters_are_text_in_the_picture(account: Account, tmp_path: Path) -> None:
    parameters = {"Text": {"type": "String"}}
    account.runbook(
        "Takes-Text",
        {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}},
        parameters=parameters,
    )
    in_a_pipe(
        account.root,
        "run",
        "Takes-Text",
        "--text",
        "<script>alert(1)</script>",
        "--allow-own-permissions",
    )
    run = account.runs()[0]["AutomationExecutionId"]

    in_a_pipe(account.auditor, "audit", run, "--html", str(tmp_path / "run.html"), status=1)

    page = (tmp_path / "run.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_operator_may_not_audit_and_is_reported_who_may(account: Account) -> None:
    printed = in_a_pipe(account.operator, "audit", status=2)

    assert (
        "cause: the event history and the roles of the account are read by auditors"
        in printed.errors
    )


def test_auditor_may_neither_start_nor_approve(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.auditor, "run", RESTART, "--instance-id", instance, status=2)
    in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")
    run = account.runs()[0]["AutomationExecutionId"]

    printed = in_a_pipe(account.auditor, "approve", run, status=2)

    assert "cause: you are no approver of this deployment" in printed.errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "soon"), "'soon' is not a time: as 7d, 12h, 30m, 2w, 2026-11-26 or "),
        (("--since", "1h", "--until", "2h"), "--since 1h is not before the end, "),
        (("--html", "/nowhere/run.html"), "/nowhere/run.html: cannot be written: No such file"),
        (("--html", "/dev"), "/dev: is not a file"),
        (("--except-role", "Nobody"), "--except-role Nobody: is not among the roles that "),
    ],
)
def test_bad_values_are_refused(account: Account, arguments: tuple[str, ...], message: str) -> None:
    printed = in_a_pipe(account.auditor, "audit", *arguments, status=2)

    assert f"error: {message}" in printed.errors


def test_on_a_terminal_the_same_is_printed(account: Account) -> None:
    (instance,) = account.allowed()
    run = _ended(account, RESTART, instance)

    printed = on_a_terminal(account.auditor, "audit", run)

    assert "calls outside executions: none" in printed.text
    assert "ec2:StartInstances on" in printed.text
