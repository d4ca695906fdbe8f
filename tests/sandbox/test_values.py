"""Values in executions: references within values, types of outputs, selectors, patterns."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document, Make, make_step, start

pytestmark = pytest.mark.sandbox

Finish = Callable[..., Document]
Launch = Callable[..., list[str]]

_ECHO = "def run(events, context):\n    return events"


def _script(script: str, payload: Document, **fields: Any) -> Document:
    step = make_step(
        *("run", "executeScript"),
        Runtime="python3.11",
        Handler="run",
        Script=script,
        InputPayload=payload,
    )
    return {**step, **fields}


def _statuses(execution: Document) -> dict[str, str]:
    return {step["StepName"]: step["StepStatus"] for step in execution["StepExecutions"]}


_NAMES = {
    "Source": {"type": "String", "default": "ami-1"},
    "Name": {"type": "String", "default": "from_{{ Source }}_in_{{ global:REGION }}"},
    "Stored": {"type": "String", "default": "{{ssm:/golden/ami}}"},
}


def test_references_within_defaults_and_given_values_are_filled(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    ssm.put_parameter(Name="/golden/ami", Value="ami-golden", Type="String", Overwrite=True)
    payload = {name: f"{{{{ {name} }}}}" for name in _NAMES}
    name = runbook(_script(_ECHO, payload), parameters=_NAMES, outputs=["run.Payload"])

    by_default, given = (
        finish(start(ssm, name)),
        finish(start(ssm, name, Source=["{{ssm:/golden/ami}}"], Stored=["{{ .Names }}"])),
    )

    assert json.loads(by_default["Outputs"]["run.Payload"][0]) == {
        "Source": "ami-1",
        "Name": "from_ami-1_in_us-east-1",
        "Stored": "ami-golden",
    }
    assert by_default["Parameters"]["Name"] == ["from_ami-1_in_us-east-1"]
    assert json.loads(given["Outputs"]["run.Payload"][0]) == {
        "Source": "ami-golden",
        "Name": "from_ami-golden_in_us-east-1",
        "Stored": "{{ .Names }}",
    }


def test_stored_value_is_read_with_the_session_of_the_role(
    ssm: Any, runbook: Make, role: Make, finish: Finish
) -> None:
    ssm.put_parameter(Name="/golden/ami", Value="ami-golden", Type="String", Overwrite=True)
    wait = make_step("wait", "sleep", Duration="PT0S")

    execution = finish(start(ssm, runbook(wait, parameters=_NAMES, assumeRole=role())))

    assert execution["AutomationExecutionStatus"] == "Failed"
    assert "{{ssm:/golden/ami}} cannot be read" in execution["FailureMessage"]
    assert "ssm:GetParameters" in execution["FailureMessage"]


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (None, "{{ssm:/golden/none}} does not exist and cannot be read"),
        ("SecureString", "{{ssm:/golden/none}} is a SecureString and cannot be read"),
    ],
)
def test_stored_value_that_cannot_be_read_fails_the_execution(
    ssm: Any, runbook: Make, finish: Finish, stored: str | None, words: str
) -> None:
    if stored:
        ssm.put_parameter(Name="/golden/none", Value="x", Type=stored)
    parameters = {"A": {"type": "String", "default": "{{ssm:/golden/none}}"}}

    execution = finish(
        start(ssm, runbook(make_step("w", "sleep", Duration="PT0S"), parameters=parameters))
    )

    assert (execution["AutomationExecutionStatus"], execution["FailureMessage"]) == (
        "Failed",
        words,
    )


def test_parameters_that_refer_to_each_other_fail_the_execution(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    parameters = {
        "A": {"type": "String", "default": "{{ B }}"},
        "B": {"type": "String", "default": "{{ A }}"},
    }

    execution = finish(
        start(ssm, runbook(make_step("w", "sleep", Duration="PT0S"), parameters=parameters))
    )

    assert execution["FailureMessage"] == "Parameters refer to each other in a circle: A -> B -> A"


def test_list_within_a_list_is_opened(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    ids = instances(3)
    stop = make_step(
        *("stop", "changeInstanceState"),
        InstanceIds=["{{ InstanceIds }}", ids[2]],
        DesiredState="stopped",
    )
    name = runbook(
        stop, parameters={"InstanceIds": {"type": "StringList"}}, outputs=["stop.InstanceStates"]
    )

    execution = finish(start(ssm, name, InstanceIds=ids[:2]))

    assert execution["Outputs"] == {"stop.InstanceStates": ["stopped"] * 3}
    described = sandbox.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    states = [instance["State"]["Name"] for r in described for instance in r["Instances"]]
    assert states == ["stopped"] * 3


def test_one_value_is_a_list_of_one_where_the_api_takes_a_list_and_the_reverse(
    ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    (instance,) = instances(1)
    stop = make_step(
        "stop", "executeAwsApi", Service="ec2", Api="StopInstances", InstanceIds="{{ Id }}"
    )
    read = make_step(
        *("read", "executeAwsApi"),
        Service="ec2",
        Api="DescribeInstanceAttribute",
        InstanceId="{{ Ids }}",
        Attribute="instanceType",
    )
    name = runbook(
        stop,
        read,
        parameters={"Id": {"type": "String"}, "Ids": {"type": "StringList"}},
    )

    execution = finish(start(ssm, name, Id=[instance], Ids=[instance]))

    assert _statuses(execution) == {"stop": "Success", "read": "Success"}


_ANSWER = {
    "text": "5",
    "one": ["a"],
    "many": ["a", "b"],
    "number": 7,
    "truth": True,
    "map": {"key": {"deep": "x"}, "list": ["p", "q"]},
}


@pytest.mark.parametrize(
    ("selector", "kind", "shown"),
    [
        ("$.Payload.text", "String", ["5"]),
        ("$.Payload.text", "Integer", ["5"]),
        ("$.Payload.text", "StringList", ["5"]),
        ("$.Payload.one", "String", ["a"]),
        ("$.Payload.many", "StringList", ["a", "b"]),
        ("$.Payload.many[*]", "StringList", ["a", "b"]),
        ("$.Payload.number", "String", ["7"]),
        ("$.Payload.truth", "Boolean", ["true"]),
        ("$.Payload.map", "StringMap", ['{"key": {"deep": "x"}, "list": ["p", "q"]}']),
        ("$.Payload.map.key", "MapList", ['{"deep": "x"}']),
    ],
)
def test_output_has_the_type_that_it_declares(
    ssm: Any, runbook: Make, finish: Finish, selector: str, kind: str, shown: list[str]
) -> None:
    output = {"Name": "Out", "Selector": selector, "Type": kind}
    name = runbook(_script(_ECHO, _ANSWER, outputs=[output]), outputs=["run.Out"])

    assert finish(start(ssm, name))["Outputs"] == {"run.Out": shown}


@pytest.mark.parametrize(
    ("selector", "kind", "words"),
    [
        ("$.Payload.map", "Integer", "which is not of type Integer"),
        ("$.Payload.text", "Boolean", "Output Out is 5, which is not of type Boolean"),
        ("$.Payload.many", "StringMap", "which is not of type StringMap"),
        ("$.Payload.text", "Text", "Output Out has Type Text, which does not exist"),
        ("$.Payload[", "String", "Selector $.Payload[ is not a JSONPath"),
    ],
)
def test_output_of_another_type_fails_the_step(
    ssm: Any, runbook: Make, finish: Finish, selector: str, kind: str, words: str
) -> None:
    output = {"Name": "Out", "Selector": selector, "Type": kind}

    execution = finish(start(ssm, runbook(_script(_ECHO, _ANSWER, outputs=[output]))))

    assert words in execution["FailureMessage"]


def test_reference_reaches_into_a_map_and_a_list(ssm: Any, runbook: Make, finish: Finish) -> None:
    first = {**_script(_ECHO, _ANSWER), "name": "first"}
    payload = {"deep": "{{ first.Payload.map.key.deep }}", "second": "{{ first.Payload.many.1 }}"}
    name = runbook(first, _script(_ECHO, payload), outputs=["run.Payload"])

    execution = finish(start(ssm, name))

    assert json.loads(execution["Outputs"]["run.Payload"][0]) == {"deep": "x", "second": "b"}


def test_selector_without_a_match_leaves_the_output_out(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    find = make_step(
        *("find", "executeAwsApi"),
        Service="ec2",
        Api="DescribeInstances",
        Filters=[{"Name": "tag:Name", "Values": ["nobody"]}],
    )
    find["outputs"] = [
        {"Name": "Id", "Selector": "$.Reservations[0].Instances[0].InstanceId", "Type": "String"},
        {"Name": "Code", "Selector": "$.ResponseMetadata.HTTPStatusCode", "Type": "Integer"},
    ]

    execution = finish(start(ssm, runbook(find)))

    (step,) = execution["StepExecutions"]
    assert (step["StepStatus"], step["Outputs"]) == ("Success", {"Code": ["200"]})


def test_wait_polls_until_the_selector_finds_something(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    (instance,) = instances(1)
    ec2 = sandbox.client("ec2")
    ec2.stop_instances(InstanceIds=[instance])
    wait = make_step(
        *("wait", "waitForAwsResourceProperty"),
        Service="ec2",
        Api="DescribeInstanceStatus",
        InstanceIds=["{{ Id }}"],
        PropertySelector="$.InstanceStatuses[0].InstanceState.Name",
        DesiredValues=["running"],
    )
    name = runbook(wait, parameters={"Id": {"type": "String"}})

    started = start(ssm, name, Id=[instance])
    time.sleep(0.3)
    polling = ssm.get_automation_execution(AutomationExecutionId=started)["AutomationExecution"]
    ec2.start_instances(InstanceIds=[instance])

    assert _statuses(polling) == {"wait": "InProgress"}
    assert _statuses(finish(started)) == {"wait": "Success"}


@pytest.mark.parametrize(
    ("desired", "status"), [(["True"], "Success"), (["true"], "Failed"), ([True], "Success")]
)
def test_truth_is_compared_with_a_capital_letter(
    sandbox: Sandbox,
    ssm: Any,
    runbook: Make,
    finish: Finish,
    unique: str,
    desired: list[Any],
    status: str,
) -> None:
    s3, bucket = sandbox.client("s3"), unique.lower()
    s3.create_bucket(Bucket=bucket)
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    check = make_step(
        *("check", "assertAwsResourceProperty"),
        Service="s3",
        Api="GetPublicAccessBlock",
        Bucket=bucket,
        PropertySelector="$.PublicAccessBlockConfiguration.BlockPublicAcls",
        DesiredValues=desired,
    )

    assert _statuses(finish(start(ssm, runbook(check)))) == {"check": status}


def test_allowed_values_of_a_truth_are_truths(ssm: Any, runbook: Make, finish: Finish) -> None:
    parameters = {"Deep": {"type": "Boolean", "allowedValues": [True]}}
    name = runbook(make_step("wait", "sleep", Duration="PT0S"), parameters=parameters)

    assert finish(start(ssm, name, Deep=["true"]))["AutomationExecutionStatus"] == "Success"
    with pytest.raises(ClientError, match="which is not one of the allowed values true"):
        start(ssm, name, Deep=["false"])


def test_pattern_without_end_refuses_the_start(ssm: Any, runbook: Make) -> None:
    parameters = {"A": {"type": "StringList", "allowedPattern": "^(a|aa)+$"}}
    name = runbook(make_step("wait", "sleep", Duration="PT0S"), parameters=parameters)

    with pytest.raises(ClientError, match=r"it has not decided within 0\.1 seconds"):
        start(ssm, name, A=["a" * 60 + "1"] * 3)


def test_number_is_a_string_where_the_api_takes_strings(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    step = make_step(
        *("put", "executeAwsApi"), Service="ssm", Api="PutParameter", Name=unique, Type="String",
        Value=7,
    )  # fmt: skip

    assert finish(start(ssm, runbook(step)))["AutomationExecutionStatus"] == "Success"
    assert ssm.get_parameter(Name=unique)["Parameter"]["Value"] == "7"
