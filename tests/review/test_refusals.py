"""What the review refuses at once: files, template parts and conditions that it cannot evaluate."""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from review.errors import ReviewError
from review.model.account import Account
from review.model.account_reader import read_accounts
from review.templates.assembly import Template, given_environment, read_templates
from tests.review.conftest import DEFAULT, ENVIRONMENT
from tests.stacks.synthesis import written

_USER = {"Type": "AWS::IAM::User", "Properties": {"UserName": "user"}}
_ANYWHERE = given_environment()


def _as_link(path: Path) -> None:
    (path.parent / "there.txt").write_text("{}")
    path.symlink_to(path.parent / "there.txt")


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (_as_link, "is a link; put the file itself there"),
    "a pipe": (os.mkfifo, "is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a link; put the file itself there"),
    "a huge file": (
        lambda path: path.write_bytes(b" " * (16 * 1024**2 + 1)),
        "is longer than 16 MiB",
    ),
    "a deep list": (lambda path: path.write_text(_nested(200)), "is nested deeper than 60 levels"),
    "a list too deep to read": (
        lambda path: path.write_text(_nested(200_000)),
        "cannot be read as JSON: it is nested too deep",
    ),
    "a key that appears twice": (
        lambda path: path.write_text('{"Resources": {}, "Resources": {}}'),
        "cannot be read as JSON: key 'Resources' appears twice in one object",
    ),
    "a number that is none": (
        lambda path: path.write_text('{"Resources": {"A": NaN}}'),
        "cannot be read as JSON: NaN is not a number of JSON",
    ),
}


@pytest.mark.parametrize(("make", "message"), _FILES.values(), ids=_FILES)
def test_file_that_could_stall_or_mislead_is_refused(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "One.json"
    make(path)

    with pytest.raises(ReviewError) as caught:
        read_templates(tmp_path, ENVIRONMENT)

    assert str(caught.value) == f"{path} {message}"


def test_socket_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "One.json"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))

        with pytest.raises(ReviewError) as caught:
            read_templates(tmp_path, ENVIRONMENT)

    assert str(caught.value) == f"{path} cannot be read: No such device or address"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Resources: &a {}\nOutputs: *a\n", "aliases are not supported"),
        ("Resources: {<<: {A: 1}}\n", "a merged key"),
        ("Resources: {}\nResources: {}\n", "a key that appears twice"),
    ],
)
def test_yaml_that_cloudformation_does_not_take_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "One.yaml").write_text(text)

    with pytest.raises(ReviewError, match=message):
        read_templates(tmp_path, ENVIRONMENT)


def _edited(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    content = json.loads((folder / name).read_text())
    edit(content)
    (folder / name).write_text(json.dumps(content))


def _another_template(folder: Path) -> None:
    _edited(folder, "AdministrationStack.template.json", lambda t: t.update(Description="Another"))


def _another_role(folder: Path) -> None:
    def edit(manifest: Any) -> None:
        role = "arn:aws:iam::111122223333:role/admin"
        manifest["artifacts"]["RunbooksStack"]["properties"]["assumeRoleArn"] = role

    _edited(folder, "manifest.json", edit)


def _nested_assembly(folder: Path) -> None:
    def edit(manifest: Any) -> None:
        nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}
        manifest["artifacts"]["nested"] = nested

    _edited(folder, "manifest.json", edit)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_another_template, "is not the template that its assembly names"),
        (_another_role, "is none of this project, or not deployed by roles of cdk bootstrap"),
        (_nested_assembly, "holds nested, cdk:cloud-assembly, which no review evaluates"),
    ],
)
def test_assembly_that_deploys_something_else_is_refused(
    tmp_path: Path, edit: Callable[[Path], None], message: str
) -> None:
    folder = written(DEFAULT, tmp_path / "assembly")
    edit(folder)

    with pytest.raises(ReviewError, match=message):
        read_templates(folder, ENVIRONMENT)


