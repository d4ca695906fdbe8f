"""What steps need, derived or declared."""

import json
from pathlib import Path
from typing import Any

import pytest

from delegation.policies.automation_role import beyond_automation_role
from delegation.policies.service_roles import boundary_statements
from delegation.runbooks.checks.findings import Finding
from delegation.runbooks.permissions import Need
from delegation.runbooks.runbook import Runbook, check_runbook


def _write(folder: Path, *steps: dict[str, Any], sidecar: str = "", **fields: Any) -> Path:
    content = {"schemaVersion": "0.3", **fields, "mainSteps": list(steps)}
    (folder / "Runbook.json").write_text(json.dumps(content), "utf-8")
    if sidecar:
        (folder / "Runbook.delegation.yaml").write_text(sidecar, "utf-8")
    return folder / "Runbook.json"


def _runbook(folder: Path, *steps: dict[str, Any], sidecar: str = "", **fields: Any) -> Runbook:
    checked = check_runbook(_write(folder, *steps, sidecar=sidecar, **fields))
    assert checked.findings == ()
    return checked.runbook


def _finding(folder: Path, *steps: dict[str, Any], sidecar: str = "") -> Finding:
    (finding,) = check_runbook(_write(folder, *steps, sidecar=sidecar)).findings
    return finding


def _short(resource: str) -> str:
    """An ARN of this account and Region without what it shares with every other."""
    here = "${AWS::Region}:${AWS::AccountId}:"
    return resource.removeprefix("arn:${AWS::Partition}:").replace(here, "")


def _change(state: str, **inputs: Any) -> dict[str, Any]:
    return {
        "name": "change",
        "action": "aws:changeInstanceState",
        "inputs": {"InstanceIds": ["i-0123456789abcdef0"], "DesiredState": state, **inputs},
    }


def _script() -> dict[str, Any]:
    inputs = {"Runtime": "python3.11", "Handler": "look", "Script": "def look(a, b): pass"}
    return {"name": "look", "action": "aws:executeScript", "inputs": inputs}


def _step(action: str, **inputs: Any) -> dict[str, Any]:
    return {"name": "step", "action": f"aws:{action}", "inputs": inputs}


def _api(service: str, api: str, **parameters: Any) -> dict[str, Any]:
    return _step("executeAwsApi", Service=service, Api=api, **parameters)


_I = "i-0123456789abcdef0"
_TOPIC = "arn:aws:sns:eu-west-1:111122223333:AutomationAsk"
_STATUS = ("ec2:DescribeInstanceStatus", "*")
_INSTANCE = f"ec2:instance/{_I}"

_DERIVED: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "stops": (_change("stopped"), {("ec2:StopInstances", _INSTANCE), _STATUS}),
    "starts": (_change("running"), {("ec2:StartInstances", _INSTANCE), _STATUS}),
    "terminates": (_change("terminated"), {("ec2:TerminateInstances", _INSTANCE), _STATUS}),
    "only waits": (_change("running", CheckStateOnly=True), {_STATUS}),
    "sleeps": (_step("sleep", Duration="PT1S"), set()),
    "asks for approval": (_step("approve", Approvers=["lead"]), set()),
    "asks for approval by a topic": (
        _step("approve", Approvers=["lead"], NotificationArn=_TOPIC),
        {("sns:Publish", _TOPIC)},
    ),
    "makes an image": (
        _step("createImage", InstanceId=_I, ImageName="one"),
        {
            ("ec2:CreateImage", "ec2:${AWS::Region}::image/*"),
            ("ec2:CreateImage", "ec2:${AWS::Region}::snapshot/*"),
            ("ec2:CreateImage", _INSTANCE),
            ("ec2:DescribeImages", "*"),
        },
    ),
    "deletes an image": (
        _step("deleteImage", ImageId="ami-0123456789abcdef0"),
        {
            ("ec2:DeregisterImage", "ec2:${AWS::Region}::image/ami-0123456789abcdef0"),
            ("ec2:DeleteSnapshot", "ec2:${AWS::Region}::snapshot/*"),
            ("ec2:DescribeImages", "*"),
        },
    ),
    "tags by the prefix of the ids": (
        _step("createTags", ResourceIds=[_I, "vol-1"], Tags=[{"Key": "a", "Value": "b"}]),
        {("ec2:CreateTags", "ec2:instance/*"), ("ec2:CreateTags", "ec2:volume/*")},
    ),
    "runs another runbook": (
        _step("executeAutomation", DocumentName="Restart"),
        {
            ("ssm:StartAutomationExecution", "ssm:document/Restart"),
            ("ssm:StartAutomationExecution", "ssm:automation-definition/Restart:*"),
            ("ssm:StartAutomationExecution", "ssm:automation-execution/*"),
            ("ssm:GetAutomationExecution", "ssm:automation-execution/*"),
        },
    ),
    "runs a command of AWS": (
        _step("runCommand", DocumentName="AWS-RunShellScript", InstanceIds=[_I]),
        {
            ("ssm:SendCommand", "ssm:${AWS::Region}::document/AWS-RunShellScript"),
            ("ssm:SendCommand", _INSTANCE),
            ("ssm:SendCommand", "ssm:managed-instance/*"),
            ("ssm:DescribeInstanceInformation", "*"),
            ("ssm:GetCommandInvocation", "*"),
            ("ssm:ListCommandInvocations", "*"),
            ("ssm:ListCommands", "*"),
        },
    ),
    "calls a function": (
        _step("invokeLambdaFunction", FunctionName="Count"),
        {("lambda:InvokeFunction", "lambda:function:Count")},
    ),
    "runs a state machine": (
        _step(
            "executeStateMachine",
            stateMachineArn="arn:aws:states:eu-west-1:111122223333:stateMachine:M",
        ),
        {
            ("states:StartExecution", "arn:aws:states:eu-west-1:111122223333:stateMachine:M"),
            ("states:DescribeExecution", "arn:aws:states:eu-west-1:111122223333:execution:M:*"),
            ("states:StopExecution", "arn:aws:states:eu-west-1:111122223333:execution:M:*"),
        },
    ),
    "calls an API whose IAM action has another name": (
        _api("s3", "ListObjectsV2", Bucket="one"),
        {("s3:ListBucket", "s3:::one")},
    ),
    "calls an API of a service whose prefix differs": (
        _api("stepfunctions", "ListStateMachines"),
        {("states:ListStateMachines", "*")},
    ),
    "changes an instance's type": (
        _api("ec2", "ModifyInstanceAttribute", InstanceId=_I, InstanceType={"Value": "t3.small"}),
        {("ec2:ModifyInstanceAttribute", _INSTANCE)},
    ),
    "changes an instance's groups": (
        _api("ec2", "ModifyInstanceAttribute", InstanceId=_I, Groups=["sg-1"]),
        {
            ("ec2:ModifyInstanceAttribute", _INSTANCE),
            ("ec2:ModifyInstanceAttribute", "ec2:security-group/sg-1"),
        },
    ),
    "deletes tags of an instance": (
        _api("ec2", "DeleteTags", Resources=[_I], Tags=[{"Key": "a"}]),
        {("ec2:DeleteTags", _INSTANCE)},
    ),
    "asserts by an API": (
        _step(
            "assertAwsResourceProperty",
            Service="ssm",
            Api="GetCalendarState",
            CalendarNames=["Open"],
            PropertySelector="$.State",
            DesiredValues=["OPEN"],
        ),
        {("ssm:GetCalendarState", "ssm:document/*")},
    ),
}


