"""How executions and calls find each other, whatever their order, and what belongs to none."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from operate.audit.event_history import EventHistory
from operate.audit.matching import AuditedExecution, Matching, Sources, UnattributedCall
from operate.audit.page import drawn_at
from operate.audit.records import Call, read_call
from operate.audit.spool import Spool
from operate.audit.watched_roles import trusts_automation
from operate.executions.execution import Run, StepRun

_BEGUN = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
_ROLE = "arn:aws:iam::111122223333:role/AutomationServiceRole"
_ROLES = frozenset({_ROLE})
_OTHER_ROLE = "arn:aws:iam::111122223333:role/Another"
_AUTOMATION = {"type": "AWSService", "invokedBy": "ssm.amazonaws.com"}
_KEY, _STOLEN = "ASIAAUTOMATION", "ASIASTOLEN"


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
    key: str = _KEY,
    invoked_by: str = "",
    **fields: Any,
) -> Call:
    """A call as the event history has it."""
    identity: dict[str, Any] = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role.rsplit('/', 1)[-1]}/{session}",
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {"arn": role},
            "attributes": {"creationDate": _at(0)},
        },
    }
    if not session:
        identity = {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve"}
    if invoked_by:
        identity["invokedBy"] = invoked_by
    service, _, operation = name.partition(":")
    record = {
        "eventID": f"{name}-{minute}-{session}-{key}",
        "eventTime": _at(minute),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": "us-east-1",
        "userIdentity": identity,
        "sourceIPAddress": source,
        **fields,
    }
    return read_call({"CloudTrailEvent": json.dumps(record)})


def _at(minute: float) -> str:
    return f"{_BEGUN + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def _opened(
    minute: float,
    session: str,
    *,
    by: dict[str, str] | None = _AUTOMATION,
    role: str = _ROLE,
    key: str = _KEY,
    **fields: Any,
) -> Call:
    """A session of a role, opened by Automation or, with ``by=None``, by eve."""
    return _call(
        "sts:AssumeRole",
        minute,
        source="ssm.amazonaws.com" if by else "192.0.2.1",
        requestParameters={"roleArn": role, "roleSessionName": session},
        responseElements={"credentials": {"accessKeyId": key}} if key else None,
        **{**({"userIdentity": by} if by else {}), **fields},
    )


def _matched(
    runs: list[list[Run]],
    *calls: Call,
    known: tuple[Run, ...] = (),
    elsewhere: tuple[Call, ...] = (),
    has_role: bool | None = True,
) -> tuple[list[AuditedExecution], Matching]:
    """Pages of executions matched with calls, the newest of which come first; ``known`` began
    before the window, ``elsewhere`` is what other Regions recorded."""
    newest_first = sorted(calls, key=lambda call: call.time, reverse=True)
    matching = _matching(newest_first, known, elsewhere, has_role)
    audited = [each for page in runs for each in matching.match_page(page)]
    return [*audited, *matching.finish()], matching


def _matching(
    calls: Iterable[Call],
    known: tuple[Run, ...] = (),
    elsewhere: tuple[Call, ...] = (),
    has_role: bool | None = True,
) -> Matching:
    sources = Sources(
        execution=lambda id_, regions: next((run for run in known if run.id == id_), None),
        earlier=lambda callers: [run for run in known if run.starter in callers],
        opened_between=lambda begin, end: [c for c in elsewhere if begin <= c.time <= end],
        has_role=lambda run: has_role,
    )
    return Matching(calls, watched=_ROLES, begin=_BEGUN, sources=sources, undecided=_InMemory())


class _InMemory(Spool[UnattributedCall]):
    """A spool without a file."""

    def __init__(self) -> None:
        self._values: list[UnattributedCall] = []

    def add(self, value: UnattributedCall) -> None:
        self._values.append(value)

    def __iter__(self) -> Iterator[UnattributedCall]:
        return iter([*self._values])


def _why(matching: Matching) -> list[tuple[str, str]]:
    return [(f"{o.call.service}:{o.call.name}", o.why) for o in matching.unattributed]


def _names(calls: Any) -> list[str]:
    return [f"{call.service}:{call.name}" for call in calls]


def test_calls_find_their_execution_by_the_session_that_automation_opened() -> None:
    one, two = _run(1), _run(2, 30)

    audited, matching = _matched(
        [[two], [one]],
        _opened(0, _id(1)),
        _call("ec2:StopInstances", 0.1, _id(1)),
        _opened(0.4, f"Automation-{_id(1)}", key="ASIASECOND"),
        _call("ec2:StartInstances", 0.5, f"Automation-{_id(1)}", key="ASIASECOND"),
        _opened(30, _id(2)),
        _call("ec2:StopInstances", 30.2, _id(2)),
    )

    assert [(a.run.id, _names(a.calls)) for a in audited] == [
        (_id(2), ["ec2:StopInstances"]),
        (_id(1), ["ec2:StopInstances", "ec2:StartInstances"]),
    ]
    assert (matching.unattributed, matching.refused) == ([], [])


def test_session_named_by_a_step_is_its_executions() -> None:
    step = _step("aws:executeAutomation", id_=_id(7))

    (audited,), _ = _matched(
        [[_run(1, steps=(step,))]],
        _opened(0, _id(7)),
        _call("ec2:StopInstances", 0.1, _id(7)),
    )

    assert _names(audited.calls) == ["ec2:StopInstances"]


def test_order_of_executions_does_not_matter() -> None:
    runs = [_run(number, 10 * number) for number in (2, 5, 1, 4, 3)]
    calls = [_call("ec2:StopInstances", 10 * n + 0.5, _id(n)) for n in range(1, 6)]
    opened = [_opened(10 * n, _id(n)) for n in range(1, 6)]

    audited, matching = _matched([runs[:2], runs[2:]], *calls, *opened)

    assert [len(each.calls) for each in audited] == [1] * 5
    assert matching.unattributed == []


def test_start_and_answers_are_reported_with_their_callers() -> None:
    run = _run(1)
    answer = {"automationExecutionId": run.id, "signalType": "Approve"}

    (audited,), _ = _matched(
        [[run]],
        _call(
            "ssm:StartAutomationExecution", 0, responseElements={"automationExecutionId": run.id}
        ),
        _call("ssm:SendAutomationSignal", 0.5, requestParameters=answer),
    )

    assert audited.start is not None
    assert audited.start.caller == "arn:aws:iam::111122223333:user/eve"
    assert [a.parameters["signalType"] for a in audited.answers] == ["Approve"]


def test_refused_start_is_no_execution() -> None:
    _, matching = _matched([], _call("ssm:StartAutomationExecution", 0, errorCode="AccessDenied"))

    assert _names(matching.refused) == ["ssm:StartAutomationExecution"]


def test_call_of_the_role_under_another_name_is_outside() -> None:
    audited, matching = _matched(
        [[_run(1)]],
        _call("ec2:TerminateInstances", 0.5, "somebody"),
        _call("ec2:TerminateInstances", 0.6, "somebody", role=_OTHER_ROLE),
    )

    assert _why(matching) == [("ec2:TerminateInstances", "the session name is not an execution id")]
    assert audited[0].calls == ()


def test_call_under_the_id_of_no_execution_is_outside() -> None:
    _, matching = _matched([[_run(1)]], _call("ec2:StopInstances", 0.5, _id(99)))

    assert _why(matching) == [("ec2:StopInstances", "there is no execution of this id")]


def test_execution_that_aws_no_longer_keeps_is_shown_by_its_start_and_its_session() -> None:
    answer = {"automationExecutionId": _id(99)}

    audited, matching = _matched(
        [[_run(1)]],
        _call(
            "ssm:StartAutomationExecution",
            0.3,
            requestParameters={"documentName": "Restart"},
            responseElements=answer,
        ),
        _opened(0.4, _id(99)),
        _call("ec2:StopInstances", 0.5, _id(99)),
        _call("ssm:SendAutomationSignal", 0.6, requestParameters=answer),
    )

    (_, found) = audited
    assert (found.run.id, found.run.runbook, found.run.status) == (
        _id(99),
        "Restart",
        "not kept by AWS",
    )
    assert (_names(found.calls), _names(found.answers)) == (
        ["ec2:StopInstances"],
        ["ssm:SendAutomationSignal"],
    )
    assert matching.unattributed == []


@pytest.mark.parametrize("id_", ["", "abc", None])
def test_refused_answer_that_names_no_execution_is_refused(id_: str | None) -> None:
    parameters = None if id_ is None else {"automationExecutionId": id_}

    audited, matching = _matched(
        [[_run(1)]],
        _call(
            "ssm:SendAutomationSignal",
            0.5,
            requestParameters=parameters,
            errorCode="ValidationException",
        ),
    )

    assert [each.run.id for each in audited] == [_id(1)]
    assert _names(matching.refused) == ["ssm:SendAutomationSignal"]


_EVENT = {
    "EventId": "1",
    "EventTime": _BEGUN,
    "EventName": "StopInstances",
    "EventSource": "ec2.amazonaws.com",
    "Username": "eve",
}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "no json",
        "[]",
        '{"eventTime": "null"}',
        '{"eventTime": "2026-11-26T08:00:00Z", "userIdentity": "eve"}',
    ],
)
def test_event_that_cannot_be_read_is_reported(text: str) -> None:
    _, matching = _matched([], read_call({**_EVENT, "CloudTrailEvent": text}))

    (found,) = matching.unattributed
    assert (found.call.name, found.call.caller, found.why) == (
        "StopInstances",
        "eve",
        "the event cannot be read",
    )


def test_session_of_a_role_is_known_without_an_arn() -> None:
    issuer = {"type": "Role", "arn": _ROLE.replace("role/", "role/team/")}
    identity = {
        "type": "AssumedRole",
        "principalId": "AROAX:eve",
        "sessionContext": {"sessionIssuer": issuer},
    }

    _, matching = _matched([], _call("ec2:StopInstances", 0.5, userIdentity=identity))

    (found,) = matching.unattributed
    assert (found.call.role, found.call.session, found.call.caller) == (
        _ROLE,
        "eve",
        "AssumedRole AROAX:eve",
    )


def test_calls_of_executions_without_a_role_are_given_to_the_one_under_way() -> None:
    lent = {
        "type": "IAMUser",
        "arn": "arn:aws:iam::111122223333:user/operator",
        "invokedBy": "cloudformation.amazonaws.com",
    }

    _, matching = _matched(
        [[_run(2, 3), _run(1)]],
        _call("ec2:StopInstances", 0.5, userIdentity=lent),
        _call("ec2:StartInstances", 3.5, userIdentity=lent),
        has_role=False,
    )

    assert {each.run.id: _names(each.calls) for each in matching.without_role} == {
        _id(1): ["ec2:StopInstances"],
        _id(2): ["ec2:StartInstances"],
    }


@pytest.mark.parametrize("key", ["", _KEY])
def test_session_that_is_not_automations_is_outside_whatever_its_name(key: str) -> None:
    """Eve's session of the same second, whose calls come as Automation's steps do."""
    run = _run(1)

    (audited,), matching = _matched(
        [[run]],
        _opened(0, run.id, key=_KEY),
        _opened(0, run.id, by=None, key=_STOLEN),
        _call("ec2:StopInstances", 0.1, run.id, key=_KEY),
        _call("ec2:TerminateInstances", 0.3, run.id, key=_STOLEN),
        _call("s3:DeleteBucket", 0.4, run.id, key="", source="cloudformation.amazonaws.com"),
    )

    opened = "arn:aws:iam::111122223333:user/eve opened a session of this name in us-east-1"
    assert _names(audited.calls) == ["ec2:StopInstances"]
    assert _why(matching) == [
        ("sts:AssumeRole", "the session was not opened by Systems Manager Automation"),
        ("ec2:TerminateInstances", opened),
        ("s3:DeleteBucket", opened),
    ]


def test_session_that_automation_opened_in_another_region_is_the_executions() -> None:
    run = _run(1)
    step = _step("aws:executeScript")
    call = _call("ec2:StopInstances", 0.5, run.id, source="192.0.2.1")
    opened = _opened(0, run.id)

    (audited,), matching = _matched([[_run(1, steps=(step,))]], call, elsewhere=(opened,))
    (without,), other = _matched([[_run(1, steps=(step,))]], call)

    assert (_names(audited.calls), matching.unattributed) == (["ec2:StopInstances"], [])
    assert (without.calls, _why(other)) == (
        (),
        [("ec2:StopInstances", "no AssumeRole of Automation opened the session")],
    )


def test_session_without_a_key_is_known_by_its_second_unless_somebody_shares_it() -> None:
    run = _run(1, steps=(_step("aws:executeScript"),))
    call = _call("ec2:StopInstances", 0.5, run.id, source="192.0.2.1")
    opened = _opened(0, run.id, key="")

    (audited,), matching = _matched([[run]], opened, call)
    (shared,), other = _matched(
        [[run]], opened, call, elsewhere=(_opened(0, run.id, by=None, key=""),)
    )

    assert (_names(audited.calls), matching.unattributed) == (["ec2:StopInstances"], [])
    assert (shared.calls, len(other.unattributed)) == ((), 1)


def test_event_that_does_not_say_when_its_session_was_opened_is_outside() -> None:
    identity = {"type": "AssumedRole", "arn": f"{_SESSION}/{_id(1)}"}
    call = _call("ec2:StopInstances", 0.5, source="192.0.2.1", userIdentity=identity)

    _, matching = _matched([[_run(1)]], call)

    assert _why(matching) == [
        ("ec2:StopInstances", "the event does not say when the session was opened")
    ]


_SESSION = "arn:aws:sts::111122223333:assumed-role/AutomationServiceRole"


def test_call_long_after_its_execution_is_outside() -> None:
    _, matching = _matched([[_run(1)]], _opened(0, _id(1)), _call("ec2:StopInstances", 40, _id(1)))

    assert _why(matching) == [("ec2:StopInstances", "the execution had ended")]


def test_call_from_elsewhere_is_outside_where_no_script_can_have_made_it() -> None:
    run, scripted = _run(1), _run(1, steps=(_step("aws:executeScript"),))
    events = (
        _opened(0, run.id),
        _call("ec2:DescribeInstances", 0.5, run.id, source="192.0.2.1"),
    )

    (audited,), matching = _matched([[run]], *events)
    (with_script,), other = _matched([[scripted]], *events)

    assert (audited.calls, _names(o.call for o in matching.unattributed)) == (
        (),
        ["ec2:DescribeInstances"],
    )
    assert (_names(with_script.calls), other.unattributed) == (["ec2:DescribeInstances"], [])


def test_session_that_somebody_opens_is_outside_and_a_refused_one_is_refused() -> None:
    _, matching = _matched(
        [], _opened(0, "eve", by=None), _opened(1, "eve", by=None, errorCode="AccessDenied")
    )

    assert _why(matching) == [
        ("sts:AssumeRole", "the session was not opened by Systems Manager Automation")
    ]
    assert _names(matching.refused) == ["sts:AssumeRole"]


def test_session_that_systems_manager_opens_for_something_else_is_outside() -> None:
    _, matching = _matched([], _opened(0, "mi-0123456789abcdef0"))

    assert [name for name, _ in _why(matching)] == ["sts:AssumeRole"]


def test_assume_role_by_a_step_of_somebody_else_is_not_automations() -> None:
    """It comes from Automation's address and names Automation in ``invokedBy``."""
    run = _run(1)
    step = {
        "type": "IAMUser",
        "arn": "arn:aws:iam::111122223333:user/eve",
        "invokedBy": "ssm.amazonaws.com",
    }

    (audited,), matching = _matched(
        [[run]],
        _opened(0, run.id, by=step, key=_STOLEN),
        _call("ec2:StopInstances", 0.1, run.id, key=_STOLEN),
    )

    assert audited.calls == ()
    assert [name for name, _ in _why(matching)] == ["sts:AssumeRole", "ec2:StopInstances"]


