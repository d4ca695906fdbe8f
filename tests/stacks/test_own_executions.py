"""Own executions only: a start carries tags, and calls on an execution compare them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.model import Approval, Deployment, IamUser, ServiceRole, Team
from delegation.runbooks.runbook import Runbook, load_runbooks
from review.access_review import Review
from review.errors import ReviewError
from sandbox import Sandbox
from tests.clone import PROJECT
from tests.stacks.deployed import deploy, remove
from tests.stacks.reviewed import reviewed_with
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, policy, resources, template

_SOURCE = load_runbooks([RUNBOOK])[RUNBOOK]
_RUNBOOKS: dict[str, Runbook] = {
    name: replace(_SOURCE, name=name) for name in ("Restart-Desk", "Restart-Data")
}
_EXECUTIONS = [
    {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:automation-execution/*"}
]
_PEOPLE = ("alice", "bob", "carol", "dual", "lead", "boss")
_SELF = {"Fn::Sub": "${!aws:userid}"}


def _team(name: str, runbook: str, *operators: str, approver: str) -> Team:
    approval = Approval(by=(IamUser(approver),))
    role = ServiceRole(name=f"{name}Role", runbooks=(runbook,), approval=approval)
    return Team(name=name, operators=tuple(map(IamUser, operators)), service_roles=(role,))


_TEAMS: Deployment = deployment(
    operators=(),
    service_roles=(),
    teams=(
        _team("HelpDesk", "Restart-Desk", "alice", "bob", "dual", approver="lead"),
        _team("Database", "Restart-Data", "carol", "dual", approver="boss"),
    ),
    own_executions=True,
)


def _on_executions(name: str) -> list[dict[str, Any]]:
    stack = template("AdministrationStack", _TEAMS, runbooks=_RUNBOOKS)
    return [
        {key: value for key, value in statement.items() if key != "Resource"}
        for statement in policy(stack, name)["PolicyDocument"]["Statement"]
        if statement["Resource"] == _EXECUTIONS
    ]


def test_operator_may_start_tag_follow_and_stop_what_is_their_own() -> None:
    tagged = {
        f"aws:{of}Tag/{key}": value
        for of in ("Request", "Resource")
        for key, value in (("StartedBy", _SELF), ("OperatorTeam", "HelpDesk"))
    }

    assert _on_executions("OperatorRestrictedPermissionsHelpDesk") == [
        {
            "Sid": "StartOwnExecutions",
            "Effect": "Allow",
            "Action": ["ssm:StartAutomationExecution"],
            "Condition": {"StringEquals": tagged},
        },
        {
            "Sid": "TagOwnExecutions",
            "Effect": "Allow",
            "Action": ["ssm:AddTagsToResource"],
            "Condition": {
                "StringEquals": tagged,
                "ForAllValues:StringEquals": {"aws:TagKeys": ["StartedBy", "OperatorTeam"]},
            },
        },
        {
            "Sid": "NeverTakeExecutionsOver",
            "Effect": "Deny",
            "Action": ["ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"],
            "Condition": {"StringNotEquals": {"aws:ResourceTag/StartedBy": _SELF}},
        },
        {
            "Sid": "FollowAndStopOwnExecutions",
            "Effect": "Allow",
            "Action": ["ssm:GetAutomationExecution", "ssm:StopAutomationExecution"],
            "Condition": {"StringEquals": {"aws:ResourceTag/StartedBy": _SELF}},
        },
    ]


def test_approver_reads_and_answers_what_is_of_the_team() -> None:
    of_team = {"StringEquals": {"aws:ResourceTag/OperatorTeam": "Database"}}

    assert _on_executions("ApproverRestrictedPermissionsDatabase") == [
        {
            "Sid": "WatchExecutions",
            "Effect": "Allow",
            "Action": ["ssm:GetAutomationExecution"],
            "Condition": of_team,
        },
        {
            "Sid": "AnswerApprovals",
            "Effect": "Allow",
            "Action": ["ssm:SendAutomationSignal"],
            "Condition": of_team,
        },
    ]


def test_documents_and_printed_commands_say_how_a_start_is_tagged() -> None:
    stack = template("RunbooksStack", _TEAMS, runbooks=_RUNBOOKS)

    tags = {
        document["Name"]: {tag["Key"]: tag["Value"] for tag in document["Tags"]}
        for document in resources(stack, "AWS::SSM::Document")
    }
    assert {name: found["OwnExecutions"] for name, found in tags.items()} == {
        "Restart-Desk": "HelpDesk",
        "Restart-Data": "Database",
    }
    assert stack["Outputs"]["RunRestartDesk"]["Value"] == {
        "Fn::Sub": "aws ssm start-automation-execution --region ${AWS::Region} --document-name "
        "Restart-Desk --document-version '$DEFAULT' --tags "
        "Key=StartedBy,Value=$(aws sts get-caller-identity --query UserId --output text) "
        "Key=OperatorTeam,Value=HelpDesk --parameters InstanceId=..."
    }
    plain = replace(_TEAMS, own_executions=False)
    assert "OwnExecutions" not in json.dumps(template("RunbooksStack", plain, runbooks=_RUNBOOKS))


def _reviewed(folder: Path, old: str = "", new: str = "") -> Review:
    """The review of the teams' templates, with a text replaced."""
    app_of(_TEAMS, runbooks=_RUNBOOKS, folder=folder).synth()
    return reviewed_with(folder, old, new)