def _account(body: dict[str, Any], environment: Any = ENVIRONMENT) -> Account:
    (account,) = read_accounts([Template(stack="Stack", environment=environment, body=body)])
    return account


_TRANSFORM = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}
_TEMPLATES: dict[str, tuple[dict[str, Any], str]] = {
    "a transform": (
        {"Transform": "AWS::LanguageExtensions", "Resources": {}},
        "Stack has a Transform, which CloudFormation expands when it is deployed; review the "
        "expanded template (aws cloudformation get-template --template-stage Processed)",
    ),
    "a transform in an output": (
        {"Resources": {}, "Outputs": {"A": {"Value": {"Fn::Transform": _TRANSFORM}}}},
        "Stack has a Fn::Transform, which CloudFormation expands when it is deployed; review the "
        "expanded template (aws cloudformation get-template --template-stage Processed)",
    ),
    "a loop over resources": (
        {"Resources": {"Fn::ForEach::Each": {"Type": "AWS::IAM::User"}}},
        "Stack has a Fn::ForEach::Each, which CloudFormation expands when it is deployed; review "
        "the expanded template (aws cloudformation get-template --template-stage Processed)",
    ),
    "a logical id": (
        {"Resources": {"A-B": _USER}},
        "Stack/A-B: a logical id has letters and digits only",
    ),
    "a property": (
        {"Resources": {"A": {**_USER, "Properties": {"Password": "x"}}}},
        "Stack/A: the review does not know what Password of AWS::IAM::User does "
        "(review/templates/resource_types.py)",
    ),
    "an attribute of a resource": (
        {"Resources": {"A": {**_USER, "UpdatePolicy": {}}}},
        "Stack/A: the review does not know what UpdatePolicy of AWS::IAM::User does "
        "(review/templates/resource_types.py)",
    ),
    "a password": (
        {
            "Resources": {
                "A": {**_USER, "Properties": {"LoginProfile": {"Password": "correct horse"}}}
            }
        },
        "Stack/A: its password stands in the template; let Secrets Manager generate it",
    ),
    "a value that stands elsewhere": (
        {"Resources": {"A": {**_USER, "Properties": {"UserName": "{{resolve:ssm:name}}"}}}},
        "Stack/A: the review does not know the value of a dynamic reference",
    ),
    "a value that stands elsewhere, put together": (
        {
            "Resources": {
                "A": {
                    **_USER,
                    "Properties": {"UserName": {"Fn::Join": ["", ["{{res", "olve:ssm:name}}"]]}},
                }
            }
        },
        "stack Stack: the review does not know the value of a dynamic reference ({{resolve:…}})",
    ),
    "two groups whose names differ in case": (
        {
            "Resources": {
                "A": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "Team"}},
                "B": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "team"}},
            }
        },
        "Stack/B: a second AWS::IAM::Group team, after Stack/A",
    ),
    "two log groups": (
        {
            "Resources": {
                "A": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "a"}},
                "B": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "a"}},
            }
        },
        "Stack/B: a second AWS::Logs::LogGroup a, after Stack/A",
    ),
}


@pytest.mark.parametrize("case", _TEMPLATES)
def test_part_of_a_template_that_nobody_has_read_is_refused(case: str) -> None:
    body, message = _TEMPLATES[case]

    with pytest.raises(ReviewError) as caught:
        _account(body)

    assert str(caught.value) == message


