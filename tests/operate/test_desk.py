"""The operator's commands, each through a real process against an account on this machine."""

import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.operate.conftest import BACKUP, RESTART, Account, readable
from tests.operate.terminal import base, in_a_pipe, on_a_terminal
from tests.stacks.synthesis import OPERATOR

pytestmark = pytest.mark.sandbox

_OWN = "--allow-own-permissions"
"""For runbooks of a test that embed no role."""


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
        "  --instance-id: at most 5 at a time\n"
        "\n"
        "run it\n"
        "  python -m operate run Restart-EC2InstanceDemo --instance-id …\n"
    )
    assert "approval by at least 1 of lead" in in_a_pipe(account.operator, "describe", BACKUP).text


def test_run_in_a_pipe_appends_a_line_a_change(account: Account) -> None:
    one, two = account.allowed(2)

    printed = in_a_pipe(
        account.operator, "run", RESTART, "--instance-id", one, "--instance-id", two
    )

    lines = readable(printed.text).splitlines()
    assert lines[0] == "run ID"
    assert [line for line in lines if "Success" in line] == [
        "TIME stopInstances (aws:changeInstanceState) Success after N s",
        "TIME startInstances (aws:changeInstanceState) Success after N s",
        "Success: Restart-EC2InstanceDemo, version 1, N s; run ID",
    ]
    assert readable(printed.errors) == (
        "Restart-EC2InstanceDemo, version 1: starting with client token ID\n"
    )
    started = account.client("ssm").get_automation_execution(
        AutomationExecutionId=account.runs()[0]["AutomationExecutionId"]
    )["AutomationExecution"]
    assert started["Parameters"] == {"InstanceId": [one, two]}


def test_run_on_a_terminal_asks_for_what_is_missing_and_refreshes_in_place(
    account: Account,
) -> None:
    one, two = account.allowed(2)

    printed = on_a_terminal(
        account.operator,
        "run",
        RESTART,
        answers=[
            ("\n>", "nonsense\n"),
            ("is not an AWS::EC2", f"{one}, {two}\n"),
            ("[y/N]", "y\n"),
        ],
    )

    assert readable(printed.text) == (
        "InstanceId: (Required) EC2 Instance to restart (StringList; at most 5 values; as i-…\n"
        ")\n"
        "> nonsense\n"
        "  --instance-id 'nonsense' is not an AWS::EC2::Instance::Id, as i-…\n"
        "> i-…, i-…\n"
        "  InstanceId: i-…, i-…\n"
        "start Restart-EC2InstanceDemo, version 1, in us-east-1 of 000000000000? [y/N] y\n"
        "Restart-EC2InstanceDemo, version 1: starting with client token ID\n"
        "run ID\n"
        "stopInstances   aws:changeInstanceState  Success  N s\n"
        "startInstances  aws:changeInstanceState  Success  N s\n"
        "  stopInstances.InstanceStates: stopped, stopped\n"
        "  startInstances.InstanceStates: running, running\n"
        "Success: Restart-EC2InstanceDemo, version 1, N s; run ID"
    )


def test_run_on_a_terminal_starts_nothing_without_a_yes(account: Account) -> None:
    before = len(account.runs())

    printed = on_a_terminal(
        account.operator,
        *("run", RESTART, "--instance-id", *account.allowed()),
        answers=[("[y/N]", "\n")],
        status=2,
    )

    assert printed.text.endswith("error: nothing was done")
    assert len(account.runs()) == before


def test_run_takes_parameters_of_a_file_and_of_standard_input(
    account: Account, tmp_path: Path
) -> None:
    file = tmp_path / "parameters.json"
    file.write_text(json.dumps({"InstanceId": account.allowed(2)}), "utf-8")

    for path, given in ((str(file), ""), ("-", file.read_text("utf-8"))):
        printed = in_a_pipe(
            account.operator,
            *("run", RESTART, "--parameters", path, "--output", "json"),
            given=given,
        )

        assert json.loads(printed.text)["Parameters"] == json.loads(file.read_text("utf-8"))


def test_run_prints_json_alone_where_asked(account: Account) -> None:
    (instance,) = account.allowed()

    printed = in_a_pipe(
        account.operator, "run", RESTART, "--instance-id", instance, "--output", "json"
    )

    execution = json.loads(printed.text)
    assert execution["AutomationExecutionStatus"] == "Success"
    assert execution["Parameters"] == {"InstanceId": [instance]}
    assert "stopInstances (aws:changeInstanceState) Success" in printed.errors