@pytest.mark.parametrize("case", _DERIVED)
def test_needs_follow_from_the_action_and_its_inputs(tmp_path: Path, case: str) -> None:
    step, expected = _DERIVED[case]

    needs = _runbook(tmp_path, step).needs

    assert expected == {(need.action, _short(need.resource)) for need in needs}
    assert all(need.step == step["name"] for need in needs)


def test_allowed_values_of_a_parameter_narrow_the_resource(tmp_path: Path) -> None:
    parameters = {"Bucket": {"type": "String", "allowedValues": ["one", "two"]}}
    step = _api("s3", "ListObjectsV2", Bucket="{{ Bucket }}")

    needs = _runbook(tmp_path, step, parameters=parameters).needs

    assert {_short(need.resource) for need in needs} == {"s3:::one", "s3:::two"}


_UNSEEN: dict[str, tuple[dict[str, Any], str]] = {
    "state that is not spelled out": (
        _change("{{ global:REGION }}"),
        "DesiredState is not spelled out",
    ),
    "script": (_script(), "what aws:executeScript calls cannot be derived"),
    "runbook of AWS, which runs as this role": (
        _step("executeAutomation", DocumentName="AWS-RestartEC2Instance"),
        "AWS-RestartEC2Instance embeds no role, so that its calls are made by this one",
    ),
    "role that is passed on": (
        _api(
            "autoscaling",
            "CreateLaunchConfiguration",
            LaunchConfigurationName="one",
            IamInstanceProfile="Web",
        ),
        "autoscaling CreateLaunchConfiguration passes the role of IamInstanceProfile, which "
        "needs iam:PassRole on it",
    ),
    "API without data": (
        _api("kinesisvideo", "ListStreams"),
        "no data shows which IAM actions authorize kinesisvideo ListStreams",
    ),
}


@pytest.mark.parametrize("case", _UNSEEN)
def test_step_whose_calls_cannot_be_seen_is_refused_undeclared(tmp_path: Path, case: str) -> None:
    step, reason = _UNSEEN[case]

    finding = _finding(tmp_path, step)

    assert (finding.step, finding.field, finding.found, finding.allowed, finding.rule.value) == (
        step["name"],
        "action",
        reason,
        "declare what it needs in the .delegation.yaml beside the document",
        "needs",
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
        source="the sidecar",
    )

    assert (expected,) == _runbook(tmp_path, _script(), sidecar=_DECLARED).needs


_SLEEP = {"name": "look", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}

