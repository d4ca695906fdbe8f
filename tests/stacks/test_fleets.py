"""Fleets: two documents and a role, at a rate that nobody who starts them can change."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.model import Approval, Deployment, Fleet, IamUser, ServiceRole
from review.access_review import Review, review
from review.diff.changes import change
from review.iam.engine import Engine
from review.templates.assembly import Template, given_environment, read_templates
from sandbox import Sandbox
from tests.clone import PROJECT
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, policy, resources, template

_NAME, _TARGET, _ROLE = "WebTier", "WebTier-Target", "WebTier-FleetRole"
_LOCK = "/delegation/fleets/WebTier"
_FLEET = Fleet(
    name=_NAME,
    runbook=RUNBOOK,
    instances_tagged=("Tier", "web"),
    at_once=2,
    errors_allowed=1,
    alarm="web-5xx",
)
_WANTED: Deployment = deployment(
    operators=(IamUser("alice"),),
    service_roles=(ServiceRole(name="AutomationServiceRole", fleets=(_FLEET,)),),
)
_SSM = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:"


def _with(**changes: Any) -> Deployment:
    """The deployment with a fleet of other fields."""
    role = ServiceRole(name="AutomationServiceRole", fleets=(replace(_FLEET, **changes),))
    return deployment(operators=(IamUser("alice"),), service_roles=(role,))


def _documents(wanted: Deployment) -> dict[str, dict[str, Any]]:
    stack = template("RunbooksStack", wanted)
    return {found["Name"]: found for found in resources(stack, "AWS::SSM::Document")}


def test_fleet_takes_no_parameter_and_has_its_targets_and_rate() -> None:
    fleet = _documents(_WANTED)[_NAME]

    assert fleet["Content"] == {
        "schemaVersion": "0.3",
        "description": f"Runs {RUNBOOK} for every target, 2 at once, while the alarm web-5xx is OK",
        "assumeRole": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{_ROLE}"},
        "mainSteps": [
            {
                "name": "takeLock",
                "action": "aws:executeAwsApi",
                "onFailure": "Abort",
                "onCancel": "step:assertLockIsOwn",
                "inputs": {
                    "Service": "ssm",
                    "Api": "PutParameter",
                    "Name": _LOCK,
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
                    "DocumentName": _TARGET,
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
                    "Name": _LOCK,
                    "PropertySelector": "$.Parameter.Value",
                    "DesiredValues": ["{{ automation:EXECUTION_ID }}"],
                },
            },
            {
                "name": "releaseLock",
                "action": "aws:executeAwsApi",
                "onFailure": "Abort",
                "inputs": {"Service": "ssm", "Api": "DeleteParameter", "Name": _LOCK},
            },
        ],
    }


def test_document_of_a_target_is_the_runbooks_for_one_after_the_alarm() -> None:
    limited = replace(
        _WANTED.service_roles[0], runbooks=(RUNBOOK,), approval=Approval(by=(IamUser("lead"),))
    )
    with_approval = deployment(operators=(IamUser("alice"),), service_roles=(limited,))
    found = _documents(with_approval)
    leaf, target = found[RUNBOOK]["Content"], found[_TARGET]

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
    assert {"Key": "Fleet", "Value": _NAME} in target["Tags"]
    assert target["TargetType"] == "/AWS::EC2::Instance"


def test_fleets_role_starts_the_targets_document_and_touches_no_target() -> None:
    stack = template("AdministrationStack", _WANTED)
    found = policy(stack, f"{_ROLE}Boundary")["PolicyDocument"]["Statement"]

    granted = {
        (action, resource if isinstance(resource, str) else resource["Fn::Sub"])
        for statement in found
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    start, lock = "ssm:StartAutomationExecution", f"{_SSM}parameter{_LOCK}"
    assert granted == {
        (start, f"{_SSM}document/{_TARGET}"),
        (start, f"{_SSM}automation-definition/{_TARGET}:*"),
        (start, f"{_SSM}automation-execution/*"),
        ("ssm:GetAutomationExecution", f"{_SSM}automation-execution/*"),
        ("ssm:DescribeAutomationExecutions", "*"),
        ("tag:GetResources", "*"),
        *((f"ssm:{call}Parameter", lock) for call in ("Put", "Get", "Delete")),
    }


def test_fleets_of_one_runbook_have_their_own_documents_and_outputs() -> None:
    second = replace(_FLEET, name="Database", instances_tagged=("Tier", ("db", "cache")))
    role = ServiceRole(name="AutomationServiceRole", fleets=(_FLEET, second))
    stack = template("RunbooksStack", deployment(service_roles=(role,)))

    names = {found["Name"] for found in resources(stack, "AWS::SSM::Document")}
    assert names == {_NAME, _TARGET, "Database", "Database-Target"}
    assert {name for name in stack["Outputs"] if name.startswith("Run")} == {
        "RunWebTier",
        "RunDatabase",
    }


def _reviewed(folder: Path, old: str = "", new: str = "", wanted: Deployment = _WANTED) -> Review:
    """The review of the templates, with a text replaced."""
    app_of(wanted, folder=folder).synth()
    templates = read_templates(folder, given_environment())
    if old and not any(old in json.dumps(each.body) for each in templates):
        pytest.fail(f"{old} is in no template")
    changed = [
        replace(each, body=json.loads(json.dumps(each.body).replace(old, new))) if old else each
        for each in templates
    ]
    with Engine() as engine:
        return review(engine, tuple(changed))


@pytest.mark.parametrize(
    "wanted",
    [
        _WANTED,
        _with(instances_tagged=None, resource_group="web", one_at_a_time=False, alarm=None),
        deployment(
            operators=(IamUser("alice"),),
            account="111122223333",
            regions=("eu-west-1", "us-east-1"),
            own_executions=True,
            authors=("arn:aws:iam::111122223333:role/Author",),
            service_roles=(
                ServiceRole(
                    name="AutomationServiceRole",
                    runbooks=(RUNBOOK,),
                    only_instances_tagged=("Access", "restart"),
                    at_most_instances=3,
                    require_reason=True,
                    approval=Approval(by=(IamUser("lead"),)),
                    fleets=(
                        replace(
                            _FLEET,
                            instances_tagged=None,
                            approval=Approval(by=(IamUser("boss"),)),
                            calendar="Nights",
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_review_proves_that_nothing_goes_around_a_fleet(tmp_path: Path, wanted: Deployment) -> None:
    reviewed = _reviewed(tmp_path, wanted=wanted)

    assert not reviewed.violated
    (account,) = reviewed.accounts
    ids = {invariant.id for invariant in account.invariants}
    assert {
        "fleets-alone-start-their-targets",
        "fleets-take-no-parameters",
        "fleet-roles-start-their-targets-alone",
        "fleets-run-their-targets-once",
    } <= ids


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        (
            f"document/{_NAME}",
            f"document/{_TARGET}",
            "fleets-alone-start-their-targets",
        ),
        (f"document/{_NAME}", "document/*", "fleets-alone-start-their-targets"),
        (
            '"Key": "Fleet"',
            '"Key": "Other"',
            "operators-start-approved-runbooks",
        ),
        (
            f'"DocumentName": "{_TARGET}"',
            '"DocumentName": "Another"',
            "fleets-alone-start-their-targets",
        ),
        (
            f"document/{_TARGET}",
            "document/*",
            "fleet-roles-start-their-targets-alone",
        ),
        (
            '"schemaVersion": "0.3", "description": "Runs ',
            '"schemaVersion": "0.3", "parameters": {"Who": {"type": "String"}}, '
            '"description": "Runs ',
            "fleets-take-no-parameters",
        ),
        ("tag:GetResources", "ec2:StopInstances", f"{_ROLE}-does-what-runbooks-need"),
        (
            '"name": "assertFleetAlarmIsOk", "action": "aws:assertAwsResourceProperty", '
            '"onFailure": "Abort"',
            '"name": "assertFleetAlarmIsOk", "action": "aws:assertAwsResourceProperty", '
            '"onFailure": "Continue"',
            "runbooks-begin-with-their-limits",
        ),
        (
            '"DesiredValues": ["OK"]',
            '"DesiredValues": ["OK", "ALARM"]',
            "runbooks-begin-with-their-limits",
        ),
    ],
)
def test_mutant_of_a_fleet_is_killed(tmp_path: Path, old: str, new: str, violated: str) -> None:
    reviewed = _reviewed(tmp_path, old, new)

    assert violated in {invariant.id for invariant in reviewed.violated}


def _steps(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda content: change(content["mainSteps"])


def _inputs(**more: Any) -> Callable[[dict[str, Any]], Any]:
    return _steps(lambda steps: steps[1]["inputs"].update(more))


_ANOTHER_RUN = {
    "name": "again",
    "action": "aws:executeAutomation",
    "inputs": {"DocumentName": _TARGET, "RuntimeParameters": {"InstanceId": ["i-1"]}},
}
_ANOTHER_START = {
    "name": "again",
    "action": "aws:executeAwsApi",
    "inputs": {
        "Service": "ssm",
        "Api": "StartAutomationExecution",
        "DocumentName": _TARGET,
        "TargetParameterName": "InstanceId",
        "Targets": [{"Key": "tag:Tier", "Values": ["prod"]}],
    },
}
_DEVIATING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a second run": _steps(lambda steps: steps.insert(2, _ANOTHER_RUN)),
    "a start by the API": _steps(lambda steps: steps.insert(2, _ANOTHER_START)),
    "other accounts": _inputs(TargetLocations=[{"Accounts": ["r-1"], "Regions": ["us-east-1"]}]),
    "an old version": _inputs(DocumentVersion="1"),
    "targets from elsewhere": _inputs(MaxConcurrency="{{ takeLock.Version }}"),
    "attempts": _steps(lambda steps: steps[1].update(maxAttempts=10)),
    "a run that begins again": _steps(lambda steps: steps[1].update(nextStep="runTargets")),
    "a lock that is overwritten": _steps(lambda steps: steps[0]["inputs"].update(Overwrite=True)),
    "a lock that need not be taken": _steps(lambda steps: steps[0].update(onFailure="Continue")),
    "an end after the lock": _steps(lambda steps: steps[0].update(isEnd=True)),
    "a lock that is given back before": _steps(lambda steps: steps.insert(1, steps.pop())),
    "a lock that does not wait": _steps(lambda steps: steps.pop(2)),
    "no lock": _steps(lambda steps: steps.pop(0)),
}


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, ...]:
    """The templates of the fleet."""
    folder = tmp_path_factory.mktemp("fleet") / "assembly"
    app_of(_WANTED, folder=folder).synth()
    return read_templates(folder, given_environment())


def _changed(
    templates: tuple[Template, ...], change: Callable[[dict[str, Any]], Any]
) -> tuple[Template, ...]:
    """The templates with the content of the fleet's document changed."""
    found = []
    for each in templates:
        body = json.loads(json.dumps(each.body))
        for resource in body["Resources"].values():
            if resource.get("Properties", {}).get("Name") == _NAME:
                change(resource["Properties"]["Content"])
        found.append(replace(each, body=body))
    return tuple(found)


