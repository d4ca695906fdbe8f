"""EventBridge Scheduler in the sandbox: when it starts what, as whom, and what it reports."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.emulator.scheduler.occurrences import due

pytestmark = pytest.mark.sandbox

_GROUP, _ROLE, _DOCUMENT = "Nights", "Starter", "Sleeps"
_START = "arn:aws:scheduler:::aws-sdk:ssm:startAutomationExecution"
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC).timestamp()


def _times(expression: str, since: str, until: str, **more: Any) -> list[str]:
    """The starts of a schedule after one time and until another, in UTC."""
    record = {"ScheduleExpression": expression, "CreationDate": _LONG_AGO, **more}
    after, before = (datetime.fromisoformat(f"{each}+00:00") for each in (since, until))
    return [f"{at:%Y-%m-%dT%H:%M}" for at in due(record, after, before)]


@pytest.mark.parametrize(
    ("expression", "more", "since", "until", "times"),
    [
        (
            "cron(0 3 * * ? *)",
            {"ScheduleExpressionTimezone": "Europe/Berlin"},
            "2027-03-27T00:00",
            "2027-03-29T12:00",
            ["2027-03-27T02:00", "2027-03-28T01:00", "2027-03-29T01:00"],
        ),
        (  # the clocks go from 02:00 to 03:00
            "cron(30 2 * * ? *)",
            {"ScheduleExpressionTimezone": "Europe/Berlin"},
            "2027-03-27T00:00",
            "2027-03-29T12:00",
            ["2027-03-27T01:30", "2027-03-29T00:30"],
        ),
        (  # the clocks go from 03:00 back to 02:00
            "cron(30 2 * * ? *)",
            {"ScheduleExpressionTimezone": "Europe/Berlin"},
            "2027-10-30T00:00",
            "2027-11-01T12:00",
            ["2027-10-30T00:30", "2027-10-31T00:30", "2027-11-01T01:30"],
        ),
        (
            "rate(12 hours)",
            {"StartDate": "2027-01-01T06:00:00Z", "EndDate": "2027-01-02T06:00:00Z"},
            "2026-12-31T00:00",
            "2027-01-05T00:00",
            ["2027-01-01T06:00", "2027-01-01T18:00", "2027-01-02T06:00"],
        ),
        (
            "rate(1 day)",
            {},
            "2027-01-01T12:00",
            "2027-01-03T00:00",
            ["2027-01-02T00:00", "2027-01-03T00:00"],
        ),
        (
            "at(2027-01-01T10:00:00)",
            {"ScheduleExpressionTimezone": "America/New_York"},
            "2026-12-31T00:00",
            "2027-01-05T00:00",
            ["2027-01-01T15:00"],
        ),
        ("rate(1 hour)", {"State": "DISABLED"}, "2027-01-01T00:00", "2027-01-02T00:00", []),
    ],
)
def test_schedule_is_due_by_the_clocks_of_its_zone(
    expression: str, more: dict[str, Any], since: str, until: str, times: list[str]
) -> None:
    assert _times(expression, since, until, **more) == times


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The account with a document, a group, a queue, and a role that trusts the group."""
    group = f"arn:aws:scheduler:us-east-1:000000000000:schedule-group/{_GROUP}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceArn": group}},
    }
    grant = {"Effect": "Allow", "Action": ["ssm:Start*", "sqs:SendMessage"], "Resource": "*"}
    iam, ssm = sandbox.client("iam"), sandbox.client("ssm")
    iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=_ROLE, PolicyName="Start", PolicyDocument=_policy(grant))
    step = {"name": "sleep", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [step]})
    ssm.create_document(Name=_DOCUMENT, DocumentType="Automation", Content=content)
    sandbox.client("sqs").create_queue(QueueName=_GROUP)
    sandbox.client("scheduler").create_schedule_group(Name=_GROUP)
    yield sandbox
    sandbox.client("scheduler").delete_schedule_group(Name=_GROUP)
    sqs = sandbox.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=_GROUP)["QueueUrl"])
    ssm.delete_document(Name=_DOCUMENT)
    iam.delete_role_policy(RoleName=_ROLE, PolicyName="Start")
    iam.delete_role(RoleName=_ROLE)


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _schedule(client: Any, **changes: Any) -> None:
    target = {
        "Arn": _START,
        "RoleArn": f"arn:aws:iam::000000000000:role/{_ROLE}",
        "Input": json.dumps({"DocumentName": changes.pop("document", _DOCUMENT)}),
        "DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:000000000000:{_GROUP}"},
    }
    client.create_schedule(
        **{
            "Name": "Nightly",
            "GroupName": _GROUP,
            "ScheduleExpression": "cron(0 3 * * ? *)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **changes,
        }
    )


