"""The command line: how it is typed, and what it says of what is wrong."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operate.conftest import RESTART, Account
from tests.operate.terminal import base, in_a_pipe, on_a_terminal

pytestmark = pytest.mark.sandbox

_OWN = "--allow-own-permissions"
"""For a runbook of a test that embeds no role."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history", "--limit", "-1"), "'-1' is not a number of 1 to 1,000,000"),
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
        (
            ("watch", "nope"),
            "argument ID: 'nope' is not an execution's id or its beginning, 4 or more hexadecimal",
        ),
        (("watch",), "give an ID, or --latest for the newest of your runs"),
        (("watch", "0000", "--latest"), "give an ID or --latest, not both"),
        (("watch", "0000"), "no execution whose id begins with '0000' among the newest 1,000"),
        (("run", RESTART, "--client-token", "foo"), "argument --client-token: 'foo' is not an id"),
        (("history", "--status", "faild"), "'faild' is no status of an execution; nearest: Failed"),
        (("history", "--by", "lead"), "--by NAME is with --all"),
        (
            ("list", "--region", "atlantis"),
            "'atlantis' is not a Region of Systems Manager; Reg",
        ),
        (("run", RESTART, "--version", "2"), "a runbook's: --document-version 2"),
        (("run", RESTART, "--parameters", "InstanceId='i"), "--parameters InstanceId='i: Expected"),
        (("--output", "csv", "list"), "argument --output: invalid choice: 'csv'"),
        (("--output", "json", "explain", "x"), "unrecognized arguments: --output"),
        ((), "the following arguments are required: COMMAND"),
        (("list", "--endpoint-url", "foo"), "AWS was to be asked for ssm: Invalid endpoint: foo"),
        (("list", "nonsense"), "unrecognized arguments: nonsense"),
    ],
)
def test_wrong_use_is_reported_without_a_traceback(
    account: Account, arguments: tuple[str, ...], message: str
) -> None:
    assert message in in_a_pipe(account.operator, *arguments, status=2).errors


def test_number_of_attempts_that_is_none_is_reported(account: Account) -> None:
    for value in ("many", "-1"):
        environment = {**account.operator, "AWS_MAX_ATTEMPTS": value}

        printed = in_a_pipe(environment, "list", status=2)

        assert printed.errors.startswith("error: AWS_MAX_ATTEMPTS is not a number of 1 or more")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--region", "eu-west-1", "list"),
        ("--region=eu-west-1", "--output", "json", "list"),
        ("list", "--region", "eu-west-1"),
    ],
)
def test_global_options_stand_before_or_after_the_command(
    account: Account, arguments: tuple[str, ...]
) -> None:
    printed = in_a_pipe(account.operator, *arguments)

    assert RESTART not in printed.text
    assert (printed.text == "[]\n") == ("json" in arguments)


@pytest.mark.parametrize("form", ["InstanceId={}", '{{"InstanceId": ["{}"]}}', "file://{}"])
def test_parameters_are_given_as_the_aws_cli_takes_them(
    account: Account, tmp_path: Path, form: str
) -> None:
    (instance,) = account.allowed()
    file = tmp_path / "parameters.json"
    file.write_text(json.dumps({"InstanceId": [instance]}), "utf-8")
    given = form.format(file if form.startswith("file") else instance)

    printed = in_a_pipe(
        account.operator, *("run", RESTART, "--parameters", given, "--dry-run", "--output", "json")
    )

    assert json.loads(printed.text)["Parameters"] == {"InstanceId": [instance]}


def test_short_form_of_parameters_takes_several_names_and_values(account: Account) -> None:
    parameters = {
        "Ids": {"type": "StringList"},
        "Reason": {"type": "String"},
        "Force": {"type": "Boolean", "default": False},
    }
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Takes-Three", step, parameters=parameters)
    given = "Ids=a,b,Reason='one, two',Force=true"

    printed = in_a_pipe(
        account.root,
        *("run", "Takes-Three", "--parameters", given, "--dry-run", "--output", "json", _OWN),
    )

    assert json.loads(printed.text)["Parameters"] == {
        "Ids": ["a", "b"],
        "Reason": ["one, two"],
        "Force": ["true"],
    }


def test_dry_run_shows_what_would_be_sent_and_starts_nothing(account: Account) -> None:
    before = len(account.runs())

    printed = in_a_pipe(
        account.operator, *("run", RESTART, "--instance-id", "i-0123456789abcdef0", "--dry-run")
    )

    assert printed.text == (
        "Restart-EC2InstanceDemo, version 1, in us-east-1 of 000000000000\n"
        "runs as arn:aws:iam::000000000000:role/AutomationServiceRole\n"
        "  InstanceId: i-0123456789abcdef0\n"
        "  only instances with the tag Automation=allowed\n"
        "  --instance-id: at most 5 at a time\n"
        "nothing was started\n"
    )
    assert len(account.runs()) == before


