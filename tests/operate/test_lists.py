"""Runbooks and executions that are listed and described."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from tests.operate.conftest import BACKUP, RESTART, Account, readable
from tests.operate.terminal import in_a_pipe

pytestmark = pytest.mark.sandbox


def test_list_shows_name_version_and_description(account: Account) -> None:
    account.runbook("Somebody-Elses", {"name": "s", "action": "aws:sleep", "inputs": {}})

    printed = in_a_pipe(account.operator, "list")

    heading, backup, restart = printed.text.splitlines()
    assert heading == "runbook                  version  description"
    assert backup.startswith(
        "Backup-EC2Instance       1        Makes an image (AMI) of an EC2 instance, waits until"
    )
    assert restart == "Restart-EC2InstanceDemo  1        Restart EC2 instances(s)"
    assert "Somebody-Elses" in in_a_pipe(account.operator, "list", "--all").text


def test_describe_shows_parameters_steps_and_limits(account: Account) -> None:
    printed = in_a_pipe(account.operator, "describe", RESTART)

    assert printed.text == (
        "Restart-EC2InstanceDemo\n"
        "Restart EC2 instances(s)\n"
        "version 1; default 1, latest 1\n"
        "runs as arn:aws:iam::000000000000:role/AutomationServiceRole\n"
        "\n"
        "parameters\n"
        "  --instance-id  StringList  (Required) EC2 Instance to restart; at most 5 values;"
        " as i-0123456789abcdef0\n"
        "\n"
        "steps\n"
        "  stopInstances   aws:changeInstanceState\n"
        "  startInstances  aws:changeInstanceState\n"
        "\n"
        "limits\n"
        "  only instances with the tag Automation=allowed\n"
        "  --instance-id: at most 5 at a time\n"
        "\n"
        "run it\n"
        "  python -m operate run Restart-EC2InstanceDemo --instance-id …\n"
    )
    assert "approval by at least 1 of lead" in in_a_pipe(account.operator, "describe", BACKUP).text


def test_history_is_mine_unless_all_is_asked_for(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)
    in_a_pipe(account.root, "run", RESTART, "--instance-id", instance)

    mine = in_a_pipe(account.operator, "history", "--limit", "1", "--runbook", RESTART)
    everybodys = in_a_pipe(account.operator, "history", "--all", "--limit", "2")

    assert readable(mine.text) == (
        "started               runbook                  version  status   took   run\n"
        "TIME  Restart-EC2InstanceDemo  1        Success  N s  ID\n"
    )
    assert [line.split()[-1] for line in everybodys.text.splitlines()] == [
        "by",
        "root",
        "AutomationRestrictedOperator",
    ]


def test_history_filters_and_prints_csv_and_json(account: Account) -> None:
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", "i-00000000000000000", status=1)

    as_csv = in_a_pipe(
        account.operator, *("history", "--status", "Failed", "--since", "1h", "--output", "csv")
    )
    as_json = in_a_pipe(account.operator, "history", "--status", "Failed", "--output", "json")

    lines = as_csv.text.splitlines()
    assert lines[0] == "started,runbook,version,status,took,run"
    assert lines[1].split(",")[1:4] == [RESTART, "1", "Failed"]
    assert {run["AutomationExecutionStatus"] for run in json.loads(as_json.text)} == {"Failed"}


def test_history_pages_through_thousands(account: Account) -> None:
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Often-Run", step)
    ssm = account.client("ssm")
    for _ in range(120):
        ssm.start_automation_execution(DocumentName="Often-Run")

    some = in_a_pipe(account.root, "history", "--runbook", "Often-Run", "--limit", "70")
    all_ = in_a_pipe(account.root, "history", "--runbook", "Often-Run", "--limit", "1000")

    assert some.text.count("Often-Run") == 70
    assert some.errors == "there are more; --limit 700 shows them\n"
    assert all_.text.count("Often-Run") == 120


def test_describe_shows_the_version_that_is_asked_for(account: Account) -> None:
    step = {"name": "first", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Has-Versions", step)
    content = {"schemaVersion": "0.3", "mainSteps": [{**step, "name": "second"}]}
    account.client("ssm").update_document(
        Name="Has-Versions", Content=json.dumps(content), DocumentVersion="$LATEST"
    )

    default = in_a_pipe(account.root, "describe", "Has-Versions").text
    newer = in_a_pipe(account.root, "describe", "Has-Versions", "--document-version", "2").text

    assert ("first" in default, "second" in default) == (True, False)
    assert ("first" in newer, "second" in newer) == (False, True)
    assert "version 2; default 1, latest 2" in newer


def test_list_and_describe_print_json(account: Account) -> None:
    listed = json.loads(in_a_pipe(account.operator, "list", "--output", "json").text)
    described = json.loads(
        in_a_pipe(account.operator, "describe", RESTART, "--output", "json").text
    )

    assert [runbook["ServiceRole"] for runbook in listed] == ["BackupRole", "AutomationServiceRole"]
    assert described["Parameters"] == [
        {
            "Name": "InstanceId",
            "Option": "--instance-id",
            "Type": "StringList",
            "Description": "(Required) EC2 Instance to restart",
            "Required": True,
            "Default": None,
            "AllowedValues": [],
            "AllowedPattern": None,
            "Bounds": ["at most 5 values", "as i-0123456789abcdef0"],
        }
    ]
    assert described["Limits"] == [
        "only instances with the tag Automation=allowed",
        "--instance-id: at most 5 at a time",
    ]


def test_history_since_takes_an_offset(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)
    now = datetime.now(timezone(timedelta(hours=9)))

    before, after = (
        in_a_pipe(account.operator, "history", "--since", f"{now + shift:%Y-%m-%dT%H:%M:%S%z}")
        for shift in (timedelta(minutes=-5), timedelta(minutes=5))
    )

    assert RESTART in before.text
    assert RESTART not in after.text


def test_terminal_without_these_characters_is_no_mistake(account: Account) -> None:
    environment = {**account.operator, "PYTHONIOENCODING": "ascii"}

    printed = in_a_pipe(environment, "describe", RESTART)

    assert printed.text.endswith("run Restart-EC2InstanceDemo --instance-id ?\n")


def test_region_of_the_environment_is_the_aws_clis(account: Account) -> None:
    """Version 2 of the AWS CLI reads AWS_REGION, and before AWS_DEFAULT_REGION."""
    environment = {**account.operator, "AWS_REGION": "eu-west-1"}

    assert "no runbooks of this deployment in eu-west-1" in in_a_pipe(environment, "list").errors
