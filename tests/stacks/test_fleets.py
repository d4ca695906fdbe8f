"""Fleets: two documents and a role, at a rate that nobody who starts them can change."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.model import Approval, Deployment, IamUser, ServiceRole
from sandbox import Sandbox
from tests.clone import PROJECT
from tests.sandbox.alarms import put_alarm
from tests.stacks.deployed import deploy, remove
from tests.stacks.fleet import FLEET, LOCK, NAME, ROLE, TARGET, WANTED
from tests.stacks.synthesis import RUNBOOK, deployment, policy, resources, template

_REGION = "eu-central-1"
_SSM = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:"


def _documents(wanted: Deployment) -> dict[str, dict[str, Any]]:
    stack = template("RunbooksStack", wanted)
    return {found["Name"]: found for found in resources(stack, "AWS::SSM::Document")}


def test_fleet_takes_no_parameter_and_has_its_targets_and_rate() -> None:
    fleet = _documents(WANTED)[NAME]

    assert fleet["Content"] == {
        "schemaVersion": "0.3",
        "description": f"Runs {RUNBOOK} for every target, 2 at once, while the alarm web-5xx is OK",
        "assumeRole": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{ROLE}"},
        "mainSteps": [
            {
                "name": "takeLock",
                "action": "aws:executeAwsApi",
                "onFailure": "Abort",
                "onCancel": "step:assertLockIsOwn",
                "inputs": {
                    "Service": "ssm",
                    "Api": "PutParameter",
                    "Name": LOCK,
                    "Value": "{{ automation:EXECUTION_ID }}",
                    "Type": "String",
                },
            },
            {
                "name": "runTargets",
                "action": "aws:executeAutomation",
                "timeoutSeconds": 7200,
                "onFailure": "step:awaitTargets",
                "onCancel": "step:awaitTargets",
                "inputs": {
                    "DocumentName": TARGET,
                    "TargetParameterName": "InstanceId",
                    "Targets": [{"Key": "tag:Tier", "Values": ["web"]}],
                    "MaxConcurrency": "2",
                    "MaxErrors": "1",
                },
            },
            {
                "name": "awaitTargets",
                "action": "aws:waitForAwsResourceProperty",
                "timeoutSeconds": 7200,
                "onFailure": "Abort",
                "inputs": {
                    "Service": "ssm",
                    "Api": "DescribeAutomationExecutions",
                    "Filters": [
                        {
                            "Key": "ParentExecutionId",
                            "Values": ["{{ automation:EXECUTION_ID }}"],
                        }
                    ],
                    "PropertySelector": (
                        "$.AutomationExecutionMetadataList[0].AutomationExecutionStatus"
                    ),
                    "DesiredValues": [
                        *("Success", "CompletedWithSuccess", "Failed", "TimedOut"),
                        *("CompletedWithFailure", "Exited", "Cancelled", "Rejected"),
                    ],
                },
            },
            {
                "name": "assertLockIsOwn",
                "action": "aws:assertAwsResourceProperty",
                "onFailure": "Abort",
                "inputs": {
                    "Service": "ssm",
                    "Api": "GetParameter",
                    "Name": LOCK,
                    "PropertySelector": "$.Parameter.Value",
                    "DesiredValues": ["{{ automation:EXECUTION_ID }}"],
                },
            },
            {
                "name": "releaseLock",
                "action": "aws:executeAwsApi",
                "onFailure": "Abort",
                "inputs": {"Service": "ssm", "Api": "DeleteParameter", "Name": LOCK},
            },
        ],
    }


def test_document_of_a_target_is_the_runbooks_for_one_after_the_alarm() -> None:
    limited = replace(
        WANTED.service_roles[0], runbooks=(RUNBOOK,), approval=Approval(by=(IamUser("lead"),))
    )
    with_approval = deployment(operators=(IamUser("alice"),), service_roles=(limited,))
    found = _documents(with_approval)
    leaf, target = found[RUNBOOK]["Content"], found[TARGET]

    alarm, *steps = target["Content"]["mainSteps"]
    assert alarm == {
        "name": "assertFleetAlarmIsOk",
        "action": "aws:assertAwsResourceProperty",
        "onFailure": "Abort",
        "inputs": {
            "Service": "cloudwatch",
            "Api": "DescribeAlarms",
            "AlarmNames": ["web-5xx"],
            "PropertySelector": "$.MetricAlarms[0].StateValue",
            "DesiredValues": ["OK"],
        },
    }
    assert steps == leaf["mainSteps"][1:]
    assert target["Content"]["assumeRole"] == leaf["assumeRole"]
    assert target["Content"]["parameters"]["InstanceId"] == {
        **leaf["parameters"]["InstanceId"],
        "maxItems": 1,
    }
    assert {"Key": "Fleet", "Value": NAME} in target["Tags"]
    assert target["TargetType"] == "/AWS::EC2::Instance"


def test_fleets_role_starts_the_targets_document_and_touches_no_target() -> None:
    stack = template("AdministrationStack", WANTED)
    found = policy(stack, f"{ROLE}Boundary")["PolicyDocument"]["Statement"]

    granted = {
        (action, resource if isinstance(resource, str) else resource["Fn::Sub"])
        for statement in found
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    start, lock = "ssm:StartAutomationExecution", f"{_SSM}parameter{LOCK}"
    assert granted == {
        (start, f"{_SSM}document/{TARGET}"),
        (start, f"{_SSM}automation-definition/{TARGET}:*"),
        (start, f"{_SSM}automation-execution/*"),
        ("ssm:GetAutomationExecution", f"{_SSM}automation-execution/*"),
        ("ssm:DescribeAutomationExecutions", "*"),
        ("tag:GetResources", "*"),
        *((f"ssm:{call}Parameter", lock) for call in ("Put", "Get", "Delete")),
    }


def test_fleets_of_one_runbook_have_their_own_documents_and_outputs() -> None:
    second = replace(FLEET, name="Database", instances_tagged=("Tier", ("db", "cache")))
    role = ServiceRole(name="AutomationServiceRole", fleets=(FLEET, second))
    stack = template("RunbooksStack", deployment(service_roles=(role,)))

    names = {found["Name"] for found in resources(stack, "AWS::SSM::Document")}
    assert names == {NAME, TARGET, "Database", "Database-Target"}
    assert {name for name in stack["Outputs"] if name.startswith("Run")} == {
        "RunWebTier",
        "RunDatabase",
    }


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[list[str]]:
    """The Region in which the fleet stands, with six instances of its tag: their ids."""
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, _REGION, stack, WANTED)
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "web"}]}]
    made = sandbox.client("ec2", region=_REGION).run_instances(
        ImageId="ami-12345678", MinCount=6, MaxCount=6, TagSpecifications=tags
    )["Instances"]
    ids = [each["InstanceId"] for each in made]
    yield ids
    sandbox.client("ec2", region=_REGION).terminate_instances(InstanceIds=ids)
    iam = sandbox.client("iam")
    for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, _REGION, stack)


class _Story:
    """An operator, and the account as its administrator sees it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.keys = sandbox.client("iam").create_access_key(UserName="alice")["AccessKey"]
        self.alice = sandbox.client("ssm", self.keys, region=_REGION)
        self.ssm = sandbox.client("ssm", region=_REGION)
        self.alarms = sandbox.client("cloudwatch", region=_REGION)

    def alarm(self, state: str) -> None:
        """Puts the fleet's alarm, and its state."""
        put_alarm(self.alarms, "web-5xx", state)

    def start(self) -> str:
        answer = self.alice.start_automation_execution(DocumentName=NAME)
        return str(answer["AutomationExecutionId"])

    def ended(self, id_: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while True:
            found: dict[str, Any] = self.ssm.get_automation_execution(AutomationExecutionId=id_)[
                "AutomationExecution"
            ]
            if found["AutomationExecutionStatus"] in ("Success", "Failed", "Cancelled", "TimedOut"):
                return found
            assert time.monotonic() < deadline, found

    def children(self, id_: str) -> list[dict[str, Any]]:
        filters = [{"Key": "ParentExecutionId", "Values": [id_]}]
        found: list[dict[str, Any]] = self.ssm.describe_automation_executions(Filters=filters)[
            "AutomationExecutionMetadataList"
        ]
        return found

    def targets(self, id_: str) -> list[dict[str, Any]]:
        """The executions of the targets of a fleet's execution."""
        parents = [parent["AutomationExecutionId"] for parent in self.children(id_)]
        return [child for parent in parents for child in self.children(parent)]

    def operate(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **self._sandbox.environment(self.keys),
            "PYTHONPATH": str(PROJECT),
        }
        return subprocess.run(
            [sys.executable, "-m", "operate", *words, "--region", _REGION],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.sandbox
def test_operator_runs_a_fleet_and_can_neither_widen_nor_multiply_it(
    sandbox: Sandbox, deployed: list[str]
) -> None:
    story = _Story(sandbox)
    story.alarm("OK")

    ended = story.ended(story.start())

    assert ended["AutomationExecutionStatus"] == "Success", ended.get("FailureMessage")
    found = story.targets(ended["AutomationExecutionId"])
    assert sorted(each["Target"] for each in found) == sorted(deployed)
    assert story.ssm.describe_parameters()["Parameters"] == []
    described = story.operate("describe", NAME)
    limit = f"{TARGET} for each of tag:Tier=web, 2 at once, until more than 1 failed"
    assert limit in described.stdout
    followed = story.operate("run", NAME, "--yes")
    assert followed.returncode == 0, followed.stderr
    assert "targets: 6 of 6 done" in followed.stdout
    listed = story.operate("list")
    assert NAME in listed.stdout
    assert TARGET not in listed.stdout
    targets = [{"Key": "ParameterValues", "Values": deployed}]
    refused: dict[str, Callable[[], Any]] = {
        "AccessDeniedException": lambda: story.alice.start_automation_execution(
            DocumentName=TARGET, Parameters={"InstanceId": deployed[:1]}
        ),
        "InvalidAutomationExecutionParametersException": (
            lambda: story.alice.start_automation_execution(
                DocumentName=NAME, TargetParameterName="InstanceId", Targets=targets
            )
        ),
    }
    for code, call in refused.items():
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code


@pytest.mark.sandbox
def test_fleet_stops_after_too_many_failures_and_gives_its_lock_back(
    sandbox: Sandbox, deployed: list[str]
) -> None:
    story = _Story(sandbox)
    story.alarm("ALARM")

    ended = story.ended(story.start())

    assert ended["AutomationExecutionStatus"] == "Failed"
    statuses = [each["StepStatus"] for each in ended["StepExecutions"]]
    assert statuses == ["Success", "Failed", "Success", "Success", "Success"]
    found = story.targets(ended["AutomationExecutionId"])
    assert 2 <= len(found) <= 3  # the second failure ends it, and one may run beside it
    followed = story.operate("run", NAME, "--yes")
    assert followed.returncode != 0
    assert re.search(r"targets: \d of 6 done, \d failed", followed.stdout)
    assert re.search(r"target i-[0-9a-f]+: Failed in run [0-9a-f-]{36}", followed.stdout)
    states = sandbox.client("ec2", region=_REGION).describe_instances(InstanceIds=deployed)
    assert {
        instance["State"]["Name"]
        for reservation in states["Reservations"]
        for instance in reservation["Instances"]
    } == {"running"}
    assert story.ssm.describe_parameters()["Parameters"] == []


@pytest.mark.sandbox
def test_second_start_ends_at_once_and_leaves_the_lock(
    sandbox: Sandbox, deployed: list[str]
) -> None:
    story = _Story(sandbox)
    story.alarm("OK")
    story.ssm.put_parameter(Name=LOCK, Value="another-execution", Type="String")
    try:
        ended = story.ended(story.start())
        kept = story.ssm.get_parameter(Name=LOCK)["Parameter"]["Value"]
    finally:
        story.ssm.delete_parameter(Name=LOCK)

    assert ended["AutomationExecutionStatus"] == "Failed"
    assert "ParameterAlreadyExists" in ended["FailureMessage"]
    assert story.children(ended["AutomationExecutionId"]) == []
    assert kept == "another-execution"


@pytest.mark.sandbox
def test_stopped_fleet_stops_its_targets_and_gives_its_lock_back(
    sandbox: Sandbox, deployed: list[str]
) -> None:
    story = _Story(sandbox)
    story.alarm("OK")
    id_ = story.start()
    deadline = time.monotonic() + 60
    while not story.targets(id_):
        assert time.monotonic() < deadline

    story.ssm.stop_automation_execution(AutomationExecutionId=id_)

    assert story.ended(id_)["AutomationExecutionStatus"] == "Cancelled"
    assert len(story.targets(id_)) < len(deployed)
    assert story.ssm.describe_parameters()["Parameters"] == []
