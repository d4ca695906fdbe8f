"""The service role: who may assume it, what it holds, what bounds it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from delegation.model import Profile, ServiceRole
from delegation.runbooks.runbook import load_runbooks
from tests.stacks.synthesis import ROLE, RUNBOOK, deployment, policy, resources, template

_KEYS = (
    "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    "arn:aws:kms:eu-west-1:111122223333:key/4e5f6a7b",
)


def _boundary_ref(stack: dict[str, Any], name: str) -> dict[str, str]:
    (found,) = [
        id_
        for id_, resource in stack["Resources"].items()
        if resource["Properties"].get("ManagedPolicyName") == name
    ]
    return {"Ref": found}


def test_role_is_bounded_backed_by_the_managed_policy_and_assumed_by_automation_alone() -> None:
    stack = template("AdministrationStack", deployment())

    expected = {
        "RoleName": "AutomationServiceRole",
        "Description": "Assumed by SSM Automation to run the approved runbooks of this deployment",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "LetAutomationAssume",
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": {"Fn::Sub": "${AWS::AccountId}"}},
                        "ArnLike": {
                            "aws:SourceArn": [
                                {
                                    "Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:"
                                    "${AWS::AccountId}:automation-execution/*"
                                }
                            ]
                        },
                    },
                }
            ],
        },
        "ManagedPolicyArns": [
            {
                "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/"
                "AmazonSSMAutomationRole"
            }
        ],
        "PermissionsBoundary": _boundary_ref(stack, "AutomationServiceRoleBoundary"),
    }
    assert [expected] == resources(stack, "AWS::IAM::Role")


def test_role_of_the_guide_has_neither_conditions_nor_boundary() -> None:
    stack = template("AdministrationStack", deployment(profile=Profile.GUIDE))

    expected = {
        "RoleName": "AutomationServiceRole",
        "Description": "Assumed by SSM Automation to run the approved runbooks of this deployment",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "LetAutomationAssume",
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "ManagedPolicyArns": [
            {
                "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/"
                "AmazonSSMAutomationRole"
            }
        ],
    }
    assert [expected] == resources(stack, "AWS::IAM::Role")


def test_boundary_is_the_three_actions_of_a_restart() -> None:
    stack = template("AdministrationStack", deployment())

    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "UseEc2",
                "Effect": "Allow",
                "Action": ["ec2:DescribeInstanceStatus"],
                "Resource": ["*"],
            },
            {
                "Sid": "UseEc2Instance",
                "Effect": "Allow",
                "Action": ["ec2:StartInstances", "ec2:StopInstances"],
                "Resource": [
                    {
                        "Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:"
                        "${AWS::AccountId}:instance/*"
                    }
                ],
            },
        ],
    }
    assert expected == policy(stack, "AutomationServiceRoleBoundary")["PolicyDocument"]


def test_volume_keys_reach_role_and_boundary_for_grants_of_ec2_only() -> None:
    stack = template(
        "AdministrationStack", deployment(service_roles=(replace(ROLE, volume_keys=_KEYS),))
    )

    statement = {
        "Sid": "LetEc2UseVolumeKeys",
        "Effect": "Allow",
        "Action": ["kms:CreateGrant"],
        "Resource": list(_KEYS),
        "Condition": {
            "Bool": {"kms:GrantIsForAWSResource": "true"},
            "StringEquals": {"kms:ViaService": {"Fn::Sub": "ec2.eu-west-1.${AWS::URLSuffix}"}},
        },
    }
    keys = policy(stack, "AutomationServiceRoleNeeds")
    boundary = policy(stack, "AutomationServiceRoleBoundary")["PolicyDocument"]
    assert {"Version": "2012-10-17", "Statement": [statement]} == keys["PolicyDocument"]
    assert statement == boundary["Statement"][-1]
    (role,) = resources(stack, "AWS::IAM::Role")
    assert _boundary_ref(stack, "AutomationServiceRoleNeeds") in role["ManagedPolicyArns"]


def test_volume_keys_of_two_regions_are_used_through_each_regions_own_ec2() -> None:
    keys = (_KEYS[0], "arn:aws:kms:us-east-1:111122223333:key/8c9d0e1f")
    stack = template(
        "AdministrationStack", deployment(service_roles=(replace(ROLE, volume_keys=keys),))
    )

    statements = policy(stack, "AutomationServiceRoleNeeds")["PolicyDocument"]["Statement"]
    services = {
        s["Sid"]: s["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"] for s in statements
    }
    assert services == {
        "LetEc2UseVolumeKeysEuwest1": "ec2.eu-west-1.${AWS::URLSuffix}",
        "LetEc2UseVolumeKeysUseast1": "ec2.us-east-1.${AWS::URLSuffix}",
    }


def test_without_volume_keys_nothing_mentions_kms() -> None:
    stack = template("AdministrationStack", deployment())

    assert "kms:" not in str(stack)


def test_two_service_roles_are_bounded_by_their_own_runbooks(tmp_path: Path) -> None:
    stop = {"InstanceIds": "{{ InstanceId }}", "DesiredState": "stopped"}
    step = {"name": "stop", "action": "aws:changeInstanceState", "inputs": stop}
    parameters = {"InstanceId": {"type": "List<AWS::EC2::Instance::Id>"}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [step]}
    (tmp_path / "Stop-Instance.json").write_text(json.dumps(content), "utf-8")
    two = deployment(service_roles=(ROLE, ServiceRole(name="Stopper", runbooks=("Stop-Instance",))))
    runbooks = {**load_runbooks([RUNBOOK]), **load_runbooks(["Stop-Instance"], tmp_path)}

    administration = template("AdministrationStack", two, runbooks=runbooks)
    documents = template("RunbooksStack", two, runbooks=runbooks)

    bounded = policy(administration, "StopperBoundary")["PolicyDocument"]["Statement"]
    assert [statement["Action"] for statement in bounded] == [
        ["ec2:DescribeInstanceStatus"],
        ["ec2:StopInstances"],
    ]
    assert {
        d["Name"]: d["Content"]["assumeRole"]["Fn::Sub"]
        for d in resources(documents, "AWS::SSM::Document")
    } == {
        "Restart-EC2InstanceDemo": "arn:${AWS::Partition}:iam::${AWS::AccountId}"
        ":role/AutomationServiceRole",
        "Stop-Instance": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/Stopper",
    }


def test_need_beyond_the_automation_role_is_granted_and_bounded(tmp_path: Path) -> None:
    inputs = {"Service": "s3", "Api": "GetObject", "Bucket": "b", "Key": "k"}
    step = {"name": "read", "action": "aws:executeAwsApi", "inputs": inputs}
    content = {"schemaVersion": "0.3", "mainSteps": [step]}
    (tmp_path / "Read-Object.json").write_text(json.dumps(content), "utf-8")
    reader = ServiceRole(name="Reader", runbooks=("Read-Object",))
    stack = template(
        "AdministrationStack",
        deployment(service_roles=(reader,)),
        runbooks=load_runbooks(["Read-Object"], tmp_path),
    )

    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "UseS3B",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [{"Fn::Sub": "arn:${AWS::Partition}:s3:::b/k"}],
            }
        ],
    }
    assert policy(stack, "ReaderNeeds")["PolicyDocument"] == expected
    assert policy(stack, "ReaderBoundary")["PolicyDocument"] == expected
    (role,) = resources(stack, "AWS::IAM::Role")
    assert _boundary_ref(stack, "ReaderNeeds") in role["ManagedPolicyArns"]
