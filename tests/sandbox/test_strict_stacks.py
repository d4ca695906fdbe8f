"""What CloudFormation refuses as on AWS: existing names, missing principals, large policies."""

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from sandbox import Sandbox
from tests.sandbox.conftest import Document

pytestmark = pytest.mark.sandbox

_STATEMENT: Document = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}
_POLICY: Document = {"Version": "2012-10-17", "Statement": [_STATEMENT]}
_LARGE: Document = {
    "Version": "2012-10-17",
    "Statement": [{**_STATEMENT, "Action": [f"ec2:Describe{number:0500}" for number in range(13)]}],
}
_TRUSTING: Document = {
    "Effect": "Allow",
    "Principal": {"Service": "ssm.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
_TRUST: Document = {"Version": "2012-10-17", "Statement": [_TRUSTING]}


def _reason(sandbox: Sandbox, name: str, type_: str, properties: Document) -> str:
    """Why a stack of one resource was not made."""
    cloudformation = sandbox.client("cloudformation")
    template = {"Resources": {"Own": {"Type": type_, "Properties": properties}}}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
        )
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    (failed,) = (
        event
        for event in events
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("Own", "CREATE_FAILED")
    )
    return str(failed["ResourceStatusReason"])


def _make_role(sandbox: Sandbox, name: str) -> Any:
    trust = json.dumps(_TRUST)
    return sandbox.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)


def _make_policy(sandbox: Sandbox, name: str) -> Any:
    document = json.dumps(_POLICY)
    return sandbox.client("iam").create_policy(PolicyName=name, PolicyDocument=document)


def _make_user(sandbox: Sandbox, name: str) -> Any:
    return sandbox.client("iam").create_user(UserName=name)


def _make_log_group(sandbox: Sandbox, name: str) -> Any:
    return sandbox.client("logs").create_log_group(logGroupName=name)


_EXISTING = {
    "AWS::IAM::Role": (_make_role, "RoleName", {"AssumeRolePolicyDocument": _TRUST}),
    "AWS::IAM::ManagedPolicy": (_make_policy, "ManagedPolicyName", {"PolicyDocument": _POLICY}),
    "AWS::IAM::User": (_make_user, "UserName", {}),
    "AWS::Logs::LogGroup": (_make_log_group, "LogGroupName", {}),
}


@pytest.mark.parametrize("type_", _EXISTING)
def test_name_that_exists_is_refused(sandbox: Sandbox, unique: str, type_: str) -> None:
    make, property_, properties = _EXISTING[type_]
    make(sandbox, unique)

    reason = _reason(sandbox, f"S{unique}", type_, {property_: unique, **properties})

    assert reason == (
        f"Resource handler returned message: \"Resource of type '{type_}' with identifier "
        f"'{unique}' already exists.\" (HandlerErrorCode: AlreadyExists)"
    )


def test_existing_role_keeps_its_trust_policy(sandbox: Sandbox, unique: str) -> None:
    made = _make_role(sandbox, unique)["Role"]
    other = {**_TRUST, "Statement": [{**_TRUSTING, "Action": "sts:TagSession"}]}

    _reason(
        sandbox,
        f"S{unique}",
        "AWS::IAM::Role",
        {"RoleName": unique.upper(), "AssumeRolePolicyDocument": other},
    )

    kept = sandbox.client("iam").get_role(RoleName=unique)["Role"]
    assert kept["AssumeRolePolicyDocument"] == made["AssumeRolePolicyDocument"]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Roles": ["HelpDesk-none"]}, "The role with name HelpDesk-none cannot be found."),
        ({"Users": ["nobody"]}, "The user with name nobody cannot be found."),
        ({"PolicyDocument": {"Version": "2012-10-17"}}, "must contain a Statement element"),
        ({"PolicyDocument": _LARGE}, "Cannot exceed quota for PolicySize: 6144"),
    ],
)
def test_policy_that_iam_refuses_is_not_made(
    sandbox: Sandbox, unique: str, properties: Document, words: str
) -> None:
    given = {"ManagedPolicyName": unique, "PolicyDocument": _POLICY, **properties}

    assert words in _reason(sandbox, f"S{unique}", "AWS::IAM::ManagedPolicy", given)
