"""Schedules: what starts by itself, as whom, and who can change that."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.model import Audit, Deployment, Fleet, IamUser, Schedule, ServiceRole, Team
from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.lock.facts import Table, facts_of
from review.templates.assembly import Template, given_environment, read_templates
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, policy, resources, template

_NIGHTLY = Schedule(
    name="Nightly",
    starts="WebTier",
    at="cron(0 3 ? * SUN *)",
    time_zone="Europe/Berlin",
    begins="2027-01-01T00:00:00Z",
)
_ROLE = ServiceRole(
    name="AutomationServiceRole",
    fleets=(Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web")),),
)
_WANTED: Deployment = deployment(
    operators=(IamUser("alice"),),
    service_roles=(_ROLE,),
    audit=Audit(auditors=(IamUser("auditor"),)),
    schedules=(_NIGHTLY,),
)
_REGION = "eu-central-1"
_ACCOUNT_ARN = "${AWS::Region}:${AWS::AccountId}"
_SSM = f"arn:${{AWS::Partition}}:ssm:{_ACCOUNT_ARN}:"
_QUEUE = f"arn:${{AWS::Partition}}:sqs:{_ACCOUNT_ARN}:DelegatedRunbooksNotStarted"


def test_schedule_gives_the_documents_name_and_nothing_else() -> None:
    stack = template("SchedulesStack", _WANTED)

    assert resources(stack, "AWS::Scheduler::ScheduleGroup") == [{"Name": "DelegatedRunbooks"}]
    assert resources(stack, "AWS::Scheduler::Schedule") == [
        {
            "Name": "Nightly",
            "GroupName": "DelegatedRunbooks",
            "ScheduleExpression": "cron(0 3 ? * SUN *)",
            "ScheduleExpressionTimezone": "Europe/Berlin",
            "StartDate": "2027-01-01T00:00:00Z",
            "State": "ENABLED",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {
                    "Fn::Sub": "arn:${AWS::Partition}:scheduler:::aws-sdk:ssm:"
                    "startAutomationExecution"
                },
                "RoleArn": {
                    "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/ScheduleRole"
                },
                "Input": '{"DocumentName": "WebTier"}',
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
                "DeadLetterConfig": {"Arn": {"Fn::Sub": _QUEUE}},
            },
        }
    ]


def test_what_was_not_started_is_kept_encrypted_and_raises_an_alarm() -> None:
    stack = template("SchedulesStack", _WANTED)

    assert resources(stack, "AWS::SQS::Queue") == [
        {
            "QueueName": "DelegatedRunbooksNotStarted",
            "MessageRetentionPeriod": 1209600,
            "SqsManagedSseEnabled": True,
        }
    ]
    (guarded,) = resources(stack, "AWS::SQS::QueuePolicy")
    assert guarded["PolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RefuseWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": {"Fn::Sub": _QUEUE},
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    assert resources(stack, "AWS::CloudWatch::Alarm") == [
        {
            "AlarmName": "DelegatedRunbooksNotStarted",
            "AlarmDescription": "A schedule has not started its runbook",
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": "DelegatedRunbooksNotStarted"}],
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        }
    ]
    audit = template("AuditStack", _WANTED)
    patterns = [rule["EventPattern"] for rule in resources(audit, "AWS::Events::Rule")]
    assert {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": ["DelegatedRunbooksNotStarted"], "state": {"value": ["ALARM"]}},
    } in patterns


def test_role_of_schedules_starts_what_they_start_for_their_group_alone() -> None:
    stack = template("AdministrationStack", _WANTED)

    (role,) = [r for r in resources(stack, "AWS::IAM::Role") if r["RoleName"] == "ScheduleRole"]
    assert role["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetSchedulerAssume",
                "Effect": "Allow",
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": {"Fn::Sub": "${AWS::AccountId}"},
                        "aws:SourceArn": [
                            {
                                "Fn::Sub": f"arn:${{AWS::Partition}}:scheduler:{_ACCOUNT_ARN}"
                                ":schedule-group/DelegatedRunbooks"
                            }
                        ],
                    }
                },
            }
        ],
    }
    assert policy(stack, "ScheduleRolePermissions")["PolicyDocument"]["Statement"] == [
        {
            "Sid": "StartExecutions",
            "Effect": "Allow",
            "Action": ["ssm:StartAutomationExecution"],
            "Resource": [{"Fn::Sub": f"{_SSM}automation-execution/*"}],
        },
        {
            "Sid": "ReportWhatWasNotStarted",
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [{"Fn::Sub": _QUEUE}],
        },
        {
            "Sid": "StartScheduledRunbooks",
            "Effect": "Allow",
            "Action": ["ssm:StartAutomationExecution"],
            "Resource": [
                {"Fn::Sub": f"{_SSM}document/WebTier"},
                {"Fn::Sub": f"{_SSM}automation-definition/WebTier:*"},
            ],
        },
    ]


def test_operators_see_the_schedules_of_their_own_team() -> None:
    other = Team(
        name="Db",
        operators=(IamUser("bob"),),
        service_roles=(ServiceRole(name="DbRole", runbooks=(RUNBOOK,)),),
    )
    wanted = deployment(
        operators=(IamUser("alice"),),
        service_roles=(_ROLE,),
        teams=(other,),
        schedules=(_NIGHTLY,),
    )
    stack = template("AdministrationStack", wanted)

    found = {
        name: {
            action: statement["Resource"]
            for statement in policy(stack, name)["PolicyDocument"]["Statement"]
            for action in statement["Action"]
            if action.startswith("scheduler:")
        }
        for name in ("OperatorRestrictedPermissions", "OperatorRestrictedPermissionsDb")
    }
    nightly = f"arn:${{AWS::Partition}}:scheduler:{_ACCOUNT_ARN}:schedule/DelegatedRunbooks/Nightly"
    assert found == {
        "OperatorRestrictedPermissions": {
            "scheduler:ListSchedules": ["*"],
            "scheduler:GetSchedule": [{"Fn::Sub": nightly}],
        },
        "OperatorRestrictedPermissionsDb": {},
    }


def test_names_of_schedules_have_the_deployments_prefix() -> None:
    wanted = replace(_WANTED, name_prefix="acme-", account="111122223333", regions=("eu-west-1",))
    stack = template("SchedulesStack-111122223333-eu-west-1", wanted)

    (group,) = resources(stack, "AWS::Scheduler::ScheduleGroup")
    (queue,) = resources(stack, "AWS::SQS::Queue")
    assert (group["Name"], queue["QueueName"]) == (
        "acme-DelegatedRunbooks",
        "acme-DelegatedRunbooksNotStarted",
    )


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, ...]:
    """The templates of the deployment, at a place."""
    folder = tmp_path_factory.mktemp("schedules") / "assembly"
    regions = ("eu-west-1", "us-east-1")
    app_of(replace(_WANTED, account="111122223333", regions=regions), folder=folder).synth()
    return read_templates(folder, given_environment())


def _reviewed(templates: tuple[Template, ...], old: str = "", new: str = "") -> Review:
    """The review of the templates, with a pattern of their text replaced."""
    texts = [json.dumps(each.body) for each in templates]
    if old and not any(re.search(old, text) for text in texts):
        pytest.fail(f"{old} is in no template")
    changed = [
        replace(each, body=json.loads(re.sub(old, new, text))) if old else each
        for each, text in zip(templates, texts, strict=True)
    ]
    with Engine() as engine:
        return review(engine, changed)


def test_review_proves_who_starts_what_by_itself(templates: tuple[Template, ...]) -> None:
    reviewed = _reviewed(templates)

    assert not reviewed.violated
    (account,) = reviewed.accounts
    assert {
        "schedules-start-what-takes-nothing",
        "schedule-role-starts-these-alone",
        "schedules-are-the-administrators",
    } <= {invariant.id for invariant in account.invariants}
    (facts,) = facts_of(reviewed)
    when = ("cron(0 3 ? * SUN *) Europe/Berlin",)
    assert facts.rows[Table.SCHEDULES] == {
        (
            ("DelegatedRunbooks/Nightly",),
            (region,),
            ("WebTier",),
            when,
            ("2027-01-01T00:00:00Z/",),
        )
        for region in ("eu-west-1", "us-east-1")
    }


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        (
            r'\\"DocumentName\\": \\"WebTier\\"',
            r'\\"DocumentName\\": \\"WebTier-Target\\"',
            "schedules-start-what-takes-nothing",
        ),
        (
            r'\\"DocumentName\\": \\"WebTier\\"',
            r'\\"DocumentName\\": \\"AWS-RestartEC2Instance\\"',
            "schedules-start-what-takes-nothing",
        ),
        (r'"name": "takeLock"', '"name": "takeLock", "isEnd": true', "schedules-start-what"),
        (r":role/ScheduleRole", ":role/WebTier-FleetRole", "schedules-start-what"),
        (
            r'"DeadLetterConfig": \{"Arn": \{"Fn::Sub": "[^"]*"\}\}',
            '"DeadLetterConfig": {}',
            "schedules-start-what",
        ),
        (r"document/WebTier\"", 'document/*"', "schedule-role-starts-these-alone"),
        (r'"sqs:SendMessage"', '"sqs:SendMessage", "sqs:PurgeQueue"', "schedule-role-starts"),
        (r"scheduler.amazonaws.com", "events.amazonaws.com", "schedules-start-what"),
        (
            r"schedule-group/DelegatedRunbooks",
            "schedule-group/Others",
            "schedule-role-starts-these-alone",
        ),
        (
            r'"aws:SourceArn": \[\{"Fn::Sub": "arn:\$\{AWS::Partition\}:scheduler[^]]*\]',
            '"aws:RequestedRegion": "eu-west-1"',
            "schedule-role-starts-these-alone",
        ),
        (r'"scheduler:GetSchedule"', '"scheduler:UpdateSchedule"', "schedules-are-the"),
        (r'"scheduler:ListSchedules"', '"scheduler:DeleteSchedule"', "schedules-are-the"),
        (r"schedule/DelegatedRunbooks/Nightly", "schedule/*", "operators-touch-nothing"),
        (r'"scheduler:ListSchedules"', '"iam:PassRole"', "schedules-are-the-administrators"),
    ],
)
def test_mutant_of_a_schedule_is_killed(
    templates: tuple[Template, ...], old: str, new: str, violated: str
) -> None:
    reviewed = _reviewed(templates, old, new)

    assert any(invariant.id.startswith(violated) for invariant in reviewed.violated)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("aws-sdk:ssm:startAutomationExecution", "aws-sdk:iam:createUser", "what a schedule does"),
        (
            r'\{\\"DocumentName\\": \\"WebTier\\"\}',
            r'{\\"DocumentName\\": \\"WebTier\\", \\"Parameters\\": {}}',
            "gives DocumentName, Parameters",
        ),
        (r'"Mode": "OFF"', '"Mode": "FLEXIBLE"', "FlexibleTimeWindow is not"),
        (r'"State": "ENABLED", "Target"', '"State": "ON", "Target"', "State is 'ON'"),
        (r'"Effect": "Deny", "Principal": "\*"', '"Effect": "Allow", "Principal": "*"', "lets"),
        (r'"AlarmName"', '"AlarmActions": ["arn:aws:ssm:::x"], "AlarmName"', "AlarmActions"),
        (r'"RetryPolicy"', '"EcsParameters": {}, "RetryPolicy"', "what EcsParameters of a target"),
    ],
)
def test_schedule_of_another_form_is_refused(
    templates: tuple[Template, ...], old: str, new: str, message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        _reviewed(templates, old, new)


@pytest.mark.parametrize(
    ("old", "new", "gains", "losses"),
    [
        (r"cron\(0 3 \? \* SUN \*\)", "cron(0 3 * * ? *)", True, True),
        ("Europe/Berlin", "UTC", True, True),
        (r'"State": "ENABLED", "Target"', '"State": "DISABLED", "Target"', False, True),
        (r'"StartDate": "2027-01-01T00:00:00Z", ', "", True, True),
    ],
)
def test_change_of_a_schedule_is_reported(
    templates: tuple[Template, ...], old: str, new: str, gains: bool, losses: bool
) -> None:
    found = change(_reviewed(templates), _reviewed(templates, old, new))

    assert (bool(found.gains), bool(found.losses), found.differences) == (gains, losses, ())
    assert all("schedule Nightly in " in text for text in (*found.gains, *found.losses))


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The account in which the deployment stands, its schedule a daily one from today on."""
    daily = replace(_NIGHTLY, at="cron(0 3 * * ? *)", begins=None)
    stacks = ("AdministrationStack", "RunbooksStack", "SchedulesStack")
    for stack in stacks:
        deploy(sandbox, _REGION, stack, replace(_WANTED, schedules=(daily,)))
    yield sandbox
    for key in (iam := sandbox.client("iam")).list_access_keys(UserName="alice")[
        "AccessKeyMetadata"
    ]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    for stack in reversed(stacks):
        remove(sandbox, _REGION, stack)