def test_values_are_refused_before_anything_is_sent(account: Account) -> None:
    before = len(account.runs())
    six = [f"i-{number:017x}" for number in range(6)]
    for arguments, expected in (
        (
            [],
            "Restart-EC2InstanceDemo, version 1, was not started:\n"
            "  --instance-id is missing (StringList): (Required) EC2 Instance to restart\n"
            "what it takes: python -m operate describe Restart-EC2InstanceDemo\n",
        ),
        (
            ["--instance-id", "x"],
            "Restart-EC2InstanceDemo, version 1, was not started:\n"
            "  --instance-id 'x' is not an AWS::EC2::Instance::Id, as i-0123456789abcdef0\n"
            "what it takes: python -m operate describe Restart-EC2InstanceDemo\n",
        ),
        (
            ["--instance-id", *six],
            "Restart-EC2InstanceDemo, version 1, was not started:\n"
            "  --instance-id takes 1 to 5 values, not 6\n"
            "what it takes: python -m operate describe Restart-EC2InstanceDemo\n",
        ),
        (
            ["--instance", six[0]],
            "Restart-EC2InstanceDemo takes no --instance; nearest: --instance-id; "
            "it takes --instance-id\n",
        ),
        (["--instance-id"], "--instance-id is given without a value\n"),
    ):
        printed = in_a_pipe(account.operator, "run", RESTART, *arguments, status=2)

        assert (printed.text, printed.errors) == ("", f"error: {expected}")
    assert len(account.runs()) == before


def test_run_of_a_version_starts_that_one(account: Account) -> None:
    ssm = account.client("ssm")
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Two-Versions", step)
    content = {"schemaVersion": "0.3", "description": "second", "mainSteps": [step]}
    ssm.update_document(Name="Two-Versions", Content=json.dumps(content), DocumentVersion="$LATEST")

    for wanted, version in (("$DEFAULT", "1"), ("$LATEST", "2"), ("2", "2")):
        in_a_pipe(account.root, "run", "Two-Versions", "--version", wanted, _OWN)

        assert account.runs()[0]["DocumentVersion"] == version


def test_ctrl_c_stops_watching_and_the_run_goes_on(account: Account) -> None:
    (instance,) = account.allowed()

    printed = on_a_terminal(
        account.operator,
        *("run", BACKUP, "--instance-id", instance, "--yes"),
        answers=[("Waiting", "\x03")],
        status=130,
    )

    run = account.runs()[0]
    assert run["AutomationExecutionStatus"] == "Waiting"
    assert printed.text.replace("\n", "").endswith(
        "stopped watching; the run goes on. "
        f"Watch again: python -m operate watch {run['AutomationExecutionId']}"
    )


def test_ctrl_c_in_a_pipe_says_the_same(account: Account) -> None:
    execution = _waiting(account)
    watching = subprocess.Popen(
        [sys.executable, "-m", "operate", "watch", execution],
        env={**base(), **account.operator},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    watching.stdout.readline()

    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=10)

    assert watching.returncode == 130
    assert f"Watch again: python -m operate watch {execution}" in errors


def test_detached_run_is_not_watched(account: Account) -> None:
    (instance,) = account.allowed()

    printed = in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")

    run = account.runs()[0]["AutomationExecutionId"]
    assert printed.text == f"started {run}; watch it: python -m operate watch {run}\n"


def test_approver_approves_and_the_run_goes_on(account: Account) -> None:
    execution = _waiting(account)

    printed = in_a_pipe(account.approver, "approve", execution, "--comment", "go on")

    assert readable(printed.text).splitlines()[0] == (
        "Backup-EC2Instance, version 1, started by AutomationRestrictedOperator"
    )
    assert printed.text.endswith(f"approved; watch it: python -m operate watch {execution}\n")
    watched = in_a_pipe(account.operator, "watch", execution)
    assert ".ApprovalStatus: Approved" in watched.text


def test_rejected_run_ends_with_3_and_says_why(account: Account) -> None:
    execution = _waiting(account)

    in_a_pipe(account.approver, "reject", execution, "--comment", "not today")

    watched = in_a_pipe(account.operator, "watch", execution, status=3)
    assert "rejected at" in watched.text
    assert "not today" in watched.text


def test_operator_may_not_stop_a_run_and_is_reported_who_may(account: Account) -> None:
    execution = _waiting(account)

    printed = in_a_pipe(account.operator, "stop", execution, status=2)

    assert "not authorized to perform: ssm:StopAutomationExecution" in printed.errors
    assert printed.errors.endswith(
        "cause: operators and approvers may not stop runs, but for their own where operators "
        "follow their own alone\n"
        "fix: ask the administrator, who can stop it, or wait for its end\n"
    )


def test_whoever_may_stops_a_run(account: Account) -> None:
    execution = _waiting(account)

    printed = in_a_pipe(account.root, "stop", execution)

    assert printed.text == f"asked to stop; watch it: python -m operate watch {execution}\n"
    in_a_pipe(account.operator, "watch", execution, status=3)