def test_review_proves_that_executions_are_kept_apart(tmp_path: Path) -> None:
    reviewed = _reviewed(tmp_path)

    assert not reviewed.violated
    (account,) = reviewed.accounts
    sentences = {invariant.id: invariant.sentence for invariant in account.invariants}
    assert sentences["operators-follow-approved-runbooks-of-Database"] == (
        "carol can read these runbooks and no other, and follow and stop the runs alone that they "
        "have started, whose tags they cannot change"
    )
    assert sentences["approvers-approve-and-start-nothing"] == (
        "boss and lead can read executions and the runbooks that wait for an approval of their "
        "team, send every signal of the API (Approve, Reject, StartStep, StopStep, Resume, Revoke) "
        "to the executions of their own team, and do nothing else"
    )


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        (
            '"aws:ResourceTag/StartedBy"',
            '"aws:ResourceTag/Another"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '"aws:RequestTag/OperatorTeam": "HelpDesk"',
            '"aws:RequestTag/OperatorTeam": "Database"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '"aws:RequestTag/StartedBy"',
            '"aws:RequestTag/Another"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        ("${!aws:userid}", "*", "operators-follow-approved-runbooks-of-HelpDesk"),
        (
            '"ssm:StopAutomationExecution"',
            '"ssm:DescribeAutomationStepExecutions"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '"StringNotEquals": {"aws:ResourceTag/StartedBy"',
            '"StringEquals": {"aws:ResourceTag/StartedBy"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '"aws:TagKeys": ["StartedBy", "OperatorTeam"]',
            '"aws:TagKeys": ["StartedBy", "OperatorTeam", "operatorteam"]',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '"ForAllValues:StringEquals": {"aws:TagKeys"',
            '"ForAllValues:StringLike": {"aws:TagKeys"',
            "operators-follow-approved-runbooks-of-HelpDesk",
        ),
        (
            '{"aws:RequestTag/OperatorTeam": "HelpDesk"}',
            '{"aws:RequestTag/OperatorTeam": "Database"}',
            "operators-start-approved-runbooks-of-HelpDesk",
        ),
        (
            '"aws:ResourceTag/OperatorTeam": "Database"',
            '"aws:ResourceTag/OperatorTeam": "HelpDesk"',
            "approvers-approve-and-start-nothing",
        ),
    ],
)
def test_mutant_that_mixes_executions_is_killed(
    tmp_path: Path, old: str, new: str, violated: str
) -> None:
    reviewed = _reviewed(tmp_path, old, new)

    assert violated in {invariant.id for invariant in reviewed.violated}


def test_runbook_whose_executions_are_tagged_as_another_teams_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="of team Database is started with the tag of HelpDesk"):
        _reviewed(
            tmp_path,
            '{"Key": "OwnExecutions", "Value": "Database"}',
            '{"Key": "OwnExecutions", "Value": "HelpDesk"}',
        )


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[str]:
    """The Region in which both teams' runbooks stand."""
    region = "ap-northeast-1"
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, region, stack, _TEAMS, runbooks=_RUNBOOKS)
    yield region
    iam = sandbox.client("iam")
    for user in _PEOPLE:
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, region, stack)


