"""The alarm of a start stops the execution, with the permissions of its role."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.operator import children
from sandbox import Sandbox
from tests.sandbox.alarms import put_alarm
from tests.sandbox.conftest import WAIT, Document, Make, error_code, make_step

pytestmark = pytest.mark.sandbox

Finish = Callable[..., Document]
SetAlarm = Callable[[str], Document]

_READ: Document = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}
_STOP: Document = {"Effect": "Allow", "Action": "ssm:StopAutomationExecution", "Resource": "*"}
_LONG: Document = {**make_step("long", "sleep", Duration="PT5M"), "onCancel": "step:clean"}
_CLEAN: Document = {**make_step("clean", "sleep", Duration="PT0S"), "isEnd": True}


@pytest.fixture
def set_alarm(sandbox: Sandbox, unique: str) -> Iterator[SetAlarm]:
    """Puts an alarm in a state and returns the configuration that names it."""
    cloudwatch = sandbox.client("cloudwatch")

    def put(state: str) -> Document:
        put_alarm(cloudwatch, unique, state)
        return {"Alarms": [{"Name": unique}]}

    yield put
    cloudwatch.delete_alarms(AlarmNames=[unique])


def _start(ssm: Any, name: str, alarm: Document, **given: Any) -> str:
    answer = ssm.start_automation_execution(DocumentName=name, AlarmConfiguration=alarm, **given)
    return str(answer["AutomationExecutionId"])


def _now(ssm: Any, id_: str) -> Document:
    found: Document = ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]
    return found


def _steps(execution: Document) -> dict[str, str]:
    return {step["StepName"]: step["StepStatus"] for step in execution["StepExecutions"]}


def test_a_quiet_alarm_lets_it_run(
    ssm: Any, role: Make, runbook: Make, finish: Finish, set_alarm: SetAlarm
) -> None:
    alarm = set_alarm("INSUFFICIENT_DATA")
    name = runbook(WAIT, assumeRole=role(_READ, _STOP))

    ended = finish(_start(ssm, name, alarm))

    assert ended["AutomationExecutionStatus"] == "Success"
    assert ended["AlarmConfiguration"] == alarm
    assert "TriggeredAlarms" not in ended


def test_an_alarm_that_fires_stops_the_step_and_runs_its_on_cancel(
    ssm: Any, role: Make, runbook: Make, finish: Finish, unique: str, set_alarm: SetAlarm
) -> None:
    name = runbook(_LONG, _CLEAN, assumeRole=role(_READ, _STOP))
    started = _start(ssm, name, set_alarm("OK"))
    running = {"AutomationExecutionId": started}
    while (
        _steps(ssm.get_automation_execution(**running)["AutomationExecution"])["long"] == "Pending"
    ):
        pass

    set_alarm("ALARM")

    ended = finish(started)
    assert ended["AutomationExecutionStatus"] == "Cancelled"
    assert ended["TriggeredAlarms"] == [{"Name": unique, "State": "ALARM"}]
    assert _steps(ended) == {"long": "Cancelled", "clean": "Success"}


def test_an_alarm_that_fires_ends_a_step_that_was_to_complete(
    ssm: Any, role: Make, runbook: Make, finish: Finish, unique: str, set_alarm: SetAlarm
) -> None:
    name = runbook(_LONG, _CLEAN, assumeRole=role(_READ, _STOP))
    started = _start(ssm, name, set_alarm("OK"))
    while _steps(_now(ssm, started))["long"] == "Pending":
        pass
    ssm.stop_automation_execution(AutomationExecutionId=started, Type="Complete")

    set_alarm("ALARM")

    assert finish(started)["TriggeredAlarms"] == [{"Name": unique, "State": "ALARM"}]


def test_an_alarm_that_fires_already_lets_no_step_begin(
    ssm: Any, role: Make, runbook: Make, finish: Finish, set_alarm: SetAlarm
) -> None:
    name = runbook(WAIT, assumeRole=role(_READ, _STOP))

    ended = finish(_start(ssm, name, set_alarm("ALARM")))

    assert ended["AutomationExecutionStatus"] == "Cancelled"
    assert _steps(ended) == {"wait": "Pending"}


@pytest.mark.parametrize(
    ("goes_on", "status"), [(False, "Cancelled"), (True, "Success")], ids=["default", "ignored"]
)
@pytest.mark.parametrize("can_read", [True, False], ids=["no such alarm", "not permitted"])
def test_an_alarm_that_cannot_be_read_stops_it_unless_that_is_ignored(
    ssm: Any,
    role: Make,
    runbook: Make,
    finish: Finish,
    unique: str,
    set_alarm: SetAlarm,
    goes_on: bool,
    status: str,
    can_read: bool,
) -> None:
    alarm = {"Alarms": [{"Name": unique}]} if can_read else set_alarm("OK")
    name = runbook(WAIT, assumeRole=role(*([_READ] if can_read else []), _STOP))

    ended = finish(_start(ssm, name, {**alarm, "IgnorePollAlarmFailure": goes_on}))

    assert ended["AutomationExecutionStatus"] == status
    shown = [] if goes_on else [{"Name": unique, "State": "UNKNOWN"}]
    assert ended.get("TriggeredAlarms", []) == shown


def test_an_identity_that_may_not_stop_it_does_not(
    ssm: Any, role: Make, runbook: Make, finish: Finish, set_alarm: SetAlarm
) -> None:
    name = runbook(WAIT, assumeRole=role(_READ))

    ended = finish(_start(ssm, name, set_alarm("ALARM")))

    assert ended["AutomationExecutionStatus"] == "Success"
    assert "ssm:StopAutomationExecution" in ended["FailureMessage"]


def test_an_alarm_of_a_start_with_targets_lets_no_further_target_begin(
    ssm: Any, role: Make, runbook: Make, finish: Finish, set_alarm: SetAlarm
) -> None:
    parameters = {"Who": {"type": "String"}}
    name = runbook(_LONG, _CLEAN, parameters=parameters, assumeRole=role(_READ, _STOP))
    targets = [{"Key": "ParameterValues", "Values": ["one", "two", "three"]}]
    given = {"TargetParameterName": "Who", "Targets": targets, "MaxConcurrency": "1"}
    started = _start(ssm, name, set_alarm("OK"), **given)
    while not children(ssm, started):
        pass

    set_alarm("ALARM")

    ended = finish(started)
    assert ended["AutomationExecutionStatus"] == "Cancelled"
    assert [each["Target"] for each in children(ssm, started)] == ["one"]


def test_a_start_names_one_alarm(ssm: Any, runbook: Make) -> None:
    name, two = runbook(WAIT), {"Alarms": [{"Name": "one"}, {"Name": "two"}]}

    code = error_code(ssm.start_automation_execution, DocumentName=name, AlarmConfiguration=two)

    assert code == "ValidationException"