def test_name_of_an_execution_that_a_role_of_somebody_else_took_is_not_the_executions() -> None:
    run = _run(1)

    (audited,), matching = _matched(
        [[run]],
        _call("s3:PutObject", 0.2, run.id, role=_OTHER_ROLE, source="192.0.2.1"),
        _call("s3:PutObject", 0.3, run.id, role=_OTHER_ROLE),
    )

    assert audited.calls == ()
    assert matching.unattributed == []


def test_role_that_automation_assumed_is_watched_from_then_on() -> None:
    """Its trust policy does not name Automation any more."""
    run = _run(1)

    (audited,), matching = _matched(
        [[run]],
        _opened(0, run.id, role=_OTHER_ROLE),
        _call("s3:PutObject", 0.3, run.id, role=_OTHER_ROLE),
        _call("s3:DeleteObject", 0.4, "eve", role=_OTHER_ROLE, source="192.0.2.1"),
    )

    assert _names(audited.calls) == ["s3:PutObject"]
    assert _why(matching) == [("s3:DeleteObject", "the session name is not an execution id")]
    assert matching.used_roles == {_OTHER_ROLE}


@pytest.mark.parametrize(
    "name",
    [
        "sts:AssumeRole",
        "ssm:StartAutomationExecution",
        "ssm:SendAutomationSignal",
        "ec2:RunInstances",
    ],
)
def test_whatever_a_session_of_no_execution_calls_is_outside(name: str) -> None:
    _, matching = _matched([], _call(name, 0, "eve", source="192.0.2.1"))

    assert [each for each, _ in _why(matching)] == [name]


