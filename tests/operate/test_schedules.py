"""What the operator CLI says of schedules."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from delegation.model import Fleet, IamUser, Schedule, ServiceRole
from operate.runbooks.next_starts import next_starts
from sandbox import Sandbox
from tests.operate.terminal import in_a_pipe
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import RUNBOOK, deployment

_REGION = "us-east-1"
_ROLE = ServiceRole(
    name="AutomationServiceRole",
    fleets=(Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web")),),
)
_NIGHTLY = Schedule(
    name="Nightly", starts="WebTier", at="cron(30 3 1 1 ? 2090)", time_zone="Europe/Berlin"
)
_WANTED = deployment(
    operators=(IamUser("alice"),),
    service_roles=(_ROLE,),
    schedules=(
        _NIGHTLY,
        replace(_NIGHTLY, name="Hourly", at="rate(1 hour)", begins="2089-01-01T00:00:00Z"),
        replace(_NIGHTLY, name="Paused", paused=True),
    ),
)


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account of the module's own, with three schedules, and a foreign one."""
    with Sandbox() as running:
        for stack in ("AdministrationStack", "RunbooksStack", "SchedulesStack"):
            deploy(running, _REGION, stack, _WANTED)
        target = {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:f", "RoleArn": "arn:x"}
        running.client("scheduler").create_schedule(
            Name="Foreign",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
        yield running


def _keys(account: Sandbox, user: str) -> dict[str, str]:
    keys: dict[str, str] = account.client("iam").create_access_key(UserName=user)["AccessKey"]
    return account.environment(keys)


@pytest.mark.sandbox
def test_schedules_are_listed_with_their_next_start(account: Sandbox) -> None:
    alice = _keys(account, "alice")

    printed = in_a_pipe(alice, "schedules")
    listed = json.loads(in_a_pipe(alice, "schedules", "--output", "json").text)

    lines = [" ".join(line.split()) for line in printed.text.splitlines()]
    assert lines == [
        "next runbook at schedule",
        "2089-01-01T01:00:00+01:00 WebTier rate(1 hour) Europe/Berlin Hourly",
        "2090-01-01T03:30:00+01:00 WebTier cron(30 3 1 1 ? 2090) Europe/Berlin Nightly",
        "paused WebTier cron(30 3 1 1 ? 2090) Europe/Berlin Paused",
    ]
    assert printed.errors == ""
    assert [(each["Name"], each["Paused"], each["NextStarts"][:2]) for each in listed] == [
        ("Hourly", False, ["2089-01-01T00:00:00+00:00", "2089-01-01T01:00:00+00:00"]),
        ("Nightly", False, ["2090-01-01T02:30:00+00:00"]),
        ("Paused", True, []),
    ]


@pytest.mark.sandbox
def test_schedules_that_may_not_be_read_are_counted(account: Sandbox) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="lister")
    may = {"Effect": "Allow", "Action": "scheduler:ListSchedules", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="lister", PolicyName="List", PolicyDocument=policy)

    printed = in_a_pipe(_keys(account, "lister"), "schedules")

    assert printed.status == 0
    assert "no schedules of yours in us-east-1" in printed.errors
    assert "not shown, as you may not read them: 3" in printed.errors


@pytest.mark.parametrize(
    ("expression", "zone", "after", "found"),
    [
        (
            "cron(30 2 * * ? *)",
            "Europe/Berlin",
            "2027-03-27T00:00",
            ["2027-03-27T01:30", "2027-03-29T00:30"],
        ),
        (
            "cron(30 2 * * ? *)",
            "Europe/Berlin",
            "2027-10-31T00:00",
            ["2027-10-31T00:30", "2027-11-01T01:30"],
        ),
        ("rate(6 hours)", "UTC", "2027-01-01T07:00", ["2027-01-01T12:00", "2027-01-01T18:00"]),
        ("cron(0 3 1 1 ? 2020)", "UTC", "2027-01-01T00:00", []),
    ],
)
def test_next_starts_follow_the_clocks_of_the_zone(
    expression: str, zone: str, after: str, found: list[str]
) -> None:
    starts = next_starts(
        expression,
        zone=zone,
        counted_from=datetime(2027, 1, 1, tzinfo=UTC),
        begins=None,
        ends=None,
        after=datetime.fromisoformat(f"{after}+00:00"),
        most=2,
    )

    assert [f"{each:%Y-%m-%dT%H:%M}" for each in starts] == found


@pytest.mark.parametrize(
    ("expression", "zone"), [("cron(0 3 * * * *)", "UTC"), ("nightly", "UTC"), ("rate(1 day)", "X")]
)
def test_what_is_no_schedule_is_not_guessed(expression: str, zone: str) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"expression|zone|Invalid"):
        next_starts(
            expression,
            zone=zone,
            counted_from=now - timedelta(days=1),
            begins=None,
            ends=None,
            after=now,
            most=1,
        )
