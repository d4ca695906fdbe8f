"""``AWS::SSM::Document``, ``AWS::IAM::Group`` and a role's boundary in CloudFormation."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from sandbox import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def cloudformation(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation")


def _template(name: str | None, description: str, **properties: Any) -> str:
    step = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
    content = {"schemaVersion": "0.3", "description": description, "mainSteps": [step]}
    document = {
        "Type": "AWS::SSM::Document",
        "Properties": {
            **({"Name": name} if name else {}),
            "DocumentType": "Automation",
            "Content": content,
            **properties,
        },
    }
    outputs = {"Name": {"Value": {"Ref": "Document"}}}
    return json.dumps({"Resources": {"Document": document}, "Outputs": outputs})


def _create(cloudformation: Any, stack: str, template: str) -> None:
    cloudformation.create_stack(
        StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    _wait(cloudformation, "stack_create_complete", stack)


def _update(cloudformation: Any, stack: str, template: str) -> None:
    cloudformation.update_stack(
        StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    _wait(cloudformation, "stack_update_complete", stack)


def _wait(cloudformation: Any, state: str, stack: str) -> None:
    waiter = cloudformation.get_waiter(state)
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return " ".join(event.get("ResourceStatusReason", "") for event in events)


def _description(ssm: Any, name: str) -> str:
    return str(json.loads(ssm.get_document(Name=name)["Content"])["description"])


def test_update_is_a_new_version_in_place_that_becomes_the_default(
    cloudformation: Any, ssm: Any, unique: str
) -> None:
    _create(cloudformation, unique, _template(unique, "1", UpdateMethod="NewVersion"))

    _update(cloudformation, unique, _template(unique, "2", UpdateMethod="NewVersion"))

    document = ssm.describe_document(Name=unique)["Document"]
    assert (document["LatestVersion"], document["DefaultVersion"]) == ("2", "2")
    assert _description(ssm, unique) == "2"


def test_change_of_tags_alone_makes_no_version(cloudformation: Any, ssm: Any, unique: str) -> None:
    tags = [{"Key": "Team", "Value": "Ops"}]
    _create(cloudformation, unique, _template(unique, "1", UpdateMethod="NewVersion"))

    _update(cloudformation, unique, _template(unique, "1", UpdateMethod="NewVersion", Tags=tags))

    document = ssm.describe_document(Name=unique)["Document"]
    own = [tag for tag in document["Tags"] if not tag["Key"].startswith("aws:")]
    assert (document["LatestVersion"], own) == ("1", tags)


def test_named_document_is_not_replaced(cloudformation: Any, ssm: Any, unique: str) -> None:
    _create(cloudformation, unique, _template(unique, "1"))

    with pytest.raises(WaiterError):
        _update(cloudformation, unique, _template(unique, "2"))

    assert (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing"
        in _reasons(cloudformation, unique)
    )
    assert _description(ssm, unique) == "1"


def test_unnamed_document_is_replaced_under_a_new_name(
    cloudformation: Any, ssm: Any, unique: str
) -> None:
    def name() -> str:
        (stack,) = cloudformation.describe_stacks(StackName=unique)["Stacks"]
        return str(stack["Outputs"][0]["OutputValue"])

    _create(cloudformation, unique, _template(None, "1"))
    before = name()

    _update(cloudformation, unique, _template(None, "2"))

    assert before != name()
    assert _description(ssm, name()) == "2"
    with pytest.raises(ClientError):
        ssm.get_document(Name=before)


def test_failed_update_rolls_back_to_the_old_content_as_a_new_version(
    cloudformation: Any, ssm: Any, unique: str
) -> None:
    first = json.loads(_template(unique, "1", UpdateMethod="NewVersion"))
    _create(cloudformation, unique, json.dumps(first))
    second = json.loads(_template(unique, "2", UpdateMethod="NewVersion"))
    taken = json.loads(_template(unique, "x"))["Resources"]["Document"]
    second["Resources"]["Taken"] = {**taken, "DependsOn": "Document"}

    with pytest.raises(WaiterError):
        _update(cloudformation, unique, json.dumps(second))

    assert f"Document with name {unique} already exists" in _reasons(cloudformation, unique)
    document = ssm.describe_document(Name=unique)["Document"]
    assert (document["LatestVersion"], document["DefaultVersion"]) == ("3", "3")
    assert _description(ssm, unique) == "1"


def test_deleted_stack_leaves_no_document(cloudformation: Any, ssm: Any, unique: str) -> None:
    _create(cloudformation, unique, _template(unique, "1", UpdateMethod="NewVersion"))

    cloudformation.delete_stack(StackName=unique)
    _wait(cloudformation, "stack_delete_complete", unique)

    with pytest.raises(ClientError) as error:
        ssm.get_document(Name=unique)
    assert error.value.response["Error"]["Code"] == "InvalidDocument"


def test_document_that_ssm_refuses_fails_the_stack_with_the_reason(
    cloudformation: Any, unique: str
) -> None:
    with pytest.raises(WaiterError):
        _create(cloudformation, unique, _template("amzn-mine", "1"))

    assert "begins with a prefix that is reserved" in _reasons(cloudformation, unique)


def test_group_is_made_changed_and_removed(
    sandbox: Sandbox, cloudformation: Any, unique: str
) -> None:
    iam = sandbox.client("iam")

    def template(policy: str, inline: str) -> str:
        statement = {"Effect": "Allow", "Action": inline, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        group = {
            "GroupName": unique,
            "ManagedPolicyArns": [f"arn:aws:iam::aws:policy/{policy}"],
            "Policies": [{"PolicyName": "Own", "PolicyDocument": document}],
        }
        return json.dumps({"Resources": {"G": {"Type": "AWS::IAM::Group", "Properties": group}}})

    _create(cloudformation, unique, template("ReadOnlyAccess", "ec2:StopInstances"))
    _update(cloudformation, unique, template("IAMReadOnlyAccess", "ec2:StartInstances"))

    attached = iam.list_attached_group_policies(GroupName=unique)["AttachedPolicies"]
    own = iam.get_group_policy(GroupName=unique, PolicyName="Own")["PolicyDocument"]
    assert [policy["PolicyName"] for policy in attached] == ["IAMReadOnlyAccess"]
    assert own["Statement"][0]["Action"] == "ec2:StartInstances"
    cloudformation.delete_stack(StackName=unique)
    _wait(cloudformation, "stack_delete_complete", unique)
    assert unique not in [group["GroupName"] for group in iam.list_groups()["Groups"]]


def test_boundary_of_a_role_is_set_changed_and_removed(
    sandbox: Sandbox, cloudformation: Any, unique: str
) -> None:
    iam = sandbox.client("iam")
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    boundaries = [
        iam.create_policy(PolicyName=f"{unique}-{n}", PolicyDocument=document)["Policy"]["Arn"]
        for n in range(2)
    ]

    def template(boundary: str | None) -> str:
        role = {
            "RoleName": unique,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
            **({"PermissionsBoundary": boundary} if boundary else {}),
        }
        return json.dumps({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": role}}})

    def bound() -> str | None:
        boundary = iam.get_role(RoleName=unique)["Role"].get("PermissionsBoundary", {})
        arn: str | None = boundary.get("PermissionsBoundaryArn")
        return arn

    _create(cloudformation, unique, template(boundaries[0]))
    created = bound()
    _update(cloudformation, unique, template(boundaries[1]))
    changed = bound()
    _update(cloudformation, unique, template(None))

    assert [created, changed, bound()] == [*boundaries, None]
    cloudformation.delete_stack(StackName=unique)


def test_role_with_a_boundary_that_does_not_exist_fails_the_stack(
    cloudformation: Any, unique: str
) -> None:
    role = {
        "RoleName": unique,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "PermissionsBoundary": "arn:aws:iam::000000000000:policy/None",
    }
    template = json.dumps({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": role}}})

    with pytest.raises(WaiterError):
        _create(cloudformation, unique, template)

    assert "does not exist or is not attachable" in _reasons(cloudformation, unique)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Name": "a b!"}, "failed to satisfy constraint"),
        ({"DocumentType": "Runbook"}, "failed to satisfy constraint"),
        ({"UpdateMethod": "Nope"}, "Nope is not a valid enum value"),
    ],
)
def test_property_that_the_type_does_not_take_fails_the_stack(
    cloudformation: Any, unique: str, properties: dict[str, Any], words: str
) -> None:
    with pytest.raises(WaiterError):
        _create(cloudformation, unique, _template(unique, "1", **properties))

    assert words in _reasons(cloudformation, unique)
