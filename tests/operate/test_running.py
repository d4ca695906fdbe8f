"""Runs that are started and followed, each through a real process."""

import json
from pathlib import Path

import pytest

from tests.operate.conftest import RESTART, Account, readable
from tests.operate.terminal import in_a_pipe, on_a_terminal
from tests.stacks.synthesis import OPERATOR

pytestmark = pytest.mark.sandbox

_OWN = "--allow-own-permissions"
"""For runbooks of a test that embed no role."""


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
        "Success: Restart-EC2InstanceDemo, version 1, N s",
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
        "InstanceId: (Required) EC2 Instance to restart (StringList; at most 5 values; as\n"
        "  i-…)\n"
        "> nonsense\n"
        "  --instance-id 'nonsense' is not an AWS::EC2::Instance::Id, as i-…\n"
        "> i-…, i-…\n"
        "  InstanceId: i-…, i-…\n"
        "  only instances with the tag Automation=allowed\n"
        "  --instance-id: at most 5 at a time\n"
        "start Restart-EC2InstanceDemo, version 1, in us-east-1 of 000000000000? [y/N] y\n"
        "Restart-EC2InstanceDemo, version 1: starting with client token ID\n"
        "run ID\n"
        "stopInstances   aws:changeInstanceState  Success  N s\n"
        "startInstances  aws:changeInstanceState  Success  N s\n"
        "  stopInstances.InstanceStates: stopped, stopped\n"
        "  startInstances.InstanceStates: running, running\n"
        "Success: Restart-EC2InstanceDemo, version 1, N s"
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
        in_a_pipe(account.root, "run", "Two-Versions", "--document-version", wanted, _OWN)

        assert account.runs()[0]["DocumentVersion"] == version


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


def test_question_is_asked_where_only_the_output_is_piped(account: Account) -> None:
    before = len(account.runs())
    (instance,) = account.allowed()
    arguments = ("run", RESTART, "--instance-id", instance)

    printed = on_a_terminal(
        account.operator, *arguments, answers=[("[y/N]", "n\n")], status=2, piped=True
    )

    assert "error: nothing was done" in printed.text
    assert len(account.runs()) == before


def test_several_instances_are_parted_by_commas_as_well(account: Account) -> None:
    instances = account.allowed(2)

    printed = in_a_pipe(
        account.operator,
        *("run", RESTART, "--instance-id", ",".join(instances), "--output", "json"),
    )

    assert json.loads(printed.text)["Parameters"] == {"InstanceId": instances}