def _run_of(sandbox: Sandbox, clock: timedelta) -> dict[str, Any]:
    """The one execution of the fleet that is started while the clock moves on, at its end."""
    known = {each["AutomationExecutionId"] for each in _runs(sandbox)}
    assert sandbox.move_scheduler_clock(clock) == 1
    deadline = time.monotonic() + 60
    while True:
        new = [each for each in _runs(sandbox) if each["AutomationExecutionId"] not in known]
        if new and all("ExecutionEndTime" in each for each in new):
            (run,) = new
            return run
        assert time.monotonic() < deadline, new


def _runs(sandbox: Sandbox) -> list[dict[str, Any]]:
    filters = [{"Key": "DocumentNamePrefix", "Values": ["WebTier"]}]
    found = sandbox.client("ssm", region=_REGION).describe_automation_executions(Filters=filters)
    return [
        each
        for each in found["AutomationExecutionMetadataList"]
        if each["DocumentName"] == "WebTier" and "ParentAutomationExecutionId" not in each
    ]


@pytest.mark.sandbox
def test_fleet_is_started_each_night_as_the_role_of_schedules(deployed: Sandbox) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "web"}]}]
    ec2 = deployed.client("ec2", region=_REGION)
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tags
    )["Instances"]

    run = _run_of(deployed, timedelta(days=1))

    assert run["AutomationExecutionStatus"] == "Success"
    assert ":assumed-role/ScheduleRole/" in run["ExecutedBy"]
    ec2.terminate_instances(InstanceIds=[each["InstanceId"] for each in made])


