"""What steps need, derived or declared."""

import json
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.managed_policies import beyond_automation_role
from delegation.needs import Need
from delegation.role_statements import boundary_statements
from delegation.runbooks import Runbook, read_runbook


def _runbook(folder: Path, *steps: dict[str, Any], sidecar: str = "") -> Runbook:
    content = {"schemaVersion": "0.3", "mainSteps": list(steps)}
    (folder / "Runbook.json").write_text(json.dumps(content), "utf-8")
    if sidecar:
        (folder / "Runbook.delegation.yaml").write_text(sidecar, "utf-8")
    return read_runbook(folder / "Runbook.json")


def _change(state: str, **inputs: Any) -> dict[str, Any]:
    return {
        "name": "change",
        "action": "aws:changeInstanceState",
        "inputs": {"InstanceIds": ["i-0123456789abcdef0"], "DesiredState": state, **inputs},
    }


def _call() -> dict[str, Any]:
    inputs = {"Service": "ec2", "Api": "DescribeImages"}
    return {"name": "look", "action": "aws:executeAwsApi", "inputs": inputs}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            _change("stopped"),
            {("ec2:StopInstances", "instance/*"), ("ec2:DescribeInstanceStatus", "*")},
        ),
        (
            _change("running"),
            {("ec2:StartInstances", "instance/*"), ("ec2:DescribeInstanceStatus", "*")},
        ),
        (
            _change("terminated"),
            {("ec2:TerminateInstances", "instance/*"), ("ec2:DescribeInstanceStatus", "*")},
        ),
        (_change("running", CheckStateOnly=True), {("ec2:DescribeInstanceStatus", "*")}),
        ({"name": "wait", "action": "aws:sleep"}, set()),
        ({"name": "wait", "action": "aws:approve", "inputs": {"Approvers": ["lead"]}}, set()),
        (
            {
                "name": "wait",
                "action": "aws:approve",
                "inputs": {"NotificationArn": "arn:aws:sns:eu-west-1:111122223333:AutomationAsk"},
            },
            {("sns:Publish", "arn:aws:sns:eu-west-1:111122223333:AutomationAsk")},
        ),
    ],
)
def test_needs_follow_from_the_action_and_its_inputs(
    tmp_path: Path, step: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    needs = _runbook(tmp_path, step).needs

    assert expected == {(need.action, need.resource) for need in needs}
    assert all(need.step == step["name"] for need in needs)


def test_state_that_is_not_spelled_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DelegationError) as error:
        _runbook(tmp_path, _change("{{ State }}"))

    assert str(error.value) == (
        f"{tmp_path}/Runbook.json: step 'change': DesiredState is '{{{{ State }}}}'; "
        "one of running, stopped, terminated, spelled out"
    )


def test_step_whose_calls_cannot_be_seen_is_refused_undeclared(tmp_path: Path) -> None:
    with pytest.raises(DelegationError) as error:
        _runbook(tmp_path, _call())

    assert str(error.value) == (
        f"{tmp_path}/Runbook.json: step 'look': what 'aws:executeAwsApi' calls cannot be derived; "
        "declare its needs in the .delegation.yaml beside it"
    )


_DECLARED = """
needs:
- step: look
  actions: [ec2:DescribeImages]
  resources: ["*"]
  why: reads the image's state
"""


def test_declared_needs_are_the_steps_needs(tmp_path: Path) -> None:
    expected = Need(
        step="look",
        action="ec2:DescribeImages",
        resource="*",
        why="reads the image's state",
        source=f"{tmp_path}/Runbook.delegation.yaml",
    )

    assert (expected,) == _runbook(tmp_path, _call(), sidecar=_DECLARED).needs


_STEP_OF_OWN = {"name": "look", "action": "aws:sleep"}