@pytest.mark.parametrize("case", _DEVIATING)
def test_fleet_of_another_form_is_a_violation(synthesized: tuple[Template, ...], case: str) -> None:
    with Engine() as engine:
        reviewed = review(engine, _changed(synthesized, _DEVIATING[case]))

    assert "fleets-run-their-targets-once" in {invariant.id for invariant in reviewed.violated}


_RATES: dict[str, tuple[Callable[[dict[str, Any]], Any], bool]] = {
    "more at once": (_inputs(MaxConcurrency="3"), True),
    "a percentage at once": (_inputs(MaxConcurrency="1%"), True),
    "fewer at once": (_inputs(MaxConcurrency="1"), False),
    "more errors": (_inputs(MaxErrors="2"), True),
    "fewer errors": (_inputs(MaxErrors="0"), False),
    "other targets": (_inputs(Targets=[{"Key": "tag:Tier", "Values": ["web", "db"]}]), True),
    "another parameter": (_inputs(TargetParameterName="Other"), True),
    "other values": (_inputs(RuntimeParameters={"Mode": ["fast"]}), True),
}


@pytest.mark.parametrize("case", _RATES)
def test_wider_rate_or_scope_is_a_gain(synthesized: tuple[Template, ...], case: str) -> None:
    change_, is_gain = _RATES[case]
    with Engine() as engine:
        before = review(engine, synthesized)
        after = review(engine, _changed(synthesized, change_))

    assert bool(change(before, after).gains) is is_gain


