"""How runs and calls find each other, whatever their order, and what belongs to no run."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from operate.executions import Run, StepRun
from operate.trail import event_history
from operate.trail.joined import AuditedRun, Join
from operate.trail.records import Call, read_call

_BEGUN = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
_ROLE = "arn:aws:iam::111122223333:role/AutomationServiceRole"
_ROLES = frozenset({_ROLE})
_OTHER_ROLE = "arn:aws:iam::111122223333:role/Another"


def _id(number: int) -> str:
    return f"{number:08d}-0000-0000-0000-000000000000"


def _run(number: int, minute: int = 0, *, steps: tuple[StepRun, ...] = ()) -> Run:
    """A run of one minute."""
    begun = _BEGUN + timedelta(minutes=minute)
    return Run(
        id=_id(number),
        runbook="Restart",
        version="1",
        status="Success",
        started=begun,
        ended=begun + timedelta(minutes=1),
        starter="arn:aws:iam::111122223333:user/operator",
        parameters={},
        outputs={},
        failure="",
        steps=steps,
        answer={},
    )


def _step(action: str, *, id_: str = "") -> StepRun:
    return StepRun(
        id=id_,
        name="step",
        action=action,
        status="Success",
        started=None,
        ended=None,
        inputs={},
        outputs={},
        failure="",
    )


def _call(
    name: str,
    minute: float,
    session: str = "",
    *,
    role: str = _ROLE,
    source: str = "ssm.amazonaws.com",
    **fields: Any,
) -> Call:
    """A call as the event history tells it."""
    identity: dict[str, Any] = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role.rsplit('/', 1)[-1]}/{session}",
        "sessionContext": {"sessionIssuer": {"arn": role}},
    }
    if not session:
        identity = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve"}
    service, _, operation = name.partition(":")
    record = {
        "eventID": f"{name}-{minute}",
        "eventTime": f"{_BEGUN + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "userIdentity": identity,
        "sourceIPAddress": source,
        **fields,
    }
    return read_call({"CloudTrailEvent": json.dumps(record)})


def _assumed(minute: float, session: str, **fields: Any) -> Call:
    """A session of the service role, opened by somebody."""
    return _call(
        "sts:AssumeRole",
        minute,
        source="192.0.2.1",
        requestParameters={"roleArn": _ROLE, "roleSessionName": session},
        **fields,
    )


def _joined(
    runs: list[list[Run]], *calls: Call, known: tuple[Run, ...] = ()
) -> tuple[list[AuditedRun], Join]:
    """Pages of runs joined with calls, the newest of which come first."""
    newest_first = sorted(calls, key=lambda call: call.time, reverse=True)
    join = Join(newest_first, _ROLES)
    audited = [each for page in runs for each in join.of(page)]
    join.rest(lambda id_: next((run for run in known if run.id == id_), None))
    return audited, join


def _names(calls: Any) -> list[str]:
    return [f"{call.service}:{call.name}" for call in calls]


def test_calls_find_their_run_by_the_name_of_the_session() -> None:
    one, two = _run(1), _run(2, 30)

    audited, join = _joined(
        [[two], [one]],
        _call("ec2:StopInstances", 0.1, _id(1)),
        _call("ec2:StartInstances", 0.5, f"Automation-{_id(1)}"),
        _call("ec2:StopInstances", 30.2, _id(2)),
    )

    assert [(a.run.id, _names(a.calls)) for a in audited] == [
        (_id(2), ["ec2:StopInstances"]),
        (_id(1), ["ec2:StopInstances", "ec2:StartInstances"]),
    ]
    assert (join.outside, join.refused) == ([], [])


def test_session_named_by_a_step_is_its_runs() -> None:
    step = _step("aws:executeAutomation", id_=_id(7))

    (audited,), _ = _joined([[_run(1, steps=(step,))]], _call("ec2:StopInstances", 0.1, _id(7)))

    assert _names(audited.calls) == ["ec2:StopInstances"]


def test_order_of_runs_does_not_matter() -> None:
    runs = [_run(number, 10 * number) for number in (2, 5, 1, 4, 3)]
    calls = [_call("ec2:StopInstances", 10 * n + 0.5, _id(n)) for n in range(1, 6)]

    audited, join = _joined([runs[:2], runs[2:]], *calls)

    assert [len(each.calls) for each in audited] == [1] * 5
    assert join.outside == []


def test_start_and_answers_are_told_with_who() -> None:
    run = _run(1)
    answer = {"automationExecutionId": run.id, "signalType": "Approve"}

    (audited,), _ = _joined(
        [[run]],
        _call(
            "ssm:StartAutomationExecution", 0, responseElements={"automationExecutionId": run.id}
        ),
        _call("ssm:SendAutomationSignal", 0.5, requestParameters=answer),
    )

    assert audited.start is not None
    assert audited.start.who == "arn:aws:iam::111122223333:user/eve"
    assert [a.parameters["signalType"] for a in audited.answers] == ["Approve"]


def test_refused_start_is_no_run() -> None:
    _, join = _joined([], _call("ssm:StartAutomationExecution", 0, errorCode="AccessDenied"))

    assert _names(join.refused) == ["ssm:StartAutomationExecution"]


def test_call_of_the_role_under_another_name_is_outside() -> None:
    audited, join = _joined(
        [[_run(1)]],
        _call("ec2:TerminateInstances", 0.5, "somebody"),
        _call("ec2:TerminateInstances", 0.6, "somebody", role=_OTHER_ROLE),
    )

    assert [call.role for call in join.outside] == [_ROLE]
    assert audited[0].calls == ()


def test_call_under_the_id_of_no_run_is_outside() -> None:
    _, join = _joined([[_run(1)]], _call("ec2:StopInstances", 0.5, _id(99)))

    assert _names(join.outside) == ["ec2:StopInstances"]


def test_run_that_began_before_the_time_asked_for_is_known() -> None:
    older = _run(3, -2)

    _, join = _joined([[_run(1)]], _call("ec2:StopInstances", -1.5, _id(3)), known=(older,))

    assert join.outside == []


def test_name_of_a_run_that_somebody_took_does_not_hide_his_calls() -> None:
    run = _run(1)

    (audited,), join = _joined(
        [[run]],
        _call("ec2:StopInstances", 0.1, run.id),
        _assumed(0.2, run.id),
        _call("ec2:TerminateInstances", 0.3, run.id, source="192.0.2.1"),
    )

    assert _names(audited.calls) == ["ec2:StopInstances"]
    assert _names(join.outside) == ["sts:AssumeRole", "ec2:TerminateInstances"]


def test_call_long_after_its_run_is_outside() -> None:
    _, join = _joined([[_run(1)]], _call("ec2:StopInstances", 40, _id(1)))

    assert _names(join.outside) == ["ec2:StopInstances"]


def test_session_that_somebody_opens_is_outside_and_a_refused_one_is_refused() -> None:
    _, join = _joined([], _assumed(0, "eve"), _assumed(1, "eve", errorCode="AccessDenied"))

    assert (_names(join.outside), _names(join.refused)) == (["sts:AssumeRole"], ["sts:AssumeRole"])


def test_name_of_a_run_that_a_role_of_somebody_else_took_is_not_the_runs() -> None:
    run = _run(1)

    (audited,), join = _joined(
        [[run]],
        _call("s3:PutObject", 0.2, run.id, role=_OTHER_ROLE, source="192.0.2.1"),
        _call("s3:PutObject", 0.3, run.id, role=_OTHER_ROLE),
    )

    assert audited.calls == ()
    assert join.outside == []


def test_role_that_automation_assumed_for_a_run_is_the_runs() -> None:
    """A role that no tag names: its calls are told with its run, and it is named."""
    run = _run(1)

    (audited,), join = _joined(
        [[run]],
        _call(
            "sts:AssumeRole",
            0,
            userIdentity={"type": "AWSService", "invokedBy": "ssm.amazonaws.com"},
            requestParameters={"roleArn": _OTHER_ROLE, "roleSessionName": run.id},
        ),
        _call("s3:PutObject", 0.3, run.id, role=_OTHER_ROLE),
    )

    assert _names(audited.calls) == ["s3:PutObject"]
    assert join.other_roles == {_OTHER_ROLE}


@pytest.mark.parametrize(
    "name",
    [
        "sts:AssumeRole",
        "ssm:StartAutomationExecution",
        "ssm:SendAutomationSignal",
        "ec2:RunInstances",
    ],
)
def test_whatever_a_session_of_nobodys_run_calls_is_outside(name: str) -> None:
    _, join = _joined([], _call(name, 0, "eve", source="192.0.2.1"))

    assert _names(join.outside) == [name]


def test_session_under_a_runs_name_that_was_opened_elsewhere_is_outside() -> None:
    """In another Region, whose event history is not read: the calls do not come through AWS."""
    run = _run(1)

    (audited,), join = _joined(
        [[run]], _call("ec2:TerminateInstances", 0.5, run.id, source="192.0.2.1")
    )

    assert audited.calls == ()
    assert _names(join.outside) == ["ec2:TerminateInstances"]


def test_script_of_a_run_calls_from_where_it_runs() -> None:
    run = _run(1, steps=(_step("aws:executeScript"),))
    call = _call("ec2:DescribeInstances", 0.5, run.id, source="192.0.2.1")

    (audited,), join = _joined([[run]], call)
    (taken,), other = _joined([[run]], _assumed(0.1, run.id), call)

    assert (_names(audited.calls), join.outside) == (["ec2:DescribeInstances"], [])
    assert (taken.calls, _names(other.outside)) == ((), ["sts:AssumeRole", "ec2:DescribeInstances"])


def test_session_that_automation_opens_is_nothing_to_tell() -> None:
    call = _call(
        "sts:AssumeRole",
        0,
        userIdentity={"type": "AWSService", "invokedBy": "ssm.amazonaws.com"},
        requestParameters={"roleArn": _ROLE, "roleSessionName": _id(1)},
    )

    _, join = _joined([[_run(1)]], call)

    assert (join.outside, join.refused) == ([], [])


def test_no_more_is_held_than_the_calls_of_runs_under_way() -> None:
    """Memory: of a thousand runs one after the other, at most one page's calls are held."""
    runs = [_run(number, 10 * number) for number in range(1000, 0, -1)]
    calls = (
        _call("ec2:DescribeInstanceStatus", 10 * run_number + 0.5, _id(run_number))
        for run_number in range(1000, 0, -1)
    )
    join = Join(calls, _ROLES)
    most = 0

    for start in range(0, 1000, 50):
        for each in join.of(runs[start : start + 50]):
            assert len(each.calls) == 1
        most = max(most, len(join._gathered))

    assert most <= 1