class _Person:
    """Somebody with access keys, by the SDK and by the operator CLI."""

    def __init__(self, sandbox: Sandbox, name: str, region: str) -> None:
        keys = sandbox.client("iam").create_access_key(UserName=name)["AccessKey"]
        self.ssm = sandbox.client("ssm", keys, region=region)
        self.id = sandbox.client("sts", keys).get_caller_identity()["UserId"]
        self._environment = {**os.environ, **sandbox.environment(keys), "PYTHONPATH": str(PROJECT)}
        self._region = region

    def operate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "operate", *words, "--region", self._region],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def tags(self, team: str, starter: str | None = None) -> list[Mapping[str, str]]:
        return [
            {"Key": "StartedBy", "Value": starter or self.id},
            {"Key": "OperatorTeam", "Value": team},
        ]


@pytest.mark.sandbox
def test_operators_follow_and_stop_what_they_started_alone(sandbox: Sandbox, deployed: str) -> None:
    alice, bob, carol, dual, lead, boss = (
        _Person(sandbox, name, deployed)
        for name in ("alice", "bob", "carol", "dual", "lead", "boss")
    )
    (instance,) = sandbox.client("ec2", region=deployed).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1
    )["Instances"]
    given = ("InstanceId=" + instance["InstanceId"],)
    parameters = {"InstanceId": [instance["InstanceId"]]}
    started = alice.operate("run", "Restart-Desk", "--parameter", *given, "--detach", "--yes")
    assert started.returncode == 0, started.stderr
    id_ = started.stdout.split()[1].rstrip(";")

    assert alice.ssm.get_automation_execution(AutomationExecutionId=id_)
    others = bob.operate("watch", id_)
    assert others.returncode != 0
    assert "here operators follow their own alone" in others.stderr
    refusals: tuple[Callable[[], Any], ...] = (
        lambda: bob.ssm.stop_automation_execution(AutomationExecutionId=id_),
        lambda: carol.ssm.get_automation_execution(AutomationExecutionId=id_),
        lambda: alice.ssm.describe_automation_step_executions(AutomationExecutionId=id_),
        lambda: boss.ssm.get_automation_execution(AutomationExecutionId=id_),
        lambda: boss.ssm.send_automation_signal(AutomationExecutionId=id_, SignalType="Approve"),
        lambda: bob.ssm.add_tags_to_resource(
            ResourceType="Automation", ResourceId=id_, Tags=bob.tags("HelpDesk")
        ),
        lambda: alice.ssm.add_tags_to_resource(
            ResourceType="Automation", ResourceId=id_, Tags=alice.tags("HelpDesk", bob.id)
        ),
        lambda: alice.ssm.add_tags_to_resource(
            ResourceType="Automation", ResourceId=id_, Tags=alice.tags("Database")
        ),
        lambda: alice.ssm.remove_tags_from_resource(
            ResourceType="Automation", ResourceId=id_, TagKeys=["OperatorTeam"]
        ),
        lambda: alice.ssm.start_automation_execution(
            DocumentName="Restart-Desk", Parameters=parameters
        ),
        lambda: alice.ssm.start_automation_execution(
            DocumentName="Restart-Desk", Parameters=parameters, Tags=alice.tags("HelpDesk", bob.id)
        ),
        lambda: alice.ssm.start_automation_execution(
            DocumentName="Restart-Desk", Parameters=parameters, Tags=alice.tags("Database")
        ),
        lambda: dual.ssm.start_automation_execution(
            DocumentName="Restart-Data", Parameters=parameters, Tags=dual.tags("HelpDesk")
        ),
    )
    for refused in refusals:
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    assert lead.ssm.get_automation_execution(AutomationExecutionId=id_)
    lead.ssm.send_automation_signal(AutomationExecutionId=id_, SignalType="Approve")
    mine = carol.ssm.start_automation_execution(
        DocumentName="Restart-Data", Parameters=parameters, Tags=carol.tags("Database")
    )["AutomationExecutionId"]
    stopped = carol.operate("stop", mine)
    assert stopped.returncode == 0, stopped.stderr
