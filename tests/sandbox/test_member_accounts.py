"""Several accounts in one sandbox: each for itself, and reached from others by roles alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.sandbox import ACCOUNT
from tests.sandbox.conftest import Document, error_code

pytestmark = pytest.mark.sandbox

_WEB, _DATA = "222222222222", "333333333333"
_NAME = "Wait"
_CONTENT = json.dumps(
    {
        "schemaVersion": "0.3",
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}],
    }
)
_ASSUME: Document = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


@pytest.fixture(scope="module")
def organization() -> Iterator[Sandbox]:
    """A management account with two members."""
    with Sandbox(members=(_WEB, _DATA)) as running:
        yield running


def _user(organization: Sandbox, account: str, *statements: Document, name: str) -> dict[str, str]:
    iam = organization.client("iam", organization.member(account))
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="Own", PolicyDocument=document)
    keys: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return keys


def _role(organization: Sandbox, account: str, trusted: str, *, name: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
    iam = organization.client("iam", organization.member(account))
    answer = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    return str(answer["Role"]["Arn"])


def _starts(organization: Sandbox, credentials: dict[str, str] | None) -> list[str]:
    """The executions whose start an account's trail has."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "StartAutomationExecution"}]
    trail = organization.client("cloudtrail", credentials)
    records = [
        json.loads(event["CloudTrailEvent"])
        for event in trail.lookup_events(LookupAttributes=wanted)["Events"]
    ]
    return [record["responseElements"]["automationExecutionId"] for record in records]


def _who(organization: Sandbox, credentials: dict[str, str]) -> str:
    return str(organization.client("sts", credentials).get_caller_identity()["Arn"])


def test_management_account_administers_its_members(organization: Sandbox) -> None:
    assert _who(organization, organization.member(_WEB)) == (
        f"arn:aws:sts::{_WEB}:assumed-role/OrganizationAccountAccessRole/administrator"
    )


def test_nothing_of_one_account_is_in_another(organization: Sandbox) -> None:
    web, data = organization.member(_WEB), organization.member(_DATA)
    ssm = organization.client("ssm", web)
    ssm.create_document(Name=_NAME, DocumentType="Automation", Content=_CONTENT)
    id_ = ssm.start_automation_execution(DocumentName=_NAME)["AutomationExecutionId"]

    for other in (data, None):
        elsewhere = organization.client("ssm", other)
        assert error_code(elsewhere.describe_document, Name=_NAME) == "InvalidDocument"
        assert (
            error_code(elsewhere.get_automation_execution, AutomationExecutionId=id_)
            == "AutomationExecutionNotFoundException"
        )
        assert _starts(organization, other) == []
    assert _starts(organization, web) == [id_]


@pytest.mark.parametrize(
    ("trusted", "statements", "is_let_in"),
    [
        (f"arn:aws:iam::{_WEB}:root", [_ASSUME], True),
        (f"arn:aws:iam::{_WEB}:root", [], False),
        (f"arn:aws:iam::{ACCOUNT}:root", [_ASSUME], False),
        (f"arn:aws:iam::{_DATA}:root", [_ASSUME], False),
    ],
    ids=["both allow", "own policy does not", "trusts management", "trusts itself"],
)
def test_role_of_another_account_needs_its_trust_and_the_callers_own_permission(
    organization: Sandbox,
    unique: str,
    trusted: str,
    statements: list[Document],
    is_let_in: bool,
) -> None:
    keys = _user(organization, _WEB, *statements, name=unique)
    role = _role(organization, _DATA, trusted, name=unique)
    sts: Any = organization.client("sts", keys)

    if not is_let_in:
        code = error_code(sts.assume_role, RoleArn=role, RoleSessionName="visit")
        assert code == "AccessDenied"
        return
    session = sts.assume_role(RoleArn=role, RoleSessionName="visit")["Credentials"]

    assert _who(organization, session) == f"arn:aws:sts::{_DATA}:assumed-role/{unique}/visit"


def test_execution_takes_no_role_of_another_account(organization: Sandbox) -> None:
    elsewhere = organization.client("iam", organization.member(_DATA))
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ssm.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = elsewhere.create_role(
        RoleName="OfAutomation",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    ssm = organization.client("ssm", organization.member(_WEB))
    content = json.dumps({**json.loads(_CONTENT), "assumeRole": role})
    ssm.create_document(Name="Borrows", DocumentType="Automation", Content=content)

    code = error_code(ssm.start_automation_execution, DocumentName="Borrows")

    assert code == "InvalidAutomationExecutionParametersException"


@pytest.mark.parametrize("member", ["22222222222", ACCOUNT, "2222222222222", "two"])
def test_member_that_cannot_be_is_refused(member: str) -> None:
    with pytest.raises(ValueError, match="is not the id of another account, 12 digits"):
        Sandbox(members=[member])


def test_user_whom_a_role_names_needs_permission_of_their_own_account(
    organization: Sandbox,
) -> None:
    keys = _user(organization, _WEB, name="Named")
    role = _role(organization, _DATA, f"arn:aws:iam::{_WEB}:user/Named", name="NamesAUser")
    sts = organization.client("sts", keys)

    assert error_code(sts.assume_role, RoleArn=role, RoleSessionName="visit") == "AccessDenied"