@pytest.mark.sandbox
def test_second_delivery_ends_at_once_and_harms_nothing(deployed: Sandbox) -> None:
    ssm = deployed.client("ssm", region=_REGION)
    ssm.put_parameter(Name="/delegation/fleets/WebTier", Value="another", Type="String")

    run = _run_of(deployed, timedelta(days=1))

    assert run["AutomationExecutionStatus"] == "Failed"
    assert "(ParameterAlreadyExists)" in run["FailureMessage"]
    assert ssm.get_parameter(Name="/delegation/fleets/WebTier")["Parameter"]["Value"] == "another"
    ssm.delete_parameter(Name="/delegation/fleets/WebTier")


@pytest.mark.sandbox
def test_what_cannot_be_started_is_reported_to_the_queue(deployed: Sandbox) -> None:
    remove(deployed, _REGION, "RunbooksStack")
    deployed.move_scheduler_clock(timedelta(days=1))

    sqs = deployed.client("sqs", region=_REGION)
    url = sqs.get_queue_url(QueueName="DelegatedRunbooksNotStarted")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]

    assert message["Body"] == '{"DocumentName": "WebTier"}'
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "AutomationDefinitionNotFoundException"
    assert attributes["SCHEDULE_ARN"].endswith(":schedule/DelegatedRunbooks/Nightly")
    deploy(deployed, _REGION, "RunbooksStack", _WANTED)


@pytest.mark.sandbox
def test_operator_sees_the_schedule_and_cannot_change_it(deployed: Sandbox) -> None:
    keys = deployed.client("iam").create_access_key(UserName="alice")["AccessKey"]
    alice = deployed.client("scheduler", keys, region=_REGION)
    name = {"Name": "Nightly", "GroupName": "DelegatedRunbooks"}

    found = alice.get_schedule(**name)
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    given = {key: found[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
    for attempt in (
        partial(alice.update_schedule, **name, **given, State="DISABLED"),
        partial(alice.delete_schedule, **name),
        partial(alice.create_schedule, **{**name, "Name": "Mine"}, **given),
        partial(alice.delete_schedule_group, Name="DelegatedRunbooks"),
    ):
        with pytest.raises(ClientError, match="is not authorized to perform: scheduler:"):
            attempt()
