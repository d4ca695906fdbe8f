"""What the operator CLI shows of a fleet: before the start, while it runs, and after a kill."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from delegation.model import Approval, Fleet, IamUser, ServiceRole
from operate.executions.targets import Progress
from sandbox import Sandbox
from tests.operate.proxy import THROTTLED, Handler, proxied
from tests.operate.terminal import base, in_a_pipe, on_a_terminal
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import RUNBOOK, deployment

_REGION = "us-east-1"
_FLEET = Fleet(
    name="WebTier",
    runbook=RUNBOOK,
    instances_tagged=("Tier", "web"),
    at_once=2,
    errors_allowed=1,
    alarm="web-5xx",
    approval=Approval(by=(IamUser("lead"),)),
)
_WANTED = deployment(
    operators=(IamUser("alice"),),
    service_roles=(ServiceRole(name="AutomationServiceRole", fleets=(_FLEET,)),),
)


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account of the module's own, with the fleet and three instances of its tag."""
    with Sandbox() as running:
        for stack in ("AdministrationStack", "RunbooksStack"):
            deploy(running, _REGION, stack, _WANTED)
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "web"}]}]
        running.client("ec2").run_instances(
            ImageId="ami-12345678", MinCount=3, MaxCount=3, TagSpecifications=tags
        )
        yield running


_NO = [("[y/N]", "n\n")]


@pytest.mark.sandbox
def test_start_shows_what_the_fleet_does_and_what_is_not_known(account: Sandbox) -> None:
    keys = account.client("iam").create_access_key(UserName="alice")["AccessKey"]

    shown = on_a_terminal(account.environment(keys), "run", "WebTier", answers=_NO, status=2).text

    plain = " ".join(shown.split())
    assert "2 at once, while the alarm web-5xx is OK" in plain
    assert "approval by at least 1 of lead" in plain
    assert "WebTier-Target for each of tag:Tier=web, 2 at once, until more than 1 failed" in plain
    assert (
        "what matches tag:Tier=web now is not known: you may not ask (ec2:DescribeInstances)"
    ) in plain
    assert "nothing was done" in plain


@pytest.mark.sandbox
def test_start_shows_which_instances_match_to_those_who_may_ask(account: Sandbox) -> None:
    shown = on_a_terminal(account.environment(), "run", "WebTier", answers=_NO, status=2).text

    ids = [
        instance["InstanceId"]
        for reservation in account.client("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]
    plain = " ".join(shown.split())
    assert f"EC2 instances with tag:Tier=web now: {', '.join(sorted(ids))} (3)" in plain


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (Progress(60, 41, 1, 2), "targets: 41 of 60 done, 1 failed, 2 running, 17 waiting"),
        (Progress(60, 0, 0, 10), "targets: 0 of 60 done, 10 running, 50 waiting"),
        (Progress(60, 60, 0, 0), "targets: 60 of 60 done"),
    ],
)
def test_progress_counts_what_is_done_failed_running_and_waiting(
    progress: Progress, shown: str
) -> None:
    assert str(progress) == shown


@pytest.fixture(scope="module")
def many(account: Sandbox) -> str:
    """A runbook that runs another one for forty instances, ten at a time, of which some fail."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "many"}]}]
    account.client("ec2").run_instances(
        ImageId="ami-12345678", MinCount=40, MaxCount=40, TagSpecifications=tags
    )
    ssm = account.client("ssm")
    field = {"type": "String", "allowedPattern": "i-.*[0-9a-e]"}
    contents: dict[str, Any] = {
        "Leaf": {
            "parameters": {"InstanceId": field},
            "mainSteps": [{"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
        },
        "Many": {
            "mainSteps": [
                {
                    "name": "all",
                    "action": "aws:executeAutomation",
                    "inputs": {
                        "DocumentName": "Leaf",
                        "TargetParameterName": "InstanceId",
                        "Targets": [{"Key": "tag:Tier", "Values": ["many"]}],
                        "MaxConcurrency": "10",
                        "MaxErrors": "40",
                    },
                }
            ]
        },
    }
    for name, content in contents.items():
        text = json.dumps({"schemaVersion": "0.3", **content})
        ssm.create_document(Name=name, DocumentType="Automation", Content=text)
    return "Many"


@pytest.mark.sandbox
def test_fleet_goes_on_where_its_watcher_is_killed_and_every_third_call_is_throttled(
    account: Sandbox, many: str
) -> None:
    with proxied(account) as proxy:
        through = [Handler.pass_on, Handler.pass_on, THROTTLED]
        for call in ("GetAutomationExecution", "DescribeAutomationExecutions"):
            proxy.faults[call] = through * 200
        environment = {**account.environment(), "AWS_ENDPOINT_URL": proxy.url}
        command = [sys.executable, "-m", "operate", "run", many, "--yes"]
        with subprocess.Popen(
            [*command, "--allow-own-permissions"],
            env={**base(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as running:
            assert running.stdout is not None
            id_ = running.stdout.readline().split()[1]
            while "targets: " not in running.stdout.readline():
                assert running.poll() is None
            running.send_signal(signal.SIGKILL)

        watched = in_a_pipe(environment, "watch", id_)

    counted = [line.strip() for line in watched.text.splitlines() if "targets: " in line]
    assert "targets: 40 of 40 done" in counted[-1]
    children = account.client("ssm").describe_automation_executions(
        Filters=[{"Key": "DocumentNamePrefix", "Values": ["Leaf"]}], MaxResults=50
    )["AutomationExecutionMetadataList"]
    targets = [each["Target"] for each in children if "Target" in each]
    assert len(targets) == len(set(targets)) == 40
