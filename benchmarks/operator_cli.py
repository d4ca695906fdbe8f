"""The operator CLI and the audit, in accounts that are filled first."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchmarks.automation_trust import AUTOMATION_TRUST
from benchmarks.measure import Command
from benchmarks.projects import PROJECT, RUNBOOK
from sandbox import Sandbox

LISTED, RUNS, FEW_RUNS, EVENTS_A_RUN = 200, 1000, 100, 10
_ELSEWHERE = "eu-west-1"
_ONE_CALL = (
    f"import boto3; ssm = boto3.Session(region_name={_ELSEWHERE!r}).client('ssm'); "
    "ssm.list_documents(Filters=[{'Key': 'Owner', 'Values': ['Self']}])"
)
_TAGS = [
    {"Key": "ServiceRole", "Value": "Role"},
    {"Key": "Description", "Value": "Restart EC2 instances=28s=29"},
]


@contextmanager
def account_of_an_operator() -> Iterator[tuple[Command, Command, Command, Command]]:
    """``list`` of many runbooks, a run until its first step is shown, ``list`` of one runbook in
    another Region, and what that needs of boto3: a client and a call."""
    with Sandbox() as sandbox:
        ssm, ec2 = sandbox.client("ssm"), sandbox.client("ec2")
        content = (PROJECT / "documents" / f"{RUNBOOK}.json").read_text("utf-8")
        for number in range(LISTED):
            ssm.create_document(
                Name=f"{RUNBOOK}{number}", DocumentType="Automation", Content=content, Tags=_TAGS
            )
        sandbox.client("ssm", region=_ELSEWHERE).create_document(
            Name=RUNBOOK, DocumentType="Automation", Content=content, Tags=_TAGS
        )
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
        instance = launched["Instances"][0]["InstanceId"]
        environment = sandbox.environment()
        yield (
            _operate("list", environment, "list"),
            Command(
                name="first step",
                arguments=(
                    *(sys.executable, "-m", "benchmarks.operator_cli"),
                    *("run", f"{RUNBOOK}0", "--instance-id", instance, "--allow-own-permissions"),
                ),
                folder=PROJECT,
                environment=environment,
            ),
            _operate("list of one", environment, "list", "--region", _ELSEWHERE),
            Command(
                name="one call",
                arguments=(sys.executable, "-c", _ONE_CALL),
                folder=PROJECT,
                environment=environment,
            ),
        )


@contextmanager
def account_with_runs(count: int) -> Iterator[Command]:
    """The audit of so many runs, each of ten events."""
    with Sandbox() as sandbox:
        iam, ssm = sandbox.client("iam"), sandbox.client("ssm")
        role = iam.create_role(
            RoleName="Role", AssumeRolePolicyDocument=json.dumps(AUTOMATION_TRUST)
        )
        grant = {"Effect": "Allow", "Action": "ec2:DescribeInstanceStatus", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
        iam.put_role_policy(RoleName="Role", PolicyName="Own", PolicyDocument=policy)
        api = {"Service": "ec2", "Api": "DescribeInstanceStatus"}
        steps = [
            {"name": f"look{number}", "action": "aws:executeAwsApi", "inputs": api}
            for number in range(EVENTS_A_RUN - 2)  # beside the start and the role's assumption
        ]
        content = {
            "schemaVersion": "0.3",
            "assumeRole": role["Role"]["Arn"],
            "mainSteps": steps,
        }
        ssm.create_document(
            Name="Look", DocumentType="Automation", Content=json.dumps(content), Tags=_TAGS
        )
        with ThreadPoolExecutor(4) as starters:
            list(starters.map(lambda _: _start(ssm), range(count)))
        _wait_for_the_last(ssm)
        yield _operate(f"audit {count}", sandbox.environment(), "audit", "--output", "csv")


def _start(ssm: Any) -> None:
    ssm.start_automation_execution(DocumentName="Look")


def _wait_for_the_last(ssm: Any) -> None:
    """Each question is an event as well: there are few."""
    under_way = [{"Key": "ExecutionStatus", "Values": ["InProgress"]}]
    while ssm.describe_automation_executions(Filters=under_way)["AutomationExecutionMetadataList"]:
        time.sleep(2)


def _operate(name: str, environment: dict[str, str], *arguments: str) -> Command:
    return Command(
        name=name,
        arguments=(sys.executable, "-m", "operate", *arguments),
        folder=PROJECT,
        environment=environment,
    )


def _until_the_first_step(arguments: list[str]) -> int:
    """Runs the operator CLI until it has printed a step, and stops it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "operate", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "aws:changeInstanceState" in line:
            process.kill()
            process.wait()
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(_until_the_first_step(sys.argv[1:]))