def test_latest_and_the_beginning_of_an_id_name_a_run(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)
    execution = account.runs()[0]["AutomationExecutionId"]

    latest = in_a_pipe(account.operator, "watch", "--latest", "--output", "json")
    begun = in_a_pipe(account.operator, "watch", execution[:8].upper(), "--output", "json")

    assert json.loads(latest.text)["AutomationExecutionId"] == execution
    assert json.loads(begun.text) == json.loads(latest.text)


def test_rerun_starts_the_same_again_but_what_is_given(account: Account) -> None:
    one, two = account.allowed(2)
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", one)
    first = account.runs()[0]["AutomationExecutionId"]

    again = in_a_pipe(account.operator, "rerun", first, "--output", "json")
    other = in_a_pipe(account.operator, "rerun", first, "--instance-id", two, "--output", "json")

    assert json.loads(again.text)["AutomationExecutionId"] != first
    assert json.loads(again.text)["Parameters"] == {"InstanceId": [one]}
    assert json.loads(other.text)["Parameters"] == {"InstanceId": [two]}


def test_run_of_many_targets_is_not_run_again_as_one(account: Account) -> None:
    (instance,) = account.allowed()
    started = account.client("ssm").start_automation_execution(
        DocumentName=RESTART,
        TargetParameterName="InstanceId",
        Targets=[{"Key": "ParameterValues", "Values": [instance]}],
    )

    refused = in_a_pipe(account.root, "rerun", started["AutomationExecutionId"], status=2)

    assert (
        "was started with TargetParameterName, Targets, which this command does" in refused.errors
    )


def test_reason_of_a_run_is_not_given_again(account: Account) -> None:
    parameters = {"Reason": {"type": "String"}}
    step = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    account.runbook("Asks-Why", step, parameters=parameters)
    in_a_pipe(account.root, "run", "Asks-Why", "--reason", "OPS-17", _OWN)
    first = account.runs()[0]["AutomationExecutionId"]

    refused = in_a_pipe(account.root, "rerun", first, _OWN, status=2)

    assert "--reason is missing (String)" in refused.errors


def test_history_shows_targets_and_finds_by_starter_and_status_in_any_case(
    account: Account,
) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.root, "run", RESTART, "--instance-id", instance)
    filters = ("--all", "--by", "ROOT", "--status", "success", "--since", "1h", "--until", "0m")

    printed = in_a_pipe(
        account.operator, *("history", *filters, "--targets", "--limit", "1", "--output", "json")
    )

    (run,) = json.loads(printed.text)
    assert run["Parameters"] == {"InstanceId": [instance]}
    assert run["ExecutedBy"] == "arn:aws:iam::000000000000:root"


def test_without_a_command_a_terminal_offers_the_runbooks(account: Account) -> None:
    (instance,) = account.allowed()

    printed = on_a_terminal(
        account.operator,
        answers=[("run which?", "2\n"), ("\n>", f"{instance}\n"), ("[y/N]", "y\n")],
    )

    heading, first, *_ = printed.text.splitlines()
    assert heading == "number  runbook                  description"
    assert first.startswith(
        "1       Backup-EC2Instance       Makes an image (AMI) of an EC2 instance,"
    )
    assert f"Success: {RESTART}, version 1" in printed.text


def test_ctrl_c_before_a_start_says_that_nothing_was_started(account: Account) -> None:
    printed = on_a_terminal(account.operator, "run", RESTART, answers=[("\n>", "\x03")], status=130)

    assert printed.text.endswith("stopped by Ctrl-C: nothing was started")


def test_version_is_that_of_the_program(account: Account) -> None:
    for arguments in (("--version",), ("run", "--version")):
        assert re.fullmatch(r"operate \d+\.\d+\.\d+\n", in_a_pipe({}, *arguments).text)


def test_unreachable_endpoint_is_reported_soon(account: Account) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"

        printed = in_a_pipe(account.operator, "list", "--endpoint-url", endpoint, status=2)

    assert "EndpointConnectionError: Could not connect to the endpoint URL" in printed.errors
    assert "cause: AWS could not be reached" in printed.errors


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("operate ", {"approvals", "run", "rerun", "history"}),
        ("operate run Res", {RESTART}),
        (f"operate run {RESTART} --inst", {"--instance-id"}),
        (f"operate --region us-east-1 run {RESTART} --inst", {"--instance-id"}),
        ("operate history --st", {"--status"}),
        ('operate approve x --comment "as', set()),
    ],
)
def test_shells_complete_commands_runbooks_and_their_parameters(
    account: Account, line: str, expected: set[str]
) -> None:
    assert expected <= _completed(account, line)


def test_shells_complete_ids(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance)

    assert account.runs()[0]["AutomationExecutionId"] in _completed(account, "operate watch ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_a_shell_runs(account: Account, shell: str) -> None:
    assert "_ARGCOMPLETE" in in_a_pipe({}, "completion", shell).text


def _completed(account: Account, line: str) -> set[str]:
    """What a shell would offer after a line."""
    read, write = os.pipe()
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": f"/dev/fd/{write}",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run(
        [sys.executable, "-m", "operate"],
        env={**base(), **account.operator, **asked},
        pass_fds=[write],
        check=True,
    )
    os.close(write)
    with os.fdopen(read) as offered:
        return {word.strip() for word in offered.read().split("\n")}