def test_execution_that_began_before_the_window_keeps_its_calls_and_answers() -> None:
    older, answered = _run(3, -2), _run(4, -30)
    signal = {"automationExecutionId": answered.id, "signalType": "Approve"}

    audited, matching = _matched(
        [[_run(1)]],
        _call("ec2:StopInstances", -1, _id(3)),
        _call("ssm:SendAutomationSignal", 0.5, requestParameters=signal),
        known=(older, answered),
        elsewhere=(_opened(-2, _id(3)),),
    )

    assert [(a.run.id, a.began_earlier, _names((*a.calls, *a.answers))) for a in audited] == [
        (_id(1), False, []),
        (_id(4), True, ["ssm:SendAutomationSignal"]),
        (_id(3), True, ["ec2:StopInstances"]),
    ]
    assert matching.unattributed == []


def test_execution_without_a_role_is_set_apart_with_what_was_called_for_it() -> None:
    eve = {
        "type": "IAMUser",
        "arn": "arn:aws:iam::111122223333:user/operator",
        "invokedBy": "ssm.amazonaws.com",
    }

    audited, matching = _matched(
        [[_run(1)]],
        _call("iam:CreateUser", 0.5, userIdentity=eve),
        _call("kms:Decrypt", 90, userIdentity=eve),
        has_role=False,
    )
    (lent,) = matching.without_role

    assert audited == []
    assert (lent.run.id, _names(lent.calls)) == (_id(1), ["iam:CreateUser"])


