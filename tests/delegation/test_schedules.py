"""Schedules: what deployments.py may say of them, each refusal with the value that is refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Approval, Deployment, Fleet, IamUser, Schedule, ServiceRole
from delegation.runbooks.runbook import Runbook, load_runbooks
from delegation.runbooks.schedule_checks import check_schedules
from tests.stacks.synthesis import RUNBOOK, deployment

_NIGHTLY = Schedule(name="Nightly", starts="WebTier", at="cron(0 3 ? * SUN *)")
_LOCK = "/locks/Clean"
_TAKING = {
    "name": "lock",
    "action": "aws:executeAwsApi",
    "inputs": {
        "Service": "ssm",
        "Api": "PutParameter",
        "Name": _LOCK,
        "Value": "{{ automation:EXECUTION_ID }}",
        "Type": "String",
    },
}
_WORK = {"name": "work", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
_RELEASE = {
    "name": "release",
    "action": "aws:executeAwsApi",
    "inputs": {"Service": "ssm", "Api": "DeleteParameter", "Name": _LOCK},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a b"}, "schedule 'a b' is not 1 to 64 letters, digits or _.-"),
        ({"starts": ""}, "starts of schedule 'Nightly' is '', not the name of a runbook"),
        (
            {"at": "0 3 * * *"},
            "at of schedule 'Nightly' is '0 3 * * *', neither cron(minutes hours day-of-month "
            "month day-of-week year), such as 'cron(0 3 ? * SUN *)', nor rate(2 hours) in "
            "minutes, hours or days",
        ),
        ({"at": "rate(0 hours)"}, "neither cron(minutes"),
        ({"at": "rate(1 week)"}, "neither cron(minutes"),
        ({"at": "at(2027-01-01T00:00:00)"}, "neither cron(minutes"),
        ({"at": None}, "at of schedule 'Nightly' is None, neither cron("),
        (
            {"at": "cron(0 3 * * * *)"},
            "Invalid combination of day-of-month '*' and day-of-week '*'.One must be a question",
        ),
        ({"at": "cron(99 3 * * ? *)"}, "'cron(99 3 * * ? *)': Invalid minute value '99'"),
        ({"at": "cron(0 3 LW * ? *)"}, "'cron(0 3 LW * ? *)': a form that is not evaluated"),
        ({"at": "cron(0 3 30 2 ? *)"}, "'cron(0 3 30 2 ? *)', which never comes"),
        (
            {"time_zone": "Mars/Olympus"},
            "time_zone of schedule 'Nightly' is 'Mars/Olympus', not an IANA time zone such as "
            "'Europe/Berlin'",
        ),
        (
            {"begins": "2027-01-01"},
            "begins of schedule 'Nightly' is '2027-01-01', not a time in UTC such as "
            "'2027-01-31T00:00:00Z'",
        ),
        (
            {"begins": "2027-02-01T00:00:00Z", "ends": "2027-01-01T00:00:00Z"},
            "schedule 'Nightly' begins 2027-02-01T00:00:00Z and ends 2027-01-01T00:00:00Z, not "
            "after it",
        ),
        ({"paused": "yes"}, "paused of schedule 'Nightly' is 'yes', not True or False"),
    ],
)
def test_field_of_a_schedule_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        replace(_NIGHTLY, **changes)

    assert message in str(refused.value)
    assert str(refused.value).endswith("(deployments.py)")


@pytest.mark.parametrize(
    ("schedules", "message"),
    [
        ([_NIGHTLY], "schedules is [Schedule("),
        ((_NIGHTLY, _NIGHTLY), "schedule 'Nightly' is named 2 times"),
        ((_NIGHTLY, replace(_NIGHTLY, name="night-ly")), "differ in letter case or punctuation"),
        (("Nightly",), "schedule 'Nightly' is not a Schedule"),
    ],
)
def test_schedules_of_a_deployment_are_refused(schedules: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        deployment(schedules=schedules)

    assert message in str(refused.value)


def _of(
    schedule: Schedule = _NIGHTLY, *, steps: list[dict[str, Any]] | None = None, **role: Any
) -> tuple[Deployment, dict[str, Runbook]]:
    """A deployment with a fleet, a runbook with parameters and, of these steps, one without."""
    fleet = Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web"))
    runbooks = load_runbooks([RUNBOOK])
    content = {"schemaVersion": "0.3", "mainSteps": steps or [_TAKING, _WORK, _RELEASE]}
    clean = replace(runbooks[RUNBOOK], name="Clean", content=content, needs=())
    own = {"name": "Role", "runbooks": (RUNBOOK, "Clean"), "fleets": (fleet,), **role}
    wanted = deployment(service_roles=(ServiceRole(**own),), schedules=(schedule,))
    return wanted, {**runbooks, "Clean": clean, "WebTier": replace(clean, name="WebTier")}


_CLEAN = replace(_NIGHTLY, starts="Clean")
_OPEN_FLEET = Fleet(
    name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web"), one_at_a_time=False
)


@pytest.mark.parametrize(
    ("schedule", "changes", "message"),
    [
        (
            replace(_NIGHTLY, starts="Other"),
            {},
            "schedule 'Nightly' starts 'Other', which is neither a fleet nor a runbook of the "
            f"deployment: {RUNBOOK}, Clean, WebTier",
        ),
        (replace(_NIGHTLY, starts="WebTier-Target"), {}, "which is neither a fleet nor a runbook"),
        (
            replace(_NIGHTLY, starts=RUNBOOK),
            {},
            f"schedule 'Nightly' starts '{RUNBOOK}', which takes InstanceId; a schedule gives no "
            "parameters",
        ),
        (_CLEAN, {"require_reason": True}, "'Clean', which takes Reason; a schedule gives no"),
        (
            _NIGHTLY,
            {"fleets": (_OPEN_FLEET,)},
            "starts fleet 'WebTier', which may run twice at the same time",
        ),
        (
            _CLEAN,
            {"approval": Approval(by=(IamUser("lead"),))},
            "",
        ),
        (
            replace(_CLEAN, at="rate(6 days)"),
            {"approval": Approval(by=(IamUser("lead"),))},
            "starts 'Clean' again after 6 days, 0:00:00, and an approval is awaited 7 days",
        ),
        (_CLEAN, {"steps": [_WORK]}, "make its first step a lock that its last step gives back"),
        (_CLEAN, {"steps": [_TAKING, _RELEASE, _WORK]}, "make its first step a lock"),
        (_CLEAN, {"steps": [_WORK, _TAKING, _RELEASE]}, "make its first step a lock"),
        (
            _CLEAN,
            {"steps": [{**_TAKING, "onFailure": "Continue"}, _WORK, _RELEASE]},
            "make its first step a lock",
        ),
        (
            _CLEAN,
            {"steps": [{**_TAKING, "isEnd": True}, _WORK, _RELEASE]},
            "make its first step a lock",
        ),
        (
            _CLEAN,
            {"steps": [_TAKING, _WORK, {**_RELEASE, "nextStep": "work"}]},
            "make its first step a lock",
        ),
        (
            _CLEAN,
            {
                "steps": [
                    {**_TAKING, "inputs": {**_TAKING["inputs"], "Overwrite": True}},  # type: ignore[dict-item]
                    _WORK,
                    _RELEASE,
                ]
            },
            "make its first step a lock",
        ),
        (
            _CLEAN,
            {
                "steps": [
                    _TAKING,
                    {
                        "name": "loop",
                        "action": "aws:loop",
                        "inputs": {
                            "Steps": [
                                {
                                    **_RELEASE,
                                    "inputs": {
                                        "Service": "ssm",
                                        "Api": "DeleteParameter",
                                        "Name": "{{ work.Lock }}",
                                    },
                                }
                            ]
                        },
                    },
                    _RELEASE,
                ]
            },
            "make its first step a lock",
        ),
        (_CLEAN, {}, ""),
        (_NIGHTLY, {}, ""),
    ],
)
def test_schedule_starts_what_takes_nothing_and_runs_once(
    schedule: Schedule, changes: dict[str, Any], message: str
) -> None:
    wanted, runbooks = _of(schedule, **changes)

    if not message:
        check_schedules(wanted, runbooks)
        return
    with pytest.raises(DelegationError) as refused:
        check_schedules(wanted, runbooks)
    assert message in str(refused.value), json.dumps(str(refused.value))


def test_schedule_of_what_is_approved_goes_without_own_executions() -> None:
    wanted, runbooks = _of(_CLEAN, approval=Approval(by=(IamUser("lead"),)))

    with pytest.raises(DelegationError, match="those of a schedule have none: leave one"):
        check_schedules(replace(wanted, own_executions=True), runbooks)


@pytest.mark.parametrize(
    ("at", "interval"),
    [
        ("rate(90 minutes)", timedelta(minutes=90)),
        ("rate(1 day)", timedelta(days=1)),
        ("cron(0 3 ? * SUN *)", timedelta(days=7)),
        ("cron(0 3 ? * MON,TUE *)", timedelta(days=1)),
        ("cron(0 3 1 1 ? 2030)", None),
        ("cron(0 3 L * ? *)", timedelta(days=28)),
    ],
)
def test_shortest_interval_is_that_between_two_starts(at: str, interval: timedelta | None) -> None:
    assert replace(_NIGHTLY, at=at).shortest_interval == interval


def test_guide_has_no_schedules() -> None:
    with pytest.raises(DelegationError, match="no own executions and no schedules"):
        deployment(profile="guide", schedules=(_NIGHTLY,))


def test_role_of_schedules_is_nobodys() -> None:
    with pytest.raises(DelegationError, match="is called as a role of the deployment's own"):
        deployment(service_roles=(ServiceRole(name="ScheduleRole", runbooks=(RUNBOOK,)),))