def test_second_policy_of_a_name_in_another_stack_is_refused() -> None:
    document = {"Version": "2012-10-17", "Statement": []}
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "p", "PolicyDocument": document},
    }
    body = {"Resources": {"A": policy}}

    with pytest.raises(ReviewError) as caught:
        read_accounts(
            [Template(stack=name, environment=ENVIRONMENT, body=body) for name in ("One", "Two")]
        )

    assert str(caught.value) == "Two/A: a second AWS::IAM::ManagedPolicy p, after One/A"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (True, "true", True),
        (1, "1", True),
        ({"Ref": "AWS::Region"}, "us-east-1", True),
        (False, "False", False),
        ({"Fn::Join": ["-", ["a", 1, True]]}, "a-1-true", True),
        ({"Fn::Sub": ["${A}", {"A": True}]}, "true", True),
    ],
)
def test_condition_compares_strings_as_cloudformation_does(
    one: Any, other: Any, expected: bool
) -> None:
    account = _account(
        {
            "Conditions": {"Is": {"Fn::Equals": [one, other]}},
            "Resources": {"A": {**_USER, "Condition": "Is"}},
        }
    )

    assert bool(account.principals) is expected


_EQUALS = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
_UNFIXED: dict[str, tuple[dict[str, Any], str]] = {
    "a condition": (
        {"Conditions": {"C": _EQUALS}, "Resources": {"A": {**_USER, "Condition": "C"}}},
        "condition C depends on AWS::Region, and nothing fixes the Region",
    ),
    "a condition by another": (
        {
            "Conditions": {"B": _EQUALS, "C": {"Fn::Not": [{"Condition": "B"}]}},
            "Resources": {"A": {**_USER, "Condition": "C"}},
        },
        "condition B depends on AWS::Region, and nothing fixes the Region",
    ),
    "a value of either": (
        {
            "Conditions": {"C": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]}},
            "Resources": {"A": {**_USER, "Properties": {"UserName": {"Fn::If": ["C", "a", "b"]}}}},
        },
        "condition C depends on AWS::AccountId, and nothing fixes the account",
    ),
    "a mapping": (
        {
            "Mappings": {"M": {"us-east-1": {"Name": "a"}}},
            "Resources": {
                "A": {
                    **_USER,
                    "Properties": {
                        "UserName": {"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "Name"]}
                    },
                }
            },
        },
        "entry M.us-east-1.Name of the mappings depends on AWS::Region, and nothing fixes the "
        "Region",
    ),
    "a part of its name": (
        {
            "Resources": {
                "A": {
                    **_USER,
                    "Properties": {
                        "UserName": {
                            "Fn::Select": [0, {"Fn::Split": ["-", {"Ref": "AWS::Region"}]}]
                        }
                    },
                }
            },
        },
        "part of 'us-east-1' depends on AWS::Region, and nothing fixes the Region",
    ),
}


@pytest.mark.parametrize("case", _UNFIXED)
def test_what_depends_on_a_place_that_nothing_fixes_is_refused(case: str) -> None:
    body, message = _UNFIXED[case]
    unknown = message.rsplit(" ", 1)[1]

    assert _account(body, ENVIRONMENT)
    with pytest.raises(ReviewError) as caught:
        _account(body, _ANYWHERE)

    assert str(caught.value) == (
        f"stack Stack: {message}; name it in deployments.py, or with --{unknown.lower()}"
    )


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:iam::444455556666:role/Any",
        "444455556666",
        {"Fn::Sub": "arn:${AWS::Partition}:iam::444455556666:user/x"},
        {"Fn::Join": ["", ["4444", "55556666"]]},
        444455556666,
    ],
    ids=["ARN", "text", "Sub", "Join", "number"],
)
def test_account_is_never_guessed_from_what_a_template_names(tmp_path: Path, value: Any) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": value}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    path = tmp_path / "One.json"
    path.write_text(json.dumps({"Resources": {"Role": role}}))

    assert read_accounts(read_templates(tmp_path, replace(_ANYWHERE, assumed=("Region",))))
    with pytest.raises(ReviewError) as caught:
        read_accounts(read_templates(tmp_path, _ANYWHERE))

    assert str(caught.value) == (
        "One names account 444455556666, and nothing says whether it is deployed there; name "
        "the account of the deployment: account= in deployments.py, or --account"
    )