@pytest.mark.parametrize(("opened", "is_without"), [((), True), ((_opened(0, _id(1)),), False)])
def test_execution_of_a_deleted_document_has_a_role_if_automation_opened_one(
    opened: tuple[Call, ...], is_without: bool
) -> None:
    _, here = _matched([[_run(1)]], *opened, has_role=None)
    _, elsewhere = _matched([[_run(1)]], elsewhere=opened, has_role=None)

    assert [bool(m.without_role) for m in (here, elsewhere)] == [is_without] * 2


def test_no_more_is_held_than_the_calls_of_executions_under_way() -> None:
    """Memory: of a thousand executions one after the other, at most one page's calls are held."""
    runs = [_run(number, 10 * number) for number in range(1000, 0, -1)]
    calls = (
        call
        for number in range(1000, 0, -1)
        for call in (
            _call("ec2:DescribeInstanceStatus", 10 * number + 0.5, _id(number)),
            _opened(10 * number, _id(number)),
        )
    )
    matching = _matching(calls)
    most = 0

    for start in range(0, 1000, 50):
        for each in matching.match_page(runs[start : start + 50]):
            assert len(each.calls) == 1
        most = max(most, len(matching._gathered))

    assert most <= 1


def test_calls_of_one_second_keep_their_order() -> None:
    run = _run(1)
    first, second = (
        _call("ec2:StopInstances", 0.1, run.id),
        _call("ec2:StartInstances", 0.1, run.id),
    )
    matching = _matching([second, first, _opened(0, run.id)])  # the newest first

    (audited,) = matching.match_page([run])

    assert _names(audited.calls) == ["ec2:StopInstances", "ec2:StartInstances"]


