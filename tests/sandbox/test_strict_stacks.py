"""What CloudFormation refuses as on AWS: unknown properties, existing names, what IAM refuses."""

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from sandbox import Sandbox
from sandbox.emulator.cloudformation.resource_properties import properties_of
from sandbox.emulator.patches import resource_types
from tests.sandbox.conftest import Document, error_code

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


_OFTEN = {"Delay": 0.1, "MaxAttempts": 100}


def _make(
    sandbox: Sandbox, name: str, type_: str, properties: Document, region: str = "us-east-1"
) -> Any:
    """Makes a stack of one resource, and returns what waits for it."""
    cloudformation = sandbox.client("cloudformation", region=region)
    template = {"Resources": {"Own": {"Type": type_, "Properties": properties}}}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    return cloudformation.get_waiter("stack_create_complete")


def _reason(
    sandbox: Sandbox, name: str, type_: str, properties: Document, region: str = "us-east-1"
) -> str:
    """Why a stack of one resource was not made."""
    with pytest.raises(WaiterError):
        _make(sandbox, name, type_, properties, region).wait(StackName=name, WaiterConfig=_OFTEN)
    cloudformation = sandbox.client("cloudformation", region=region)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    (failed,) = (
        event
        for event in events
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("Own", "CREATE_FAILED")
    )
    return str(failed["ResourceStatusReason"])


_EXISTING: dict[str, tuple[str, Document]] = {
    "AWS::ECR::Repository": ("RepositoryName", {}),
    "AWS::Events::Rule": ("Name", {"EventPattern": {"source": ["aws.ssm"]}}),
    "AWS::IAM::Group": ("GroupName", {}),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", {"PolicyDocument": _POLICY}),
    "AWS::IAM::Role": ("RoleName", {"AssumeRolePolicyDocument": _TRUST}),
    "AWS::IAM::User": ("UserName", {}),
    "AWS::Logs::LogGroup": ("LogGroupName", {}),
    "AWS::SNS::Topic": ("TopicName", {}),
    "AWS::SQS::Queue": ("QueueName", {}),
    "AWS::Scheduler::ScheduleGroup": ("Name", {}),
    "AWS::SecretsManager::Secret": ("Name", {"SecretString": "none"}),
}


@pytest.mark.parametrize("type_", _EXISTING)
def test_name_that_exists_is_refused(sandbox: Sandbox, unique: str, type_: str) -> None:
    property_, properties = _EXISTING[type_]
    named = {property_: unique, **properties}
    _make(sandbox, f"Own{unique}", type_, named).wait(StackName=f"Own{unique}", WaiterConfig=_OFTEN)

    reason = _reason(sandbox, f"S{unique}", type_, named)

    assert reason == (
        f"Resource handler returned message: \"Resource of type '{type_}' with identifier "
        f"'{unique}' already exists.\" (HandlerErrorCode: AlreadyExists)"
    )


def test_second_regions_administration_meets_the_names_of_the_first(
    sandbox: Sandbox, unique: str
) -> None:
    """IAM's names are of the account, whatever the stack's Region."""
    named = {"UserName": unique}
    _make(sandbox, unique, "AWS::IAM::User", named).wait(StackName=unique, WaiterConfig=_OFTEN)

    reason = _reason(sandbox, unique, "AWS::IAM::User", named, region="eu-west-1")

    assert "already exists" in reason


def test_existing_role_keeps_its_trust_policy(sandbox: Sandbox, unique: str) -> None:
    trust = json.dumps(_TRUST)
    iam = sandbox.client("iam")
    made = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=trust)["Role"]
    other = {**_TRUST, "Statement": [{**_TRUSTING, "Action": "sts:TagSession"}]}

    _reason(
        sandbox,
        f"S{unique}",
        "AWS::IAM::Role",
        {"RoleName": unique.upper(), "AssumeRolePolicyDocument": other},
    )

    kept = iam.get_role(RoleName=unique)["Role"]
    assert kept["AssumeRolePolicyDocument"] == made["AssumeRolePolicyDocument"]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Roles": ["HelpDesk-none"]}, "The role with name HelpDesk-none cannot be found."),
        ({"Users": ["nobody"]}, "The user with name nobody cannot be found."),
        ({"PolicyDocument": {"Version": "2012-10-17"}}, "Syntax errors in policy."),
        ({"PolicyDocument": _LARGE}, "Cannot exceed quota for PolicySize: 6144"),
    ],
)
def test_policy_that_iam_refuses_is_not_made(
    sandbox: Sandbox, unique: str, properties: Document, words: str
) -> None:
    given = {"ManagedPolicyName": unique, "PolicyDocument": _POLICY, **properties}

    assert words in _reason(sandbox, f"S{unique}", "AWS::IAM::ManagedPolicy", given)


def test_property_that_the_type_does_not_have_is_refused(sandbox: Sandbox, unique: str) -> None:
    reason = _reason(
        sandbox, f"S{unique}", "AWS::IAM::User", {"UserName": unique, "PermissionBoundary": "none"}
    )

    assert reason == (
        "Properties validation failed for resource Own with message:\n"
        "[#: extraneous key [PermissionBoundary] is not permitted]"
    )


def test_properties_of_every_type_that_can_be_made_are_known() -> None:
    own = {"AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource"}

    for type_ in resource_types() - own:
        assert properties_of(type_) or type_ == "AWS::CloudFormation::WaitConditionHandle", type_


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"AssumeRolePolicyDocument": {**_TRUST, "Version": "2024-01-01"}},
            "The policy must contain a valid version string (Service: Iam, Status Code: 400)",
        ),
        (
            {"ManagedPolicyArns": ["arn:aws:iam::000000000000:policy/none"]},
            "Policy arn:aws:iam::000000000000:policy/none does not exist or is not attachable. "
            "(Service: Iam, Status Code: 404)",
        ),
        (
            {
                "Policies": [
                    {
                        "PolicyName": "Own",
                        "PolicyDocument": {**_POLICY, "Statement": [_TRUSTING]},
                    }
                ]
            },
            "Policy document should not specify a principal. (Service: Iam, Status Code: 400)",
        ),
    ],
    ids=["trust", "attached", "inline"],
)
def test_role_that_iam_refuses_is_not_made(
    sandbox: Sandbox, unique: str, properties: Document, message: str
) -> None:
    given = {"RoleName": unique, "AssumeRolePolicyDocument": _TRUST, **properties}

    assert f'message: "{message}" (' in _reason(sandbox, f"S{unique}", "AWS::IAM::Role", given)
    assert error_code(sandbox.client("iam").get_role, RoleName=unique) == "NoSuchEntity"


def test_bucket_whose_owner_enforces_no_acl_takes_none(sandbox: Sandbox, unique: str) -> None:
    acl = {"BucketName": unique.lower(), "AccessControl": "PublicRead"}

    assert "Bucket cannot have ACLs" in _reason(sandbox, f"S{unique}", "AWS::S3::Bucket", acl)
