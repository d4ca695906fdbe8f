"""Needs fail closed: what a call's inputs bring along is granted exactly, or has to be declared."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from delegation.policies.service_roles import boundary_statements
from delegation.runbooks.permissions import Need
from delegation.runbooks.permissions.actions import derive
from delegation.runbooks.permissions.calls import Call, FixedValues
from delegation.runbooks.runbook import Checked, check_runbook

_ROLE = "arn:aws:iam::111122223333:role/Other"
_EC2 = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}"
_SSM = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"


def _checked(folder: Path, step: dict[str, Any], **sections: Any) -> Checked:
    path = folder / "Restart-Anything.json"
    content = {"schemaVersion": "0.3", **sections, "mainSteps": [{"name": "call", **step}]}
    path.write_text(json.dumps(content), "utf-8")
    return check_runbook(path)


def _api(service: str, api: str, **inputs: Any) -> dict[str, Any]:
    return {
        "action": "aws:executeAwsApi",
        "inputs": {"Service": service, "Api": api, **inputs},
    }


def _undeclared(folder: Path, step: dict[str, Any]) -> list[str]:
    """Why a step has to be declared."""
    return [f.found for f in _checked(folder, step).findings if f.rule.value == "needs"]


def _grants(folder: Path, step: dict[str, Any], **sections: Any) -> set[tuple[str, str]]:
    checked = _checked(folder, step, **sections)
    assert checked.findings == ()
    return {(need.action, need.resource) for need in checked.runbook.needs}


_KEYS = {
    "s3": _api(
        "s3", "PutObject", Bucket="b", Key="k", Body="x", SSEKMSKeyId="alias/x",
        ServerSideEncryption="aws:kms",
    ),
    "volume": _api("ec2", "CreateVolume", AvailabilityZone="z", Size=1, KmsKeyId="alias/x"),
    "parameter": _api("ssm", "PutParameter", Name="/a", Value="x", KeyId="alias/x"),
    "secret": _api("secretsmanager", "CreateSecret", Name="a", KmsKeyId="alias/x"),
    "topic": _api("sns", "CreateTopic", Name="a", Attributes={"KmsMasterKeyId": "alias/x"}),
    "database": _api(
        "rds", "CopyDBSnapshot", SourceDBSnapshotIdentifier="a", TargetDBSnapshotIdentifier="b",
        KmsKeyId="alias/x",
    ),
    "logs": _api("logs", "AssociateKmsKey", logGroupName="a", kmsKeyId="arn:aws:kms:::key/x"),
}  # fmt: skip


@pytest.mark.parametrize("case", _KEYS)
def test_key_that_an_input_names_has_to_be_declared(tmp_path: Path, case: str) -> None:
    (reason,) = _undeclared(tmp_path, _KEYS[case])

    assert "names a KMS key, whose use needs permissions on the key" in reason


_THROUGH_OTHERS = {
    "create stack": _api("cloudformation", "CreateStack", StackName="s", TemplateURL="https://x"),
    "update stack": _api("cloudformation", "UpdateStack", StackName="s"),
    "change set": _api("cloudformation", "ExecuteChangeSet", StackName="s", ChangeSetName="c"),
    "delete stack": _api("cloudformation", "DeleteStack", StackName="s"),
    "stack set": _api("cloudformation", "CreateStackSet", StackSetName="s"),
    "function": _api("lambda", "Invoke", FunctionName="f"),
    "build": _api("codebuild", "StartBuild", projectName="p"),
    "state machine": _api(
        "stepfunctions", "StartExecution",
        stateMachineArn="arn:aws:states:eu-west-1:111122223333:stateMachine:m",
    ),
    "job": _api("batch", "SubmitJob", jobName="j", jobQueue="q", jobDefinition="d"),
    "task": _api("ecs", "RunTask", taskDefinition="t"),
    "association": _api("ssm", "UpdateAssociation", AssociationId="a" * 36),
}  # fmt: skip


@pytest.mark.parametrize("case", _THROUGH_OTHERS)
def test_call_that_runs_code_or_templates_of_others_has_to_be_declared(
    tmp_path: Path, case: str
) -> None:
    assert len(_undeclared(tmp_path, _THROUGH_OTHERS[case])) == 1


def test_read_of_a_stack_is_derived(tmp_path: Path) -> None:
    step = _api("cloudformation", "DescribeStackEvents", StackName="s")

    assert {action for action, _ in _grants(tmp_path, step)} == {
        "cloudformation:DescribeStackEvents"
    }


_OTHERS = {
    "launch template": (
        _api(
            "autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName="g",
            LaunchTemplate={"LaunchTemplateName": "t", "Version": "2"},
        ),
        "ec2:RunInstances",
    ),
    "function in a VPC": (
        _api(
            "lambda", "UpdateFunctionConfiguration", FunctionName="f",
            VpcConfig={"SubnetIds": ["subnet-0123456789abcdef0"]},
        ),
        "ec2:CreateNetworkInterface",
    ),
    "copied tags": (
        _api(
            "ec2", "CreateSnapshots", CopyTagsFromSource="volume",
            InstanceSpecification={"InstanceId": "i-0123456789abcdef0"},
        ),
        "copies tags",
    ),
    "rotation": (
        _api("secretsmanager", "RotateSecret", SecretId="s"),
        "lambda:InvokeFunction",
    ),
    "mount target": (
        _api("efs", "DeleteMountTarget", MountTargetId="fsmt-0123456789abcdef0"),
        "ec2:DeleteNetworkInterface",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _OTHERS)
def test_what_a_call_needs_besides_is_named(tmp_path: Path, case: str) -> None:
    step, words = _OTHERS[case]

    (reason,) = _undeclared(tmp_path, step)

    assert words in reason


def test_role_that_is_spelled_out_is_granted_whatever_its_input_is_called(tmp_path: Path) -> None:
    step = _api(
        "ec2", "CreateFlowLogs", ResourceIds=["vpc-0123456789abcdef0"], ResourceType="VPC",
        LogGroupName="flow", DeliverLogsPermissionArn=_ROLE,
    )  # fmt: skip
    (tmp_path / "Restart-Anything.delegation.yaml").write_text(
        "needs:\n- {step: call, actions: ['logs:CreateLogDelivery'], resources: ['*'], why: logs}\n"
    )

    assert _grants(tmp_path, step) == {
        ("iam:PassRole", _ROLE),
        ("ec2:CreateFlowLogs", f"{_EC2}:vpc/vpc-0123456789abcdef0"),
        ("ec2:CreateFlowLogs", f"{_EC2}:vpc-flow-log/*"),
        ("logs:CreateLogDelivery", "*"),
    }


def test_role_that_is_not_spelled_out_has_to_be_declared(tmp_path: Path) -> None:
    step = _api("iam", "AddRoleToInstanceProfile", InstanceProfileName="p", RoleName="r")

    assert "iam:PassRole" in "".join(_undeclared(tmp_path, step))


@pytest.mark.parametrize(
    ("service", "api", "given", "to"),
    [
        (
            "lambda",
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "Role": _ROLE},
            "lambda.amazonaws.com",
        ),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "1", "Arn": "a", "RoleArn": _ROLE}]},
            "events.amazonaws.com",
        ),
        (
            "ec2",
            "CreateFlowLogs",
            {"ResourceIds": ["vpc-0123456789abcdef0"], "DeliverLogsPermissionArn": _ROLE},
            "vpc-flow-logs.amazonaws.com",
        ),
    ],
)
def test_role_may_be_passed_to_that_service_alone(
    service: str, api: str, given: dict[str, Any], to: str
) -> None:
    call = Call(inputs={"Service": service, "Api": api, **given}, values=FixedValues({}))

    derived = derive("aws:executeAwsApi", call)

    (grant,) = (each for each in derived.grants if each.action == "iam:PassRole")
    need = Need(step="call", **{field.name: getattr(grant, field.name) for field in fields(grant)})
    (statement,) = boundary_statements([need], ["us-east-1"])
    assert need.grant == f"iam:PassRole on {_ROLE} to {to}"
    assert statement.conditions == (("StringEquals", "iam:PassedToService", to),)
    assert statement.resources == (_ROLE,)


def test_service_that_is_not_known_has_to_be_declared(tmp_path: Path) -> None:
    step = _api("rds", "ModifyDBInstance", DBInstanceIdentifier="d", MonitoringRoleArn=_ROLE)

    assert "to a service that is not known here" in "".join(_undeclared(tmp_path, step))


@pytest.mark.parametrize("key", ["AutomationAssumeRole", "Role"])
def test_role_of_a_child_is_passed(tmp_path: Path, key: str) -> None:
    step = {
        "action": "aws:executeAutomation",
        "inputs": {"DocumentName": "Other-Runbook", "RuntimeParameters": {key: [_ROLE]}},
    }

    assert ("iam:PassRole", _ROLE) in _grants(tmp_path, step)


def test_stored_default_is_read_by_the_role(tmp_path: Path) -> None:
    image = {"type": "String", "allowedPattern": "^ami-[0-9a-f]{8,17}$"}
    parameters = {
        "Own": {**image, "default": "{{ssm:/golden/ami:3}}"},
        "Amazons": {**image, "default": "{{ssm:/aws/service/ami}}"},
    }
    step = {
        "action": "aws:executeAwsApi",
        "inputs": {
            "Service": "ec2",
            "Api": "DescribeImages",
            "ImageIds": ["{{Own}}", "{{Amazons}}"],
        },
    }

    assert _grants(tmp_path, step, parameters=parameters) == {
        ("ssm:GetParameters", f"{_SSM}:parameter/golden/ami"),
        (
            "ssm:GetParameters",
            "arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/ami",
        ),
        ("ec2:DescribeImages", "*"),
    }


def test_objects_are_granted_without_access_points(tmp_path: Path) -> None:
    step = _api("s3", "DeleteObjects", Bucket="b", Delete={"Objects": [{"Key": "k"}]})

    assert _grants(tmp_path, step) == {("s3:DeleteObject", "arn:${AWS::Partition}:s3:::b/*")}


def test_bucket_of_a_commands_output_is_granted(tmp_path: Path) -> None:
    step = {
        "action": "aws:runCommand",
        "inputs": {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["i-0123456789abcdef0"],
            "OutputS3BucketName": "my-command-logs",
            "Parameters": {"commands": ["date"]},
        },
    }

    assert ("ssm:SendCommand", "arn:${AWS::Partition}:s3:::my-command-logs") in _grants(
        tmp_path, step
    )


@pytest.mark.parametrize(
    ("id_", "kind"),
    [
        ("vpc-0123456789abcdef0", "vpc"),
        ("subnet-0123456789abcdef0", "subnet"),
        ("eni-0123456789abcdef0", "network-interface"),
        ("tgw-0123456789abcdef0", "transit-gateway"),
    ],
)
def test_resource_in_an_input_of_a_general_name_is_the_one_that_is_granted(
    tmp_path: Path, id_: str, kind: str
) -> None:
    step = _api(
        "ec2", "CreateFlowLogs", ResourceIds=[id_], ResourceType="VPC", LogDestination="x",
        LogDestinationType="s3", DeliverLogsPermissionArn=_ROLE,
    )  # fmt: skip
    (tmp_path / "Restart-Anything.delegation.yaml").write_text(
        "needs:\n- {step: call, actions: ['logs:CreateLogDelivery'], resources: ['*'], why: logs}\n"
    )

    granted = {resource for action, resource in _grants(tmp_path, step) if "FlowLogs" in action}

    assert granted == {f"{_EC2}:{kind}/{id_}", f"{_EC2}:vpc-flow-log/*"}


def test_resource_in_an_input_of_a_general_name_that_is_not_spelled_out_has_to_be_declared(
    tmp_path: Path,
) -> None:
    step = _api(
        "ec2", "CreateFlowLogs", ResourceIds=["{{ global:REGION }}"], ResourceType="VPC",
        LogGroupName="flow", DeliverLogsPermissionArn=_ROLE,
    )  # fmt: skip

    (reason,) = _undeclared(tmp_path, step)

    assert "which resources ec2:CreateFlowLogs is judged on cannot be determined" in reason