def test_calls_of_one_second_keep_their_order() -> None:
    run = _run(1)
    first, second = (
        _call("ec2:StopInstances", 0.1, run.id),
        _call("ec2:StartInstances", 0.1, run.id),
    )
    join = Join([second, first], _ROLES)  # the newest first

    (audited,) = join.of([run])

    assert _names(audited.calls) == ["ec2:StopInstances", "ec2:StartInstances"]


def test_names_of_what_was_acted_on_are_found_in_the_parameters() -> None:
    call = _call(
        "ec2:StopInstances",
        0,
        _id(1),
        requestParameters={
            "instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]},
            "force": False,
        },
    )

    assert call.resources == ("i-1", "i-2")


class _History:
    """CloudTrail as a client asks it: three pages, at an endpoint of AWS."""

    def __init__(self, endpoint: str) -> None:
        self.meta = SimpleNamespace(endpoint_url=endpoint)
        self.asked: list[dict[str, Any]] = []

    def lookup_events(self, **asked: Any) -> dict[str, Any]:
        """A page of one event, and a token twice."""
        self.asked.append(asked)
        record = {"eventTime": "2026-11-26T08:00:00Z", "eventID": str(len(self.asked))}
        more = {"NextToken": f"page{len(self.asked)}"} if len(self.asked) < 3 else {}
        return {"Events": [{"CloudTrailEvent": json.dumps(record)}], **more}


@pytest.mark.parametrize(
    ("endpoint", "slept"),
    [
        ("https://cloudtrail.us-east-1.amazonaws.com", 2),
        ("https://cloudtrail.cn-north-1.amazonaws.com.cn", 2),
        ("https://localhost:4566", 0),
    ],
)
def test_event_history_of_aws_is_asked_twice_a_second_for_everything(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, slept: int
) -> None:
    history, pauses, told = _History(endpoint), list[float](), list[int]()
    connection: Any = SimpleNamespace(client=lambda service: history)
    monkeypatch.setattr("time.sleep", pauses.append)
    until = _BEGUN + timedelta(hours=1)

    calls = [
        *event_history.events_back(connection, _BEGUN, until, lambda _, count: told.append(count))
    ]

    assert [call.id for call in calls] == ["1", "2", "3"]
    assert told == [1, 2, 3]
    window = {"StartTime": _BEGUN, "EndTime": until, "MaxResults": 50}
    assert history.asked == [
        window,
        {**window, "NextToken": "page1"},
        {**window, "NextToken": "page2"},
    ]
    assert len(pauses) == slept
    assert all(0.4 < pause <= 0.5 for pause in pauses)
