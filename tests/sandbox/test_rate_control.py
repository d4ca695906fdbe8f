"""Targets of a start: one child each, so many at once, until too many have failed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.operator import children, most_at_once
from sandbox import Sandbox
from tests.sandbox.conftest import WAIT, Document, Make, error_code, make_step

pytestmark = pytest.mark.sandbox

Finish = Callable[..., Document]
_NOTHING: Document = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
_WHO: Document = {"Who": {"type": "String", "allowedPattern": "good.*"}}
_INVALID = "InvalidAutomationExecutionParametersException"


def _values(*values: str) -> Document:
    targets = [{"Key": "ParameterValues", "Values": list(values)}]
    return {"TargetParameterName": "Who", "Targets": targets}


def _start(ssm: Any, name: str, **given: Any) -> str:
    answer = ssm.start_automation_execution(DocumentName=name, **given)
    return str(answer["AutomationExecutionId"])


def test_each_target_is_run_once_and_never_more_at_once_than_allowed(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    targets = [f"good{number}" for number in range(6)]
    name = runbook(WAIT, parameters=_WHO)

    parent = finish(_start(ssm, name, **_values(*targets), MaxConcurrency="2"))

    of_targets = children(ssm, parent["AutomationExecutionId"])
    assert parent["AutomationExecutionStatus"] == "Success"
    assert sorted(each["Target"] for each in of_targets) == targets
    assert {each["AutomationExecutionStatus"] for each in of_targets} == {"Success"}
    assert most_at_once(of_targets) == 2
    assert parent["ProgressCounters"] == {
        "TotalSteps": 6,
        "SuccessSteps": 6,
        "FailedSteps": 0,
        "CancelledSteps": 0,
        "TimedOutSteps": 0,
    }
    assert parent["ResolvedTargets"] == {"ParameterValues": targets, "Truncated": False}
    assert (parent["MaxConcurrency"], parent["MaxErrors"]) == ("2", "0")


@pytest.mark.parametrize(
    ("max_errors", "status", "started"),
    [("0", "Failed", 1), ("1", "Failed", 3), ("50%", "Success", 6), ("3", "Success", 6)],
)
def test_no_child_is_started_after_one_more_failure_than_allowed(
    ssm: Any, runbook: Make, finish: Finish, max_errors: str, status: str, started: int
) -> None:
    targets = _values("bad1", "good1", "bad2", "good2", "good3", "bad3")
    name = runbook(_NOTHING, parameters=_WHO)

    parent = finish(_start(ssm, name, **targets, MaxConcurrency="1", MaxErrors=max_errors))

    assert parent["AutomationExecutionStatus"] == status
    assert len(children(ssm, parent["AutomationExecutionId"])) == started


def test_patterns_decide_however_much_runs_at_once(ssm: Any, runbook: Make, finish: Finish) -> None:
    targets = [f"good{number}" for number in range(50)]
    maps = [{"Who": [target]} for target in (*targets, *targets, *targets, *targets)]
    name = runbook(_NOTHING, parameters=_WHO)

    parent = finish(_start(ssm, name, TargetMaps=maps, MaxConcurrency="100"))

    assert parent["ProgressCounters"]["SuccessSteps"] == 200


def test_a_stop_of_the_parent_stops_its_children(ssm: Any, runbook: Make, finish: Finish) -> None:
    waiting = make_step("wait", "sleep", Duration="PT1H")
    name = runbook(waiting, parameters=_WHO)
    parent = _start(ssm, name, **_values("good1", "good2", "good3"), MaxConcurrency="2")
    while len(children(ssm, parent)) < 2:
        pass

    ssm.stop_automation_execution(AutomationExecutionId=parent)

    assert finish(parent)["AutomationExecutionStatus"] == "Cancelled"
    statuses = [each["AutomationExecutionStatus"] for each in children(ssm, parent)]
    assert statuses == ["Cancelled", "Cancelled"]


def test_maps_give_each_child_its_parameters(ssm: Any, runbook: Make, finish: Finish) -> None:
    definitions = {**_WHO, "Size": {"type": "String", "default": "small"}}
    maps = [{"Who": ["good1"], "Size": ["large"]}, {"Who": ["good2"]}]
    name = runbook(_NOTHING, parameters=definitions)

    parent = finish(_start(ssm, name, TargetMaps=maps))

    found = [
        finish(each["AutomationExecutionId"])["Parameters"]
        for each in children(ssm, parent["AutomationExecutionId"])
    ]
    assert sorted(found, key=lambda each: each["Who"]) == [
        {"Who": ["good1"], "Size": ["large"]},
        {"Who": ["good2"], "Size": ["small"]},
    ]


@pytest.fixture
def instances(sandbox: Sandbox, unique: str) -> list[str]:
    """Two instances with a tag of the test's own, one of them terminated besides."""
    ec2 = sandbox.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": unique}]}]
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=3, MaxCount=3, TagSpecifications=tags
    )["Instances"]
    ids = [each["InstanceId"] for each in made]
    ec2.terminate_instances(InstanceIds=ids[:1])
    return sorted(ids[1:])