def test_everything_that_was_acted_on_is_found_ids_before_names() -> None:
    call = _call(
        "ec2:StopInstances",
        0,
        _id(1),
        requestParameters={
            "groupName": "a" * 400,
            "instancesSet": {"items": [{"instanceId": f"i-{n}"} for n in range(50)]},
            "force": False,
            "width": "is not a name",
            "password": "HIDDEN_DUE_TO_SECURITY_REASONS",
        },
    )

    assert call.resources == (*(f"i-{n}" for n in range(50)), "a" * 400)


@pytest.mark.parametrize(
    ("principal", "trusts"),
    [
        ({"Service": "ssm.amazonaws.com"}, True),
        ({"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}, True),
        ({"Service": "ssm.eu-west-1.amazonaws.com"}, True),
        ({"Service": "ssm.amazonaws.com.cn"}, True),
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ["arn:aws:iam::111122223333:root", "*"]}, True),
        ({"Service": "ec2.amazonaws.com"}, False),
        ({"AWS": "arn:aws:iam::111122223333:root"}, False),
    ],
)
def test_roles_that_automation_may_assume_are_known_by_their_trust(
    principal: Any, trusts: bool
) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}

    assert trusts_automation({"Statement": [statement]}) is trusts
    assert trusts_automation({"Statement": statement}) is trusts
    assert not trusts_automation({"Statement": [{**statement, "Effect": "Deny"}]})


