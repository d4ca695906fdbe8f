"""Which policies IAM refuses, with the message of its answer."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document

pytestmark = pytest.mark.sandbox

_GRANT: Document = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}
_TRUSTING: Document = {
    "Effect": "Allow",
    "Principal": {"Service": "ssm.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
_PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def _policy(*statements: Document, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def _refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _without(statement: Document, name: str) -> Document:
    return {key: value for key, value in statement.items() if key != name}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Syntax errors in policy."),
        (_policy(), "Syntax errors in policy."),
        (_policy(_GRANT, Version="2024-01-01"), "The policy must contain a valid version string"),
        (_policy(_GRANT, Comment="none"), "Syntax errors in policy."),
        (_policy({**_GRANT, "Effect": "allow"}), "Syntax errors in policy."),
        (_policy({**_GRANT, "Reason": "none"}), "Syntax errors in policy."),
        (_policy({**_GRANT, "NotAction": "ec2:*"}), "Syntax errors in policy."),
        (_policy(_without(_GRANT, "Action")), "Policy statement must contain actions."),
        (_policy(_without(_GRANT, "Resource")), "Policy statement must contain resources."),
        (_policy({**_GRANT, "Action": []}), "Policy statement must contain actions."),
        (_policy({**_GRANT, "Action": "DescribeInstances"}), _PREFACED),
        (_policy({**_GRANT, "Resource": "i-0"}), 'Resource i-0 must be in ARN format or "*".'),
        (_policy({**_GRANT, "Principal": "*"}), "Policy document should not specify a principal."),
        (
            _policy({**_GRANT, "Effect": "Deny", "Condition": {"StringNotEqual": {"a:b": "c"}}}),
            "Invalid Condition type : StringNotEqual",
        ),
        (
            _policy({**_GRANT, "Condition": {"NullIfExists": {"a:b": "true"}}}),
            "Invalid Condition type : NullIfExists",
        ),
        (_policy({**_GRANT, "Condition": {"Bool": {"Secure": "true"}}}), _PREFACED),
        (
            _policy({**_GRANT, "Sid": "One"}, {**_GRANT, "Sid": "One"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Effect": "Allow", '
            '"Action": "*", "Resource": "*"}}',
            "Syntax errors in policy.",
        ),
    ],
)
def test_policy_of_a_user_is_refused(
    sandbox: Sandbox, unique: str, document: str, message: str
) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName=unique)

    refused = {
        _refusal(iam.put_user_policy, UserName=unique, PolicyName="Own", PolicyDocument=document),
        _refusal(iam.create_policy, PolicyName=unique, PolicyDocument=document),
    }

    assert refused == {("MalformedPolicyDocument", message)}


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAnyValue:StringEqualsIfExists": {"aws:CalledVia": ["ssm.amazonaws.com"]}},
        {"Null": {"aws:TokenIssueTime": True}},
        {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:octo-org/*"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}},
    ],
)
def test_conditions_of_the_grammar_are_taken(
    sandbox: Sandbox, unique: str, condition: Document
) -> None:
    made = sandbox.client("iam").create_policy(
        PolicyName=unique, PolicyDocument=_policy({**_GRANT, "Condition": condition})
    )

    assert made["Policy"]["PolicyName"] == unique


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("ssm.amazonaws.com", "Syntax errors in policy."),
        (_policy({**_TRUSTING, "Resource": "*"}), "Has prohibited field Resource"),
        (_policy(_without(_TRUSTING, "Principal")), "Missing required field Principal"),
        (
            _policy({**_TRUSTING, "Action": "ec2:RunInstances"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            _policy({**_without(_TRUSTING, "Action"), "NotAction": "ec2:RunInstances"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            _policy({**_TRUSTING, "Principal": {"AWS": "arn:aws:iam::000000000000:role/none"}}),
            'Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:role/none"',
        ),
        (
            _policy({**_TRUSTING, "Principal": {"Service": "ssm"}}),
            'Invalid principal in policy: "Service":"ssm"',
        ),
        (
            _policy({**_without(_TRUSTING, "Principal"), "NotPrincipal": {"AWS": "*"}}),
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        (
            _policy({**_TRUSTING, "Condition": {"StringEquals": {"aws:SourceArn": "a" * 2048}}}),
            "Cannot exceed quota for ACLSizePerRole: 2048",
        ),
    ],
)
def test_trust_policy_is_refused(
    sandbox: Sandbox, unique: str, document: str, message: str
) -> None:
    iam = sandbox.client("iam")
    made = _refusal(iam.create_role, RoleName=unique, AssumeRolePolicyDocument=document)
    iam.create_role(RoleName=unique, AssumeRolePolicyDocument=_policy(_TRUSTING))
    changed = _refusal(iam.update_assume_role_policy, RoleName=unique, PolicyDocument=document)

    assert made == changed == ("MalformedPolicyDocument", message)


def test_policy_that_does_not_exist_cannot_be_attached(sandbox: Sandbox, unique: str) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName=unique)
    iam.create_group(GroupName=unique)
    iam.create_role(RoleName=unique, AssumeRolePolicyDocument=_policy(_TRUSTING))
    arn = "arn:aws:iam::000000000000:policy/none"

    refused = {
        _refusal(iam.attach_user_policy, UserName=unique, PolicyArn=arn),
        _refusal(iam.attach_group_policy, GroupName=unique, PolicyArn=arn),
        _refusal(iam.attach_role_policy, RoleName=unique, PolicyArn=arn),
    }

    assert refused == {("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")}


def test_policies_have_their_quotas(sandbox: Sandbox, unique: str) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName=unique)
    thousand = _policy({**_GRANT, "Sid": "a" * 1000})
    iam.put_user_policy(UserName=unique, PolicyName="One", PolicyDocument=thousand)

    inline = _refusal(
        iam.put_user_policy, UserName=unique, PolicyName="Two", PolicyDocument=thousand
    )
    managed = _refusal(
        iam.create_policy, PolicyName=unique, PolicyDocument=_policy({**_GRANT, "Sid": "a" * 6100})
    )

    assert inline == (
        "LimitExceeded",
        f"Maximum policy size of 2048 bytes exceeded for user {unique}",
    )
    assert managed == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_name_in_another_letter_case_exists(sandbox: Sandbox, unique: str) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName=f"a{unique}")

    assert _refusal(iam.create_user, UserName=f"A{unique}") == (
        "EntityAlreadyExists",
        f"User with name A{unique} already exists.",
    )