def _by_tag(unique: str) -> Document:
    targets = [{"Key": "tag:Tier", "Values": [unique]}]
    return {"TargetParameterName": "InstanceId", "Targets": targets}


_INSTANCE = {"InstanceId": {"type": "StringList"}}


def test_targets_by_tag_are_found_with_the_rights_of_the_execution(
    ssm: Any,
    runbook: Make,
    role: Make,
    finish: Finish,
    unique: str,
    instances: list[str],
) -> None:
    allowed = {"Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"}
    name = runbook(_NOTHING, parameters=_INSTANCE, assumeRole=role(allowed))

    found = finish(_start(ssm, name, **_by_tag(unique)))

    assert sorted(found["ResolvedTargets"]["ParameterValues"]) == instances
    of_targets = children(ssm, found["AutomationExecutionId"])
    assert sorted(each["Target"] for each in of_targets) == instances


def test_role_without_the_right_finds_no_target(
    ssm: Any, runbook: Make, role: Make, finish: Finish, unique: str, instances: list[str]
) -> None:
    name = runbook(_NOTHING, parameters=_INSTANCE, assumeRole=role())

    found = finish(_start(ssm, name, **_by_tag(unique)))

    assert found["AutomationExecutionStatus"] == "Failed"
    assert "tag:GetResources" in found["FailureMessage"]
    assert children(ssm, found["AutomationExecutionId"]) == []


_WRONG: dict[str, tuple[Document, str]] = {
    "a runbook without that parameter": (
        {"TargetParameterName": "Other", "Targets": [{"Key": "tag:A", "Values": ["b"]}]},
        _INVALID,
    ),
    "a map of another parameter": ({"TargetMaps": [{"Other": ["a"]}]}, _INVALID),
    "a parameter without targets": ({"TargetParameterName": "Who"}, _INVALID),
    "targets and maps": ({**_values("a"), "TargetMaps": [{"Who": ["a"]}]}, _INVALID),
    "another key": (
        {"TargetParameterName": "Who", "Targets": [{"Key": "Name", "Values": ["a"]}]},
        "InvalidTarget",
    ),
    "some instances by id": (
        {"TargetParameterName": "Who", "Targets": [{"Key": "InstanceIds", "Values": ["i-1"]}]},
        "InvalidTarget",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_wrong_targets_are_refused(ssm: Any, runbook: Make, case: str) -> None:
    given, code = _WRONG[case]
    name = runbook(_NOTHING, parameters=_WHO)

    assert error_code(ssm.start_automation_execution, DocumentName=name, **given) == code


def test_document_without_parameters_cannot_be_multiplied(ssm: Any, runbook: Make) -> None:
    name = runbook(_NOTHING)

    for given in (_values("good1"), {"TargetMaps": [{"Who": ["good1"]}]}):
        with pytest.raises(ClientError) as refused:
            ssm.start_automation_execution(DocumentName=name, **given)
        assert refused.value.response["Error"]["Code"] == _INVALID


def test_step_runs_another_runbook_for_each_target(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    leaf = runbook(_NOTHING, parameters=_WHO)
    fleet = make_step(
        "each",
        "executeAutomation",
        DocumentName=leaf,
        TargetParameterName="Who",
        Targets=[{"Key": "ParameterValues", "Values": ["good1", "bad1", "good2"]}],
        MaxConcurrency="1",
        MaxErrors="0",
    )
    name = f"{leaf}-Fleet"
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [fleet]})
    ssm.create_document(Name=name, DocumentType="Automation", Content=content)

    ended = finish(_start(ssm, name))

    assert ended["AutomationExecutionStatus"] == "Failed"
    (parent,) = children(ssm, ended["AutomationExecutionId"])
    assert parent["FailureMessage"] == "1 of 3 targets failed; allowed are 0."
    assert len(children(ssm, parent["AutomationExecutionId"])) == 2
