"""Roles that are handed over: to who is trusted by name, and to CloudFormation for a stack."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from sandbox import Sandbox

pytestmark = pytest.mark.sandbox

_ACCOUNT = "000000000000"
_STACKS = f"arn:aws:cloudformation:us-east-1:{_ACCOUNT}:stack"
_QUICKLY = {"Delay": 0.1, "MaxAttempts": 100}

Document = dict[str, Any]
Make = Callable[..., Any]


def _allow(action: str | list[str], resource: str = "*") -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _session(sandbox: Sandbox, keys: dict[str, str], role: str) -> dict[str, str]:
    sts = sandbox.client("sts", keys)
    credentials: dict[str, str] = sts.assume_role(RoleArn=role, RoleSessionName="own")[
        "Credentials"
    ]
    return credentials


def _denial(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Message"])


def test_user_whom_a_trust_policy_names_needs_no_permission(
    sandbox: Sandbox, user: Make, role: Make, unique: str
) -> None:
    keys = user({**_allow("ssm:ListDocuments")})
    arn = role(principal={"AWS": f"arn:aws:iam::{_ACCOUNT}:user/User-{unique}"})

    assert _session(sandbox, keys, arn)["SessionToken"]


def test_deny_of_the_users_own_policy_holds_against_a_trust_policy(
    sandbox: Sandbox, user: Make, role: Make, unique: str
) -> None:
    keys = user({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"})
    arn = role(principal={"AWS": f"arn:aws:iam::{_ACCOUNT}:user/User-{unique}"})

    assert "not authorized to perform: sts:AssumeRole" in _denial(
        lambda: _session(sandbox, keys, arn)
    )


def test_user_needs_permission_where_a_trust_policy_names_the_account(
    sandbox: Sandbox, user: Make, role: Make, unique: str
) -> None:
    arn = role(principal={"AWS": f"arn:aws:iam::{_ACCOUNT}:root"})
    without = user(_allow("ssm:ListDocuments"))
    having = user(_allow("sts:AssumeRole", arn), name=f"Having-{unique}")

    assert "sts:AssumeRole" in _denial(lambda: _session(sandbox, without, arn))
    assert _session(sandbox, having, arn)["SessionToken"]


def test_user_whom_a_trust_policy_does_not_name_is_refused_whatever_he_holds(
    sandbox: Sandbox, user: Make, role: Make
) -> None:
    keys = user(_allow("*"))
    somebody = sandbox.client("iam").create_user(UserName="Somebody")["User"]["Arn"]
    arn = role(principal={"AWS": somebody})

    assert "sts:AssumeRole" in _denial(lambda: _session(sandbox, keys, arn))


def _template(document: str, **more: Document) -> str:
    content = {
        "schemaVersion": "0.3",
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
    }
    properties = {"Name": document, "DocumentType": "Automation", "Content": content}
    resources = {"Document": {"Type": "AWS::SSM::Document", "Properties": properties}, **more}
    return json.dumps({"Resources": resources})


def _documents_of(name: str) -> Document:
    actions = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"]
    more = ["DescribeDocument", "GetDocument", "AddTagsToResource", "ListTagsForResource"]
    return _allow(
        [f"ssm:{action}" for action in (*actions, *more)],
        f"arn:aws:ssm:us-east-1:{_ACCOUNT}:document/{name}",
    )


_CLOUDFORMATION = {"Service": "cloudformation.amazonaws.com"}


def _made(cloudformation: Any, stack: str, template: str, role: str) -> None:
    cloudformation.create_stack(
        StackName=stack, TemplateBody=template, RoleARN=role, Capabilities=["CAPABILITY_IAM"]
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig=_QUICKLY)


def _reasons(cloudformation: Any, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return " ".join(event.get("ResourceStatusReason", "") for event in events)


def test_stack_makes_what_its_role_may_make(sandbox: Sandbox, role: Make, unique: str) -> None:
    arn = role(_documents_of(unique), principal=_CLOUDFORMATION)

    _made(sandbox.client("cloudformation"), unique, _template(unique), arn)

    assert sandbox.client("ssm").describe_document(Name=unique)["Document"]["Name"] == unique


@pytest.mark.parametrize(
    ("resource", "action"),
    [
        ({"Type": "AWS::IAM::User"}, "iam:CreateUser"),
        (
            {
                "Type": "AWS::SSM::Document",
                "Properties": {"Name": "Another", "Content": {"schemaVersion": "2.2"}},
            },
            "ssm:CreateDocument",
        ),
    ],
    ids=["user", "another document"],
)
def test_stack_makes_nothing_that_its_role_may_not(
    sandbox: Sandbox, role: Make, unique: str, resource: Document, action: str
) -> None:
    arn = role(_documents_of(unique), principal=_CLOUDFORMATION)
    cloudformation = sandbox.client("cloudformation")

    with pytest.raises(WaiterError):
        _made(cloudformation, unique, _template(unique, Other=resource), arn)

    reasons = _reasons(cloudformation, unique)
    assert f"{arn} is not authorized to perform: {action} on resource: " in reasons


def test_document_that_embeds_a_role_needs_it_passed(
    sandbox: Sandbox, role: Make, unique: str
) -> None:
    arn = role(_documents_of(unique), principal=_CLOUDFORMATION)
    template = _template(unique).replace(
        '"mainSteps"', f'"assumeRole": "arn:aws:iam::{_ACCOUNT}:role/Power", "mainSteps"'
    )
    cloudformation = sandbox.client("cloudformation")

    with pytest.raises(WaiterError):
        _made(cloudformation, unique, template, arn)

    assert "is not authorized to perform: iam:PassRole" in _reasons(cloudformation, unique)


def test_role_stays_with_its_stack(sandbox: Sandbox, role: Make, unique: str) -> None:
    arn = role(_documents_of(unique), principal=_CLOUDFORMATION)
    cloudformation = sandbox.client("cloudformation")
    _made(cloudformation, unique, _template(unique), arn)

    cloudformation.update_stack(
        StackName=unique,
        TemplateBody=_template(unique, User={"Type": "AWS::IAM::User"}),
        Capabilities=["CAPABILITY_IAM"],
    )

    waiter = cloudformation.get_waiter("stack_rollback_complete")
    waiter.wait(StackName=unique, WaiterConfig=_QUICKLY)
    assert f"{arn} is not authorized to perform: iam:CreateUser" in _reasons(cloudformation, unique)


def test_role_that_does_not_trust_cloudformation_makes_nothing(
    sandbox: Sandbox, role: Make, unique: str
) -> None:
    arn = role(_documents_of(unique), principal={"Service": "ssm.amazonaws.com"})
    cloudformation = sandbox.client("cloudformation")

    with pytest.raises(WaiterError):
        _made(cloudformation, unique, _template(unique), arn)

    assert f"Role {arn} is invalid or cannot be assumed" in _reasons(cloudformation, unique)


def test_stack_is_changed_by_who_may_change_it_and_pass_its_role(
    sandbox: Sandbox, user: Make, role: Make, unique: str
) -> None:
    arn = role(_documents_of(unique), principal=_CLOUDFORMATION)
    may_change = {
        **_allow("cloudformation:CreateChangeSet", f"{_STACKS}/{unique}/*"),
        "Condition": {"ArnEquals": {"cloudformation:RoleArn": arn}},
    }
    without = sandbox.client("cloudformation", user(may_change))
    passing = sandbox.client(
        "cloudformation", user(may_change, _allow("iam:PassRole", arn), name=f"Passing-{unique}")
    )
    change = {
        "StackName": unique,
        "ChangeSetName": "change",
        "ChangeSetType": "CREATE",
        "TemplateBody": _template(unique),
    }

    assert "iam:PassRole" in _denial(lambda: without.create_change_set(**change, RoleARN=arn))
    create = "cloudformation:CreateChangeSet"
    assert create in _denial(lambda: passing.create_change_set(**change))
    other = {**change, "StackName": f"Other-{unique}"}
    assert create in _denial(lambda: passing.create_change_set(**other, RoleARN=arn))
    assert passing.create_change_set(**change, RoleARN=arn)["Id"]


def test_condition_joins_a_parameter_before_it_compares(sandbox: Sandbox, unique: str) -> None:
    template = {
        "Parameters": {"Policies": {"Type": "CommaDelimitedList", "Default": ""}},
        "Conditions": {
            "Given": {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Policies"}]}]}]}
        },
        "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": {"Given": {"Value": {"Fn::If": ["Given", "yes", "no"]}}},
    }
    cloudformation = sandbox.client("cloudformation")

    outputs = []
    for number, value in enumerate(("", "arn:aws:iam::aws:policy/ReadOnlyAccess")):
        parameters = [{"ParameterKey": "Policies", "ParameterValue": value}]
        stack = f"{unique}-{number}"
        cloudformation.create_stack(
            StackName=stack, TemplateBody=json.dumps(template), Parameters=parameters
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=stack, WaiterConfig=_QUICKLY)
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        outputs += [output["OutputValue"] for output in described["Outputs"]]

    assert outputs == ["no", "yes"]


def test_document_of_another_account_is_judged_as_such(
    sandbox: Sandbox, user: Make, runbook: Make
) -> None:
    name = runbook({"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}})
    own = f"arn:aws:ssm:us-east-1:{_ACCOUNT}:document/{name}"
    ssm = sandbox.client("ssm", user(_allow("ssm:DescribeDocument", own)))

    assert ssm.describe_document(Name=own)["Document"]["Name"] == name
    foreign = own.replace(_ACCOUNT, "999999999999")
    assert f"on resource: {foreign}" in _denial(lambda: ssm.describe_document(Name=foreign))
