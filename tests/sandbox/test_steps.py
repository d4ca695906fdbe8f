"""The step engine: order, attempts, time limits, failures, stops."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document, Make, start

pytestmark = pytest.mark.sandbox

Finish = Callable[..., Document]


def _step(name: str, action: str = "aws:sleep", **fields: Any) -> Document:
    inputs = {"Duration": "PT0S"} if action == "aws:sleep" else {}
    return {"name": name, "action": action, "inputs": inputs, **fields}


def _failing(name: str, **fields: Any) -> Document:
    return _step(name, inputs={"Duration": "soon"}, **fields)


def _statuses(execution: Document) -> dict[str, str]:
    return {step["StepName"]: step["StepStatus"] for step in execution["StepExecutions"]}


_FLOWS: dict[str, tuple[list[Document], str, dict[str, str]]] = {
    "in order": ([_step("a"), _step("b")], "Success", {"a": "Success", "b": "Success"}),
    "isEnd ends": (
        [_step("a", isEnd=True), _step("b")],
        "Success",
        {"a": "Success", "b": "Pending"},
    ),
    "nextStep jumps": (
        [_step("a", nextStep="c"), _step("b"), _step("c")],
        "Success",
        {"a": "Success", "b": "Pending", "c": "Success"},
    ),
    "failure aborts": ([_failing("a"), _step("b")], "Failed", {"a": "Failed", "b": "Pending"}),
    "failure continues": (
        [_failing("a", onFailure="Continue"), _step("b")],
        "Success",
        {"a": "Failed", "b": "Success"},
    ),
    "failure continues but is critical": (
        [_failing("a", onFailure="Continue", isCritical=True), _step("b")],
        "Failed",
        {"a": "Failed", "b": "Success"},
    ),
    "failure leads to another step": (
        [_failing("a", onFailure="step:c"), _step("b"), _step("c")],
        "Failed",
        {"a": "Failed", "b": "Pending", "c": "Success"},
    ),
    "failure that is not critical leads to another step": (
        [_failing("a", onFailure="step:c", isCritical=False), _step("b"), _step("c")],
        "Success",
        {"a": "Failed", "b": "Pending", "c": "Success"},
    ),
    "time limit": (
        [_step("a", inputs={"Duration": "PT1H"}, timeoutSeconds=0.1), _step("b")],
        "TimedOut",
        {"a": "TimedOut", "b": "Pending"},
    ),
}


@pytest.mark.parametrize("flow", _FLOWS)
def test_steps_follow_each_other_as_the_document_says(
    ssm: Any, runbook: Make, finish: Finish, flow: str
) -> None:
    steps, status, statuses = _FLOWS[flow]

    execution = finish(start(ssm, runbook(*steps)))

    assert execution["AutomationExecutionStatus"] == status
    assert _statuses(execution) == statuses


def test_failed_step_says_why_and_so_does_the_execution(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    execution = finish(start(ssm, runbook(_failing("a"))))

    expected = (
        "Step fails when it is Execute/Cancelling action. Duration soon is not an ISO 8601 "
        "duration, as in PT10M. Please refer to Automation Service Troubleshooting Guide for more "
        "diagnosis details."
    )
    assert execution["FailureMessage"] == expected
    assert execution["StepExecutions"][0]["FailureMessage"] == expected


def test_failing_step_is_attempted_as_often_as_it_says(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    execution = finish(start(ssm, runbook(_failing("a", maxAttempts=3))))

    (step,) = execution["StepExecutions"]
    assert step["FailureDetails"]["Details"]["Attempt"] == ["3"]


def test_action_that_the_sandbox_cannot_run_fails_its_step_and_says_so(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    execution = finish(start(ssm, runbook(_step("a", "aws:invokeWebhook"))))

    assert _statuses(execution) == {"a": "Failed"}
    assert (
        "The sandbox cannot run aws:invokeWebhook; it runs aws:approve, "
        "aws:assertAwsResourceProperty, aws:branch, aws:changeInstanceState, aws:copyImage, "
        "aws:createImage, aws:createStack, aws:createTags, aws:deleteImage, aws:deleteStack, "
        "aws:executeAutomation, aws:executeAwsApi, aws:executeScript, aws:loop, aws:pause, "
        "aws:runCommand, aws:runInstances, aws:sleep, aws:updateVariable, "
        "aws:waitForAwsResourceProperty"
    ) in execution["FailureMessage"]


def test_pending_steps_have_no_times_and_ended_ones_have_both(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    first, second = finish(start(ssm, runbook(_failing("a"), _step("b"))))["StepExecutions"]

    assert first["ExecutionStartTime"] <= first["ExecutionEndTime"]
    assert not {"ExecutionStartTime", "ExecutionEndTime"} & second.keys()


def test_references_are_filled_with_their_types_also_in_nested_values(
    ssm: Any, runbook: Make, finish: Finish, instances: Callable[..., list[str]]
) -> None:
    ids = instances(2)
    tag = {
        "name": "tag",
        "action": "aws:executeAwsApi",
        "inputs": {
            "Service": "ec2",
            "Api": "CreateTags",
            "Resources": "{{ Ids }}",
            "Tags": [{"Key": "Run", "Value": "by {{ automation:EXECUTION_ID }}"}],
        },
    }
    read = {
        "name": "read",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ec2", "Api": "DescribeInstances", "InstanceIds": "{{ Ids }}"},
        "outputs": [
            {
                "Name": "Run",
                "Selector": "$.Reservations[0].Instances[0].Tags[0].Value",
                "Type": "String",
            },
            {"Name": "All", "Selector": "$.Reservations..InstanceId", "Type": "StringList"},
        ],
    }
    name = runbook(
        tag,
        read,
        parameters={"Ids": {"type": "StringList"}},
        outputs=["read.Run", "{{ read.All }}"],
    )

    execution_id = start(ssm, name, Ids=ids)

    outputs = finish(execution_id)["Outputs"]
    assert outputs["read.Run"] == [f"by {execution_id}"]
    assert sorted(outputs["read.All"]) == sorted(ids)


def test_reference_to_an_output_that_is_not_there_fails_the_step_with_what_is_known(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    steps = [_step("a"), _step("b", inputs={"Duration": "{{ a.Long }}"})]

    execution = finish(start(ssm, runbook(*steps)))

    assert "{{ a.Long }} refers to nothing that this execution has" in execution["FailureMessage"]


def test_api_error_fails_the_step_with_awss_message(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    call = {"Service": "ec2", "Api": "StopInstances", "InstanceIds": ["i-00000000000000000"]}
    execution = finish(start(ssm, runbook(_step("a", "aws:executeAwsApi", inputs=call))))

    assert "An error occurred (InvalidInstanceID.NotFound)" in execution["FailureMessage"]


_WRONG_CALLS = {
    "service": ({"Service": "ec3", "Api": "StopInstances"}, "Service ec3 does not exist"),
    "api": ({"Service": "ec2", "Api": "HaltInstances"}, "Api HaltInstances of service ec2"),
    "no operation": ({"Service": "ec2", "Api": "Meta"}, "Api Meta of service ec2 does not exist"),
    "input called as an argument": (
        {"Service": "ec2", "Api": "StopInstances", "function": "x"},
        "Missing required parameter in input",
    ),
    "parameter": (
        {"Service": "ec2", "Api": "StopInstances", "Instances": []},
        'Missing required parameter in input: "InstanceIds"',
    ),
}


@pytest.mark.parametrize("case", _WRONG_CALLS)
def test_wrong_api_call_fails_the_step_in_plain_words(
    ssm: Any, runbook: Make, finish: Finish, case: str
) -> None:
    inputs, words = _WRONG_CALLS[case]
    execution = finish(start(ssm, runbook(_step("a", "aws:executeAwsApi", inputs=inputs))))

    assert words in execution["FailureMessage"]


def _change(ids: list[str], state: str, **inputs: Any) -> Document:
    inputs = {"InstanceIds": ids, "DesiredState": state, **inputs}
    return _step(f"to-{state}", "aws:changeInstanceState", inputs=inputs)


def _state(sandbox: Sandbox, instance: str) -> str:
    answer = sandbox.client("ec2").describe_instances(InstanceIds=[instance])
    return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])


@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_instance_is_brought_to_the_state(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Any, state: str
) -> None:
    (instance,) = instances()

    execution = finish(start(ssm, runbook(_change([instance], state, Force=True))))

    assert execution["AutomationExecutionStatus"] == "Success"
    assert _state(sandbox, instance) == state


def test_check_state_only_changes_nothing_and_awaits_the_state(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Any
) -> None:
    (instance,) = instances()
    execution_id = start(ssm, runbook(_change([instance], "stopped", CheckStateOnly=True)))
    time.sleep(0.2)
    waiting = ssm.get_automation_execution(AutomationExecutionId=execution_id)

    sandbox.client("ec2").stop_instances(InstanceIds=[instance])

    assert _statuses(waiting["AutomationExecution"]) == {"to-stopped": "InProgress"}
    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def test_cancelled_execution_cancels_its_step_and_starts_no_other(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    execution_id = start(ssm, runbook(_step("a", inputs={"Duration": "PT1H"}), _step("b")))
    time.sleep(0.1)

    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")

    execution = finish(execution_id)
    assert execution["AutomationExecutionStatus"] == "Cancelled"
    assert _statuses(execution) == {"a": "Cancelled", "b": "Pending"}


def test_completed_execution_ends_after_its_current_step(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    execution_id = start(ssm, runbook(_step("a", inputs={"Duration": "PT1S"}), _step("b")))
    time.sleep(0.1)

    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Complete")

    execution = finish(execution_id)
    assert _statuses(execution) == {"a": "Success", "b": "Pending"}


def test_interactive_execution_waits_for_the_signal_before_each_step(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    name = runbook(_step("a"), _step("b"))
    started = ssm.start_automation_execution(DocumentName=name, Mode="Interactive")
    execution_id = started["AutomationExecutionId"]

    for _ in range(2):
        _await_status(ssm, execution_id, "Waiting")
        ssm.send_automation_signal(AutomationExecutionId=execution_id, SignalType="StartStep")

    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def _await_status(ssm: Any, execution_id: str, status: str) -> None:
    for _ in range(200):
        answer = ssm.get_automation_execution(AutomationExecutionId=execution_id)
        if answer["AutomationExecution"]["AutomationExecutionStatus"] == status:
            return
        time.sleep(0.02)
    raise AssertionError(f"execution {execution_id} is not {status}")


def _code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def test_refusals_have_the_names_of_the_api(ssm: Any, runbook: Make, finish: Finish) -> None:
    ended = start(ssm, runbook(_step("a")))
    finish(ended)
    none = "00000000-0000-0000-0000-000000000000"

    found = {
        "no execution": _code(ssm.get_automation_execution, AutomationExecutionId=none),
        "stop of an ended one": _code(ssm.stop_automation_execution, AutomationExecutionId=ended),
        "signal to an ended one": _code(
            ssm.send_automation_signal, AutomationExecutionId=ended, SignalType="Approve"
        ),
        "steps of none": _code(ssm.describe_automation_step_executions, AutomationExecutionId=none),
        "filter": _code(
            ssm.describe_automation_executions, Filters=[{"Key": "Colour", "Values": ["x"]}]
        ),
        "step filter": _code(
            ssm.describe_automation_step_executions,
            AutomationExecutionId=ended,
            Filters=[{"Key": "ParentStepIteration", "Values": ["1"]}],
        ),
        "time": _code(
            ssm.describe_automation_executions,
            Filters=[{"Key": "StartTimeAfter", "Values": ["yesterday"]}],
        ),
        "token": _code(ssm.describe_automation_executions, NextToken="made-up"),
    }

    assert found == {
        "no execution": "AutomationExecutionNotFoundException",
        "stop of an ended one": "InvalidAutomationStatusUpdateException",
        "signal to an ended one": "InvalidAutomationSignalException",
        "steps of none": "AutomationExecutionNotFoundException",
        "filter": "ValidationException",
        "step filter": "InvalidFilterKey",
        "time": "InvalidFilterValue",
        "token": "InvalidNextToken",
    }


def test_executions_are_listed_the_newest_first_by_filter_and_page(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    name = runbook(_step("a"))
    ids = [start(ssm, name) for _ in range(5)]
    for execution_id in ids:
        finish(execution_id)
    filters = [
        {"Key": "DocumentNamePrefix", "Values": [name]},
        {"Key": "ExecutionStatus", "Values": ["Success"]},
    ]

    pages = list(
        ssm.get_paginator("describe_automation_executions").paginate(
            Filters=filters, PaginationConfig={"PageSize": 2}
        )
    )

    listed = [
        execution["AutomationExecutionId"]
        for page in pages
        for execution in page["AutomationExecutionMetadataList"]
    ]
    assert listed == ids[::-1]
    assert len(pages) == 3


def test_steps_are_listed_by_filter_and_in_reverse(ssm: Any, runbook: Make, finish: Finish) -> None:
    execution_id = start(ssm, runbook(_step("a"), _failing("b"), _step("c")))
    finish(execution_id)

    def listed(**parameters: Any) -> list[str]:
        answer = ssm.describe_automation_step_executions(
            AutomationExecutionId=execution_id, **parameters
        )
        return [step["StepName"] for step in answer["StepExecutions"]]

    assert listed() == ["a", "b", "c"]
    assert listed(ReverseOrder=True) == ["c", "b", "a"]
    failed = [{"Key": "StepExecutionStatus", "Values": ["Failed"]}]
    assert listed(Filters=failed) == ["b"]
    assert listed(Filters=[{"Key": "StepName", "Values": ["c"]}]) == ["c"]


def test_executions_run_side_by_side(ssm: Any, runbook: Make, finish: Finish) -> None:
    name = runbook(_step("a", inputs={"Duration": "PT1S"}))
    started = time.monotonic()

    for execution_id in [start(ssm, name) for _ in range(10)]:
        assert finish(execution_id)["AutomationExecutionStatus"] == "Success"

    assert time.monotonic() - started < 10  # ten in a row would take at least that


def test_old_version_still_runs_its_own_content(ssm: Any, runbook: Make, finish: Finish) -> None:
    name = runbook(_step("old"))
    content = '{"schemaVersion": "0.3", "mainSteps": [{"name": "new", "action": "aws:sleep"}]}'
    ssm.update_document(Name=name, Content=content, DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name=name, DocumentVersion="2")

    started = ssm.start_automation_execution(DocumentName=name, DocumentVersion="1")

    execution = finish(started["AutomationExecutionId"])
    assert (execution["DocumentVersion"], _statuses(execution)) == ("1", {"old": "Success"})


@pytest.mark.parametrize(
    "fields",
    [
        {"timeoutSeconds": None},
        {"timeoutSeconds": ["1"]},
        {"timeoutSeconds": "{{ global:REGION }}"},
        {"maxAttempts": "abc"},
        {"maxAttempts": 0},
        {"maxAttempts": None},
    ],
)
def test_execution_ends_whatever_a_step_says(
    ssm: Any, runbook: Make, finish: Finish, fields: Document
) -> None:
    execution = finish(start(ssm, runbook(_step("a", **fields))))

    assert execution["AutomationExecutionStatus"] == "Failed"
    assert _statuses(execution) == {"a": "Failed"}


def test_executions_beyond_a_hundred_at_once_are_pending(
    sandbox: Sandbox, unique: str, finish: Finish
) -> None:
    ssm = sandbox.client("ssm", region="eu-north-1")
    content = {"schemaVersion": "0.3", "mainSteps": [_step("a", "aws:pause")]}
    ssm.create_document(Name=unique, DocumentType="Automation", Content=json.dumps(content))
    started = [start(ssm, unique) for _ in range(102)]

    def status_of(id_: str) -> str:
        answer = ssm.get_automation_execution(AutomationExecutionId=id_)
        return str(answer["AutomationExecution"]["AutomationExecutionStatus"])

    def in_status(status: str) -> list[str]:
        statuses = {id_: status_of(id_) for id_ in started}
        return [id_ for id_, found in statuses.items() if found == status]

    while len(running := in_status("Waiting")) < 100:
        time.sleep(0.05)
    first, second = in_status("Pending")
    ssm.stop_automation_execution(AutomationExecutionId=first)
    stopped = finish(first, client=ssm)
    ssm.send_automation_signal(AutomationExecutionId=running[0], SignalType="Resume")
    _await_status(ssm, second, "Waiting")

    assert (stopped["AutomationExecutionStatus"], _statuses(stopped)) == (
        "Cancelled",
        {"a": "Pending"},
    )
    for execution_id in (*running[1:], second):
        ssm.stop_automation_execution(AutomationExecutionId=execution_id)