def _started(sandbox: Sandbox) -> list[str]:
    """Who has started the document, once for each execution."""
    filters = [{"Key": "DocumentNamePrefix", "Values": [_DOCUMENT]}]
    found = sandbox.client("ssm").describe_automation_executions(Filters=filters)
    return [each["ExecutedBy"] for each in found["AutomationExecutionMetadataList"]]


def _reported(sandbox: Sandbox) -> list[str]:
    """The codes of the errors that the queue has been told of."""
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=_GROUP)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    return [
        each["MessageAttributes"]["ERROR_CODE"]["StringValue"] for each in found.get("Messages", [])
    ]


def test_due_starts_are_made_while_the_clock_moves_on(account: Sandbox) -> None:
    before = len(_started(account))
    _schedule(account.client("scheduler"))

    due_starts = account.move_scheduler_clock(timedelta(days=3))

    made = _started(account)[: -before or None]
    assert due_starts == len(made) == 3
    assert all(":assumed-role/Starter/" in each for each in made)


def test_paused_schedule_starts_nothing_until_it_goes_on(account: Sandbox) -> None:
    client = account.client("scheduler")
    _schedule(client, State="DISABLED")

    assert account.move_scheduler_clock(timedelta(days=1)) == 0

    found = client.get_schedule(Name="Nightly", GroupName=_GROUP)
    given = {
        key: found[key]
        for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    }
    client.update_schedule(**given, State="ENABLED")
    assert account.move_scheduler_clock(timedelta(days=1)) == 1


def test_role_that_does_not_trust_the_group_starts_nothing(account: Sandbox) -> None:
    client, before = account.client("scheduler"), len(_started(account))
    client.create_schedule_group(Name="Others")
    _schedule(client, GroupName="Others")

    account.move_scheduler_clock(timedelta(days=1))

    assert len(_started(account)) == before
    client.delete_schedule_group(Name="Others")


def test_start_that_is_refused_is_reported_to_the_queue(account: Sandbox) -> None:
    _schedule(account.client("scheduler"), document="Missing")

    account.move_scheduler_clock(timedelta(days=1))

    assert _reported(account) == ["AutomationDefinitionNotFoundException"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ScheduleExpression": "cron(0 3 * * * *)"},
        {"ScheduleExpression": "rate(1 week)"},
        {"ScheduleExpression": "nightly"},
        {"ScheduleExpressionTimezone": "Mars/Olympus"},
    ],
)
def test_expression_that_is_none_is_refused(account: Sandbox, changes: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        _schedule(account.client("scheduler"), **changes)


def test_schedule_is_made_by_those_alone_who_may_pass_its_role(account: Sandbox) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="maker")
    schedule = f"arn:aws:scheduler:us-east-1:000000000000:schedule/{_GROUP}/*"
    may = {"Effect": "Allow", "Action": "scheduler:CreateSchedule", "Resource": schedule}
    iam.put_user_policy(UserName="maker", PolicyName="Make", PolicyDocument=_policy(may))
    keys = iam.create_access_key(UserName="maker")["AccessKey"]
    client = account.client("scheduler", keys)

    with pytest.raises(ClientError, match="is not authorized to perform: iam:PassRole"):
        _schedule(client)
    with pytest.raises(ClientError, match="is not authorized to perform: scheduler:Create"):
        _schedule(client, GroupName="default")

    iam.delete_access_key(UserName="maker", AccessKeyId=keys["AccessKeyId"])
    iam.delete_user_policy(UserName="maker", PolicyName="Make")
    iam.delete_user(UserName="maker")