_SIDECARS: dict[str, tuple[dict[str, Any], str, str]] = {
    "needs of a derived step": (
        _STEP_OF_OWN,
        _DECLARED,
        "declares needs of step 'look', which are derived from its action 'aws:sleep'; remove them",
    ),
    "needs of no step": (
        {"name": "wait", "action": "aws:sleep"},
        _DECLARED,
        "declares needs of 'look', no step of {folder}/Runbook.json",
    ),
    "missing why": (
        _call(),
        _DECLARED.replace("reads the image's state", "''"),
        "step 'look' declares needs without a why",
    ),
    "wildcard in an action": (
        _call(),
        _DECLARED.replace("ec2:DescribeImages", "'ec2:Describe*'"),
        "action 'ec2:Describe*' of step 'look' is not service:Action spelled out, "
        "without wildcards",
    ),
    "resource that is no ARN": (
        _call(),
        _DECLARED.replace('"*"', "image/ami-1"),
        "resource 'image/ami-1' of step 'look' is neither * nor an ARN "
        "(arn:${{AWS::Partition}}:SERVICE:${{AWS::Region}}:${{AWS::AccountId}}:…)",
    ),
    "ARN with an unknown placeholder": (
        _call(),
        _DECLARED.replace('"*"', '"arn:${Partition}:s3:::bucket"'),
        "resource 'arn:${{Partition}}:s3:::bucket' of step 'look' is neither * nor an ARN "
        "(arn:${{AWS::Partition}}:SERVICE:${{AWS::Region}}:${{AWS::AccountId}}:…)",
    ),
    "actions without resources": (
        _call(),
        _DECLARED.replace('["*"]', "[]"),
        "step 'look' declares actions without resources or the reverse; a step that calls nothing "
        "has two empty lists",
    ),
    "text for a list": (
        _call(),
        _DECLARED.replace("[ec2:DescribeImages]", "ec2:DescribeImages"),
        "actions of step 'look' is not a list",
    ),
    "unknown key": (
        _call(),
        "needs:\n- step: look\n",
        "a declared need has exactly the keys actions, resources, step, why; "
        "found {{'step': 'look'}}",
    ),
}


@pytest.mark.parametrize("case", _SIDECARS)
def test_wrong_declaration_is_refused(tmp_path: Path, case: str) -> None:
    step, sidecar, message = _SIDECARS[case]

    with pytest.raises(DelegationError) as error:
        _runbook(tmp_path, step, sidecar=sidecar)

    expected = f"{tmp_path}/Runbook.delegation.yaml: {message.format(folder=tmp_path)}"
    assert expected == str(error.value)


def test_boundary_joins_needs_by_service_and_resource_and_names_each_region(
    tmp_path: Path,
) -> None:
    restart = [_change("stopped"), {**_change("running"), "name": "again"}]
    statements = boundary_statements(_runbook(tmp_path, *restart).needs, ("eu-west-1", "us-east-1"))

    arn = "arn:${AWS::Partition}:ec2:%s:${AWS::AccountId}:instance/*"
    assert [
        ("UseEc2", ("ec2:DescribeInstanceStatus",), ("*",)),
        (
            "UseEc2Instance",
            ("ec2:StartInstances", "ec2:StopInstances"),
            (arn % "eu-west-1", arn % "us-east-1"),
        ),
    ] == [(s.sid, s.actions, s.resources) for s in statements]


def test_step_that_calls_nothing_declares_two_empty_lists(tmp_path: Path) -> None:
    nothing = _DECLARED.replace("[ec2:DescribeImages]", "[]").replace('["*"]', "[]")

    assert _runbook(tmp_path, _call(), sidecar=nothing).needs == ()


@pytest.mark.parametrize("inputs", ["text", ["list"], None])
def test_inputs_that_are_no_object_are_refused(tmp_path: Path, inputs: Any) -> None:
    with pytest.raises(DelegationError) as error:
        _runbook(tmp_path, {**_change("stopped"), "inputs": inputs})

    assert "inputs" in str(error.value)


def test_boundary_of_steps_that_call_nothing_allows_nothing(tmp_path: Path) -> None:
    needs = _runbook(tmp_path, {"name": "wait", "action": "aws:sleep"}).needs

    (statement,) = boundary_statements(needs, ("eu-west-1",))
    assert (statement.effect, statement.actions, statement.resources) == ("Deny", ("*",), ("*",))


def test_declared_arns_name_their_kind_in_the_sid(tmp_path: Path) -> None:
    arns = '["arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:image/*", "*"]'
    needs = _runbook(tmp_path, _call(), sidecar=_DECLARED.replace('["*"]', arns)).needs

    statements = boundary_statements(needs, ("eu-west-1",))
    assert [(s.sid, s.resources) for s in statements] == [
        ("UseEc2", ("*",)),
        ("UseEc2Image", ("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:image/*",)),
    ]


def test_needs_beyond_the_automation_role_are_those_it_does_not_grant(tmp_path: Path) -> None:
    actions = "[ec2:DescribeImages, ec2:DescribeInstances, ssm:GetCalendarState]"
    sidecar = _DECLARED.replace("[ec2:DescribeImages]", actions)

    beyond = beyond_automation_role(_runbook(tmp_path, _call(), sidecar=sidecar).needs)

    assert [need.action for need in beyond] == ["ec2:DescribeInstances"]