_SIDECARS: dict[str, tuple[dict[str, Any], str, str]] = {
    "needs of a derived step": (
        _SLEEP,
        _DECLARED,
        "3:3: needs[0]: declares needs of step 'look'; remove them: they are derived from its "
        "action aws:sleep [needs]",
    ),
    "needs of no step": (
        {**_SLEEP, "name": "wait"},
        _DECLARED,
        "3:9: needs[0].step: is 'look', no step of the document; steps: wait [needs]",
    ),
    "missing why": (
        _script(),
        _DECLARED.replace("reads the image's state", "''"),
        "6:8: needs[0].why: is ''; a reason [sidecar]",
    ),
    "resource that is not an ARN": (
        _script(),
        _DECLARED.replace('"*"', "image/ami-1"),
        "5:15: needs[0].resources[0]: is 'image/ami-1'; * or an ARN "
        "(arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:…) [sidecar]",
    ),
    "ARN with an unknown placeholder": (
        _script(),
        _DECLARED.replace('"*"', '"arn:${Partition}:s3:::bucket"'),
        "5:15: needs[0].resources[0]: is 'arn:${Partition}:s3:::bucket'; * or an ARN "
        "(arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:…) [sidecar]",
    ),
    "wildcard in an action": (
        _script(),
        _DECLARED.replace("ec2:DescribeImages", "'ec2:Describe*'"),
        "4:13: needs[0].actions[0]: is 'ec2:Describe*'; service:Action spelled out, without "
        "wildcards [sidecar]",
    ),
    "actions without resources": (
        _script(),
        _DECLARED.replace('["*"]', "[]"),
        "3:3: needs[0]: declares actions without resources or the reverse; a step that calls "
        "nothing has two empty lists [sidecar]",
    ),
    "text for a list": (
        _script(),
        _DECLARED.replace("[ec2:DescribeImages]", "ec2:DescribeImages"),
        "4:12: needs[0].actions: is 'ec2:DescribeImages'; a list [sidecar]",
    ),
    "unknown key": (
        _script(),
        "needs:\n- step: look\n",
        "2:3: needs[0]: is {'step': 'look'}; exactly the keys step, actions, resources, why; with "
        "iam:PassRole also passedTo [sidecar]",
    ),
    "service of another action": (
        _script(),
        _DECLARED + "  passedTo: ec2.amazonaws.com\n",
        "7:13: needs[0].passedTo: is 'ec2.amazonaws.com'; beside the one action iam:PassRole, a "
        "service as ec2.amazonaws.com [sidecar]",
    ),
    "no service": (
        _script(),
        _DECLARED.replace("ec2:DescribeImages", "iam:PassRole") + "  passedTo: ec2\n",
        "7:13: needs[0].passedTo: is 'ec2'; beside the one action iam:PassRole, a service as "
        "ec2.amazonaws.com [sidecar]",
    ),
}


@pytest.mark.parametrize("case", _SIDECARS)
def test_wrong_declaration_is_refused(tmp_path: Path, case: str) -> None:
    step, sidecar, message = _SIDECARS[case]

    findings = check_runbook(_write(tmp_path, step, sidecar=sidecar)).findings

    beside = [str(finding) for finding in findings if ".delegation.yaml" in finding.file]
    assert beside == [f"{tmp_path}/Runbook.delegation.yaml:{message}"]


def test_boundary_joins_needs_by_service_and_resource_and_names_each_region(
    tmp_path: Path,
) -> None:
    every = {"InstanceIds": "{{ Ids }}"}
    restart = [_change("stopped", **every), {**_change("running", **every), "name": "again"}]
    parameters = {"Ids": {"type": "List<AWS::EC2::Instance::Id>"}}
    statements = boundary_statements(
        _runbook(tmp_path, *restart, parameters=parameters).needs, ("eu-west-1", "us-east-1")
    )

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

    assert _runbook(tmp_path, _script(), sidecar=nothing).needs == ()


def test_boundary_of_steps_that_call_nothing_allows_nothing(tmp_path: Path) -> None:
    needs = _runbook(tmp_path, _SLEEP).needs

    (statement,) = boundary_statements(needs, ("eu-west-1",))
    assert (statement.effect, statement.actions, statement.resources) == ("Deny", ("*",), ("*",))


def test_declared_arns_name_their_kind_in_the_sid(tmp_path: Path) -> None:
    arns = '["arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:image/*", "*"]'
    needs = _runbook(tmp_path, _script(), sidecar=_DECLARED.replace('["*"]', arns)).needs

    statements = boundary_statements(needs, ("eu-west-1",))
    assert [(s.sid, s.resources) for s in statements] == [
        ("UseEc2", ("*",)),
        ("UseEc2Image", ("arn:${AWS::Partition}:ec2:eu-west-1:${AWS::AccountId}:image/*",)),
    ]


def test_needs_beyond_the_automation_role_are_those_it_does_not_grant(tmp_path: Path) -> None:
    actions = "[ec2:DescribeImages, ec2:DescribeInstances, ssm:GetCalendarState]"
    sidecar = _DECLARED.replace("[ec2:DescribeImages]", actions)

    beyond = beyond_automation_role(_runbook(tmp_path, _script(), sidecar=sidecar).needs)

    assert [need.action for need in beyond] == ["ec2:DescribeInstances"]
