"""The model of an account: every way of a policy to a principal, and what the review refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from review.errors import ReviewError
from review.model.account import Account, Kind, Persona
from review.model.account_reader import read_accounts
from review.templates.assembly import Template, read_templates
from review.templates.intrinsics import Environment
from tests.review.conftest import ENVIRONMENT

_ALLOW = {"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"}
_DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Sid": "Stop", **_ALLOW}]}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def _resource(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::IAM::{type_}", "Properties": properties}


def _account(resources: dict[str, Any], **sections: Any) -> Account:
    body = {"Resources": resources, **sections}
    (account,) = read_accounts([Template(stack="Stack", environment=ENVIRONMENT, body=body)])
    return account


def _held(account: Account) -> dict[str, list[str]]:
    """The names of the policies of each principal."""
    return {
        f"{principal.kind.value} {principal.name}": [p.name for p in principal.policies]
        for principal in account.principals
    }


_USER, _GROUP = _resource("User", UserName="user"), _resource("Group", GroupName="group")
_ROLE = _resource("Role", RoleName="role", AssumeRolePolicyDocument=_TRUST)
_INLINE = {"PolicyName": "inline", "PolicyDocument": _DOCUMENT}
_MANAGED = {"ManagedPolicyName": "managed", "PolicyDocument": _DOCUMENT}
_WAYS: dict[str, tuple[dict[str, Any], dict[str, list[str]]]] = {
    "policies of a user": (
        {"User": _resource("User", UserName="user", Policies=[_INLINE])},
        {"user user": ["inline"]},
    ),
    "policies of a role": (
        {
            "Role": _resource(
                "Role", RoleName="role", AssumeRolePolicyDocument=_TRUST, Policies=[_INLINE]
            )
        },
        {"role role": ["inline"]},
    ),
    "policies of a group of a user": (
        {
            "Group": _resource("Group", GroupName="group", Policies=[_INLINE]),
            "User": _resource("User", UserName="user", Groups=[{"Ref": "Group"}]),
        },
        {"user user": ["inline"]},
    ),
    "a policy resource": (
        {
            "User": _USER,
            "Role": _ROLE,
            "Policy": _resource("Policy", Users=[{"Ref": "User"}], Roles=["role"], **_INLINE),
        },
        {"user user": ["inline"], "role role": ["inline"]},
    ),
    "a policy resource of a group, and an addition to it": (
        {
            "User": _USER,
            "Group": _GROUP,
            "Policy": _resource("Policy", Groups=[{"Ref": "Group"}], **_INLINE),
            "Joins": _resource("UserToGroupAddition", GroupName="group", Users=["user"]),
        },
        {"user user": ["inline"]},
    ),
    "separate inline policies": (
        {
            "User": _USER,
            "Role": _ROLE,
            "OfUser": _resource("UserPolicy", UserName={"Ref": "User"}, **_INLINE),
            "OfRole": _resource("RolePolicy", RoleName={"Ref": "Role"}, **_INLINE),
        },
        {"user user": ["inline"], "role role": ["inline"]},
    ),
    "a separate inline policy of a group": (
        {
            "User": _resource("User", UserName="user", Groups=["group"]),
            "Group": _GROUP,
            "OfGroup": _resource("GroupPolicy", GroupName="group", **_INLINE),
        },
        {"user user": ["inline"]},
    ),
    "a managed policy that names its holders": (
        {
            "User": _USER,
            "Role": _ROLE,
            "Managed": _resource("ManagedPolicy", Users=["user"], Roles=["role"], **_MANAGED),
        },
        {"user user": ["managed"], "role role": ["managed"]},
    ),
    "a managed policy that its holder names": (
        {
            "Managed": _resource("ManagedPolicy", **_MANAGED),
            "User": _resource("User", UserName="user", ManagedPolicyArns=[{"Ref": "Managed"}]),
        },
        {"user user": ["managed"]},
    ),
    "a managed policy of an existing user, role and group": (
        {
            "Managed": _resource(
                "ManagedPolicy", Users=["there"], Roles=["too"], Groups=["team"], **_MANAGED
            )
        },
        {
            "user there": ["managed"],
            "role too": ["managed"],
            "members of group team": ["managed"],
        },
    ),
    "a managed policy that nobody holds yet": (
        {"Managed": _resource("ManagedPolicy", **_MANAGED)},
        {"holders of policy managed": ["managed"]},
    ),
    "an AWS managed policy": (
        {
            "User": _resource(
                "User",
                UserName="user",
                ManagedPolicyArns=["arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"],
            )
        },
        {"user user": ["AmazonSSMAutomationRole (v9, 2026-03-20)"]},
    ),
}


@pytest.mark.parametrize("way", _WAYS)
def test_policy_reaches_its_principal(way: str) -> None:
    resources, held = _WAYS[way]

    assert _held(_account(resources)) == held


def test_boundary_is_read_and_gives_nothing() -> None:
    account = _account(
        {
            "Managed": _resource("ManagedPolicy", **_MANAGED),
            "User": _resource("User", UserName="user", PermissionsBoundary={"Ref": "Managed"}),
        }
    )

    (user,) = account.principals
    assert user.policies == ()
    assert user.boundary is not None
    assert user.boundary.name == "managed"


def test_existing_principal_is_reported_to_hold_more_than_the_templates_say() -> None:
    account = _account({"Managed": _resource("ManagedPolicy", Roles=["there"], **_MANAGED)})

    (role,) = account.principals
    assert (role.kind, role.is_whole) == (Kind.ROLE, False)


def test_role_that_automation_may_assume_is_a_service_role_under_any_name() -> None:
    trust = json.loads(json.dumps(_TRUST).replace("ec2.", "ssm."))

    account = _account({"Role": _resource("Role", AssumeRolePolicyDocument=trust)})

    (role,) = account.principals
    assert (role.persona, role.name) == (Persona.SERVICE_ROLE, "Stack-Role-GENERATED")


def _statement(**changes: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "Stop", **_ALLOW, **changes}]}
    return {"Policy": _resource("Policy", PolicyName="p", PolicyDocument=document, Users=["user"])}


_REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a type that nobody has judged": (
        {"Queue": {"Type": "AWS::SQS::QueueInlinePolicy"}},
        "Stack/Queue: the review does not know whether AWS::SQS::QueueInlinePolicy gives access to "
        "anybody (review/templates/resource_types.py)",
    ),
    "an attachment of a document": (
        {
            "Document": {
                "Type": "AWS::SSM::Document",
                "Properties": {
                    "DocumentType": "Automation",
                    "Content": {"mainSteps": []},
                    "Attachments": [{"Key": "S3FileUrl", "Values": ["s3://bucket/run.zip"]}],
                },
            }
        },
        "Stack/Document: the review does not evaluate attachments",
    ),
    "a function": (
        {"User": _resource("User", UserName={"Fn::ImportValue": "Name"})},
        "stack Stack: the review does not know the function Fn::ImportValue",
    ),
    "a parameter without a value": (
        {"User": _resource("User", UserName={"Ref": "Name"})},
        "stack Stack: the review does not know the value of parameter 'Name', which is given when "
        "it is deployed",
    ),
    "a reference to nothing": (
        {"User": _resource("User", UserName={"Ref": "Nothing"})},
        "'Nothing' is referred to and not in its template",
    ),
    "an attribute": (
        {
            "Secret": {"Type": "AWS::SecretsManager::Secret"},
            "User": _resource("User", UserName={"Fn::GetAtt": ["Secret", "Id"]}),
        },
        "Stack/Secret: the review does not know Id of AWS::SecretsManager::Secret, which a policy "
        "names; give the resource a name of its own and use that",
    ),
    "a policy that is nowhere": (
        {
            "User": _resource(
                "User", ManagedPolicyArns=["arn:aws:iam::111122223333:policy/elsewhere"]
            )
        },
        "Stack/User holds arn:aws:iam::111122223333:policy/elsewhere, which is in none of these "
        "templates: the review cannot show what it grants",
    ),
    "an AWS managed policy without its text": (
        {"User": _resource("User", ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])},
        "the text of the AWS managed policy arn:aws:iam::aws:policy/ReadOnlyAccess is not in "
        "aws_facts/policies/; add it as NAME.json with Arn, VersionId, UpdateDate and Document",
    ),
    "a misspelt operator": (
        _statement(Condition={"StringEqual": {"aws:username": "user"}}),
        "policy p, statement Stop: 'StringEqual' is not a condition operator of IAM",
    ),
    "a misspelt part": (
        _statement(Conditions={}),
        "policy p, statement Stop: Conditions is not a part of a statement",
    ),
    "NotPrincipal": (
        _statement(NotPrincipal="*"),
        "policy p, statement Stop: NotPrincipal is not evaluated; name the principals",
    ),
    "an effect": (
        _statement(Effect="allow"),
        "policy p, statement Stop: effect 'allow' is not Allow or Deny",
    ),
    "two users of a name": (
        {"One": _USER, "Two": _USER},
        "Stack/Two: a second AWS::IAM::User user, after Stack/One",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_the_review_does_not_know_is_refused(case: str) -> None:
    resources, message = _REFUSED[case]

    with pytest.raises(ReviewError) as error:
        _account(resources, Parameters={"Name": {"Type": "String", "Default": "name"}})

    assert message == str(error.value)


def test_section_that_nobody_has_judged_is_refused() -> None:
    with pytest.raises(ReviewError) as error:
        _account({}, Hooks={"Hook": {"Type": "AWS::CodeDeploy::BlueGreen"}})

    assert str(error.value) == "Stack has a section Hooks, which the review does not evaluate"


def test_older_policy_language_is_refused() -> None:
    document = {"Version": "2008-10-17", "Statement": [_ALLOW]}

    with pytest.raises(ReviewError, match="version '2008-10-17' is not 2012-10-17"):
        _account({"P": _resource("Policy", PolicyName="p", PolicyDocument=document, Users=["u"])})


_FUNCTIONS: dict[str, tuple[Any, str]] = {
    "Ref": ({"Ref": "AWS::Region"}, "us-east-1"),
    "Sub": ({"Fn::Sub": "${AWS::Partition}-${!Kept}"}, "aws-${Kept}"),
    "Sub with variables": ({"Fn::Sub": ["${One}", {"One": {"Ref": "AWS::Region"}}]}, "us-east-1"),
    "Sub of an attribute": ({"Fn::Sub": "${Group.Arn}"}, "arn:aws:iam::111122223333:group/group"),
    "Join": ({"Fn::Join": ["-", ["a", {"Ref": "AWS::AccountId"}]]}, "a-111122223333"),
    "Select and Split": ({"Fn::Select": [1, {"Fn::Split": [".", "a.b"]}]}, "b"),
    "FindInMap": ({"Fn::FindInMap": ["Names", {"Ref": "AWS::Partition"}, "Of"]}, "mapped"),
    "If": ({"Fn::If": ["InChina", "yes", "no"]}, "no"),
    "If of a negation": ({"Fn::If": ["Elsewhere", "yes", "no"]}, "yes"),
    "GetAtt": ({"Fn::GetAtt": ["Group", "Arn"]}, "arn:aws:iam::111122223333:group/group"),
}


@pytest.mark.parametrize("function", _FUNCTIONS)
def test_function_is_resolved(function: str) -> None:
    value, expected = _FUNCTIONS[function]
    account = _account(
        {"Group": _GROUP, "User": _resource("User", UserName=value)},
        Mappings={"Names": {"aws": {"Of": "mapped"}}},
        Conditions={
            "InChina": {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]},
            "Elsewhere": {"Fn::Not": [{"Condition": "InChina"}]},
        },
    )

    assert [principal.name for principal in account.principals] == [expected]


def test_resource_whose_condition_does_not_hold_is_not_there() -> None:
    account = _account(
        {"User": {**_USER, "Condition": "Never"}, "Role": _ROLE},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
    )

    assert [principal.name for principal in account.principals] == ["role"]


def test_folder_of_templates_is_read_in_json_and_yaml(tmp_path: Path) -> None:
    (tmp_path / "One.template.json").write_text(json.dumps({"Resources": {"User": _USER}}), "utf-8")
    (tmp_path / "Two.yaml").write_text(
        "Resources:\n"
        "  Role:\n"
        "    Type: AWS::IAM::Role\n"
        "    Properties:\n"
        "      RoleName: !Sub '${AWS::Region}-role'\n"
        "      AssumeRolePolicyDocument:\n"
        "        Version: 2012-10-17\n"
        "        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com},"
        " Action: 'sts:AssumeRole'}]\n",
        "utf-8",
    )

    (account,) = read_accounts(read_templates(tmp_path, ENVIRONMENT))

    assert [p.arn for p in account.principals] == [
        "arn:aws:iam::111122223333:role/us-east-1-role",
        "arn:aws:iam::111122223333:user/user",
    ]


def test_account_region_and_partition_are_those_asked_for() -> None:
    environment = Environment(account="444455556666", region="cn-north-1", partition="aws-cn")
    body = {"Resources": {"User": _USER}}

    (account,) = read_accounts([Template(stack="S", environment=environment, body=body)])

    assert account.principals[0].arn == "arn:aws-cn:iam::444455556666:user/user"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "One.json cannot be read as JSON: Expecting property name"),
        (None, "no template"),
    ],
)
def test_folder_without_a_template_is_refused(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "One.json").write_text(text, "utf-8")

    with pytest.raises(ReviewError, match=message):
        read_templates(tmp_path, ENVIRONMENT)