def test_call_is_never_drawn_before_a_step_that_began_in_its_second() -> None:
    call = _call("ec2:StopInstances", 0)
    begun = [_BEGUN - timedelta(seconds=3), _BEGUN + timedelta(milliseconds=700)]

    assert drawn_at(call, begun) == begun[1]
    assert drawn_at(call, begun[:1]) == _BEGUN
    assert drawn_at(call, [_BEGUN + timedelta(seconds=1)]) == _BEGUN


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
    history, pauses, reported = _History(endpoint), list[float](), list[int]()
    connection: Any = SimpleNamespace(
        client=lambda service, region: history,
        region="us-east-1",
        home_of_global_services="us-east-1",
    )
    monkeypatch.setattr("time.sleep", pauses.append)
    until = _BEGUN + timedelta(hours=1)

    calls = [*EventHistory(connection).back(_BEGUN, until, lambda _, count: reported.append(count))]

    assert [call.id for call in calls] == ["1", "2", "3"]
    assert reported == [1, 2, 3]
    window = {"StartTime": _BEGUN, "EndTime": until, "MaxResults": 50}
    assert history.asked == [
        window,
        {**window, "NextToken": "page1"},
        {**window, "NextToken": "page2"},
    ]
    assert len(pauses) == slept
    assert all(0.4 < pause <= 0.5 for pause in pauses)