def test_history_is_mine_unless_all_is_asked_for(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)
    in_a_pipe(account.root, "run", RESTART, "--instance-id", instance)

    mine = in_a_pipe(account.operator, "history", "--limit", "1", "--runbook", RESTART)
    everybodys = in_a_pipe(account.operator, "history", "--all", "--limit", "2")

    assert readable(mine.text) == (
        "started               runbook                  version  status   took   run\n"
        "DATE TIME  Restart-EC2InstanceDemo  1        Success  N s  ID\n"
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


@pytest.mark.parametrize("fields", [{}, {"assumeRole": "{{ Role }}"}], ids=["none", "blank"])
def test_runbook_without_a_role_is_not_started_unless_that_is_allowed(
    account: Account, fields: dict[str, str]
) -> None:
    name = f"Without-A-Role-{len(fields)}"
    role = {"Role": {"type": "String", "default": ""}}
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook(name, step, parameters=role, **fields)

    refused = in_a_pipe(account.root, "run", name, status=2)
    in_a_pipe(account.root, "run", name, _OWN)

    assert refused.errors.splitlines()[-1] == (
        f"error: {name}, version 1, was not started: it embeds no service role, so that its steps "
        "would run with your own permissions, and its author decides what they do; to lend them "
        "all the same: --allow-own-permissions"
    )


@pytest.mark.parametrize("is_denied", [True, False])
def test_runbook_without_a_role_gets_nothing_of_what_its_operator_may_do(
    account: Account, is_denied: bool
) -> None:
    """By the policy of the deployment; the twin holds the same and not this policy."""
    (instance,) = account.instances()
    name = f"Borrows-{is_denied}"
    inputs = {"Service": "ec2", "Api": "StopInstances", "InstanceIds": [instance]}
    account.runbook(name, {"name": "stop", "action": "aws:executeAwsApi", "inputs": inputs})
    iam = account.client("iam")
    caller = {"UserName": OPERATOR.name if is_denied else "twin"}
    if not is_denied:
        iam.create_user(**caller)
    grant = {"Effect": "Allow", "Action": ["ssm:*", "ec2:*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    iam.put_user_policy(PolicyName="Besides", PolicyDocument=document, **caller)
    keys = iam.create_access_key(**caller)["AccessKey"]
    environment = account.sandbox.environment(keys)
    printed = in_a_pipe(environment, "run", name, _OWN, status=None)
    account.sandbox.client("ec2", keys).stop_instances(InstanceIds=[instance])
    iam.delete_user_policy(PolicyName="Besides", **caller)
    iam.delete_access_key(AccessKeyId=keys["AccessKeyId"], **caller)

    assert printed.status == (1 if is_denied else 0)
    assert ("with an explicit deny" in printed.text) == is_denied


def test_output_of_a_step_cannot_steer_the_terminal(account: Account) -> None:
    script = "def f(e, c):\n    return {'said': '\\x1b[2J\\u202eevil'}"
    step = {
        "name": "say",
        "action": "aws:executeScript",
        "inputs": {"Runtime": "python3.11", "Handler": "f", "Script": script},
        "outputs": [{"Name": "Said", "Selector": "$.Payload.said", "Type": "String"}],
    }
    account.runbook("Says-Escapes", step)

    printed = in_a_pipe(account.root, "run", "Says-Escapes", _OWN)

    assert "\x1b" not in printed.text
    assert "\u202e" not in printed.text
    assert "[2J" in printed.text


def test_parameter_that_is_called_as_an_option_is_given_by_name(account: Account) -> None:
    parameters = {name: {"type": "String"} for name in ("Region", "Version")}
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Takes-Region", step, parameters=parameters)

    described = in_a_pipe(account.root, "describe", "Takes-Region")
    missing = in_a_pipe(account.root, "run", "Takes-Region", status=2)
    ran = in_a_pipe(
        account.root,
        *("run", "Takes-Region", "--parameter", "Region=here", "--parameter", "Version=2", _OWN),
        *("--region", "us-east-1", "--output", "json"),
    )

    assert (
        "python -m operate run Takes-Region --parameter Region=… --parameter Version=…"
        in described.text
    )
    assert "--parameter Region= is missing (String)" in missing.errors
    assert json.loads(ran.text)["Parameters"] == {"Region": ["here"], "Version": ["2"]}


def test_boolean_option_without_a_value_is_true(account: Account) -> None:
    parameters = {"Force": {"type": "Boolean", "default": False}}
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Forces", step, parameters=parameters)

    printed = in_a_pipe(account.root, "run", "Forces", "--force", "--output", "json", _OWN)

    assert json.loads(printed.text)["Parameters"] == {"Force": ["true"]}


def test_comment_of_an_approver_is_one_line(account: Account) -> None:
    execution = _waiting(account)
    forged = "ok\n  2026-11-26T08:00:00Z approved by boss"
    in_a_pipe(account.approver, "approve", execution, "--comment", forged)

    printed = in_a_pipe(account.auditor, "audit", execution, status=None)

    assert "lead: ok   2026-11-26T08:00:00Z approved by boss" in printed.text
    assert sum("approved by" in line for line in printed.text.splitlines()) == 1


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
    assert described["Limits"] == ["--instance-id: at most 5 at a time"]


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history", "--limit", "-1"), "'-1' is not a number of 1 or more"),
        (("history", "--since", "99999w"), "'99999w' is not a time"),
        (("history", "--since", "0001-01-01"), "'0001-01-01' is not a time"),
        (
            ("run", RESTART, "--parameters", "/nowhere.json"),
            "--parameters /nowhere.json: [Errno 2]",
        ),
        (("run", RESTART, "--parameter", "InstanceId"), "--parameter InstanceId: give NAME=VALUE"),
        (
            ("run", RESTART, "--parameter", "Instance=i"),
            f"--parameter: {RESTART} takes no 'Instance'; nearest: InstanceId",
        ),
        (("watch", "nope"), "argument ID: 'nope' is not an id, 8-4-4-4-12 hexadecimal digits; "),
        (("run", RESTART, "--client-token", "foo"), "argument --client-token: 'foo' is not an id"),
        (("history", "--status", "bogus"), "argument --status: invalid choice: 'bogus'"),
        (("list", "--endpoint-url", "foo"), "AWS was to be asked for ssm: Invalid endpoint: foo"),
        (("list", "nonsense"), "unrecognized arguments: nonsense"),
    ],
)
def test_wrong_use_is_reported_without_a_traceback(
    account: Account, arguments: tuple[str, ...], message: str
) -> None:
    assert message in in_a_pipe(account.operator, *arguments, status=2).errors


def test_terminal_without_these_characters_is_no_mistake(account: Account) -> None:
    environment = {**account.operator, "PYTHONIOENCODING": "ascii"}

    printed = in_a_pipe(environment, "describe", RESTART)

    assert printed.text.endswith("run Restart-EC2InstanceDemo --instance-id ?\n")


def test_number_of_attempts_that_is_none_is_reported(account: Account) -> None:
    for value in ("many", "-1"):
        environment = {**account.operator, "AWS_MAX_ATTEMPTS": value}

        printed = in_a_pipe(environment, "list", status=2)

        assert printed.errors.startswith("error: AWS_MAX_ATTEMPTS is not a number of 1 or more")


def test_run_that_waits_says_for_whom_and_what_they_say(account: Account) -> None:
    execution = _waiting(account)
    watching = on_a_terminal(
        account.operator, "watch", execution, answers=[("Waiting", "\x03")], status=130
    )

    assert "waits for an approval by lead; they say: python -m operate approve" in watching.text
    in_a_pipe(account.approver, "reject", execution)
    piped = in_a_pipe(account.approver, "approve", execution, status=2)
    assert piped.errors == "error: the run has ended: Failed\n"


def test_region_of_the_environment_is_the_aws_clis(account: Account) -> None:
    """Version 2 of the AWS CLI reads AWS_REGION, and before AWS_DEFAULT_REGION."""
    environment = {**account.operator, "AWS_REGION": "eu-west-1"}

    assert "no runbooks of this deployment in eu-west-1" in in_a_pipe(environment, "list").errors


def test_question_is_asked_where_only_the_output_is_piped(account: Account) -> None:
    before = len(account.runs())
    (instance,) = account.allowed()
    arguments = ("run", RESTART, "--instance-id", instance)

    printed = on_a_terminal(
        account.operator, *arguments, answers=[("[y/N]", "n\n")], status=2, piped=True
    )

    assert "error: nothing was done" in printed.text
    assert len(account.runs()) == before


def test_ids_are_whole_on_a_narrow_terminal(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)

    printed = on_a_terminal(account.operator, "history", "--limit", "1")

    assert account.runs()[0]["AutomationExecutionId"] in printed.text


def test_several_instances_are_parted_by_commas_as_well(account: Account) -> None:
    instances = account.allowed(2)

    printed = in_a_pipe(
        account.operator,
        *("run", RESTART, "--instance-id", ",".join(instances), "--output", "json"),
    )

    assert json.loads(printed.text)["Parameters"] == {"InstanceId": instances}


def _waiting(account: Account) -> str:
    """The id of a run that waits for its approval."""
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")
    for _ in range(100):
        run = account.runs()[0]
        if run["AutomationExecutionStatus"] == "Waiting":
            break
        time.sleep(0.05)
    return str(run["AutomationExecutionId"])