_REGION = "eu-central-1"


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[list[str]]:
    """The Region in which the fleet stands, with six instances of its tag: their ids."""
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, _REGION, stack, _WANTED)
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
        self.alarms.put_metric_alarm(
            AlarmName="web-5xx",
            MetricName="5xx",
            Namespace="Web",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        self.alarms.set_alarm_state(AlarmName="web-5xx", StateValue=state, StateReason="test")

    def start(self) -> str:
        answer = self.alice.start_automation_execution(DocumentName=_NAME)
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
    described = story.operate("describe", _NAME)
    limit = f"{_TARGET} for each of tag:Tier=web, 2 at once, until more than 1 failed"
    assert limit in described.stdout
    followed = story.operate("run", _NAME, "--yes")
    assert followed.returncode == 0, followed.stderr
    assert "targets: 6 of 6 done" in followed.stdout
    listed = story.operate("list")
    assert _NAME in listed.stdout
    assert _TARGET not in listed.stdout
    targets = [{"Key": "ParameterValues", "Values": deployed}]
    refused: dict[str, Callable[[], Any]] = {
        "AccessDeniedException": lambda: story.alice.start_automation_execution(
            DocumentName=_TARGET, Parameters={"InstanceId": deployed[:1]}
        ),
        "InvalidAutomationExecutionParametersException": (
            lambda: story.alice.start_automation_execution(
                DocumentName=_NAME, TargetParameterName="InstanceId", Targets=targets
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
    followed = story.operate("run", _NAME, "--yes")
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
    story.ssm.put_parameter(Name=_LOCK, Value="another-execution", Type="String")
    try:
        ended = story.ended(story.start())
        kept = story.ssm.get_parameter(Name=_LOCK)["Parameter"]["Value"]
    finally:
        story.ssm.delete_parameter(Name=_LOCK)

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
