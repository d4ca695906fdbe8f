"""People with an IAM user enrol an MFA device of their own, and can do nothing without it.

They sign in to the AWS CLI without access keys.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.errors import DelegationError
from delegation.model import IamUser, Profile
from review.access_review import review
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.templates.assembly import given_environment, read_templates
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import approved_by, deployment, policy, resources, template, written

_OWN_USER = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/${!aws:username}"}
_REQUIRED = deployment(require_mfa=True, service_roles=(approved_by(IamUser("lead")),))


def test_policies_of_mfa_are_these_and_never_part_of_what_roles_share() -> None:
    stack = template("AdministrationStack", _REQUIRED)

    groups = policy(stack, "OperatorOwnPassword")["Groups"]
    own, required = policy(stack, "OwnMfaDevice"), policy(stack, "NothingWithoutMfa")
    assert len(groups) == 2
    for made in (own, required):
        assert made["Groups"] == groups
        assert not {"Roles", "Users"} & made.keys()
    assert own["PolicyDocument"]["Statement"] == [
        {
            "Sid": "MakeMfaDevice",
            "Effect": "Allow",
            "Action": ["iam:CreateVirtualMFADevice"],
            "Resource": [{"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:mfa/*"}],
        },
        {
            "Sid": "EnableOwnMfaDevice",
            "Effect": "Allow",
            "Action": [
                *("iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices"),
                "iam:ResyncMFADevice",
            ],
            "Resource": [_OWN_USER],
        },
        {
            "Sid": "ListMfaDevices",
            "Effect": "Allow",
            "Action": ["iam:ListVirtualMFADevices"],
            "Resource": ["*"],
        },
    ]
    assert required["PolicyDocument"]["Statement"] == [
        {
            "Sid": "NothingElseWithoutMfa",
            "Effect": "Deny",
            "NotAction": [
                *("iam:ChangePassword", "iam:GetAccountPasswordPolicy"),
                *("iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser"),
                *("iam:ListMFADevices", "iam:ResyncMFADevice", "iam:ListVirtualMFADevices"),
                "sts:GetSessionToken",
            ],
            "Resource": ["*"],
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        }
    ]
    assert "MultiFactor" not in json.dumps(policy(stack, "OperatorRestrictedPermissions"))


def test_device_may_be_enrolled_without_being_required() -> None:
    stack = template("AdministrationStack", deployment(own_mfa=True))

    names = {p["ManagedPolicyName"] for p in resources(stack, "AWS::IAM::ManagedPolicy")}
    assert "OwnMfaDevice" in names
    assert "NothingWithoutMfa" not in names


def test_review_proves_what_is_left_without_a_device(tmp_path: Path) -> None:
    with Engine() as engine:
        (found,) = review(
            engine, read_templates(written(_REQUIRED, tmp_path), given_environment())
        ).accounts

    assert {invariant.verdict for invariant in found.invariants} == {Verdict.HOLDS}
    sentences = {invariant.id: invariant.sentence for invariant in found.invariants}
    assert sentences["users-do-nothing-without-mfa"] == (
        "without an MFA device AutomationRestrictedOperator and lead can only enrol one and change "
        "their password"
    )
    assert sentences["users-enrol-own-device"] == (
        "AutomationRestrictedOperator and lead can enrol no MFA device but their own, and take "
        "none away"
    )


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        ('"sts:GetSessionToken"', '"ssm:*"', "users-do-nothing-without-mfa"),
        ('"BoolIfExists"', '"Bool"', "users-do-nothing-without-mfa"),
        ('"iam:ResyncMFADevice"', '"iam:DeactivateMFADevice"', "users-enrol-own-device"),
        (":user/${!aws:username}", ":user/*", "users-enrol-own-device"),
    ],
)
def test_mutant_of_mfa_is_killed(tmp_path: Path, old: str, new: str, violated: str) -> None:
    folder = written(_REQUIRED, tmp_path / "assembly")
    loose = tmp_path / "loose"
    loose.mkdir()
    for path in folder.glob("*.template.json"):
        (loose / path.name).write_text(path.read_text().replace(old, new))
    assert old in (folder / "AdministrationStack.template.json").read_text()

    with Engine() as engine:
        reviewed = review(engine, read_templates(loose, given_environment()))

    assert violated in [invariant.id for invariant in reviewed.violated]


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[str]:
    """The Region in which a deployment stands that requires MFA."""
    region = "eu-south-1"
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, region, stack, _REQUIRED)
    yield region
    iam = sandbox.client("iam")
    for device in iam.list_mfa_devices(UserName="AutomationRestrictedOperator")["MFADevices"]:
        iam.deactivate_mfa_device(**{k: device[k] for k in ("UserName", "SerialNumber")})
    for key in iam.list_access_keys(UserName="AutomationRestrictedOperator")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=key["UserName"], AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, region, stack)


@pytest.mark.sandbox
def test_operator_without_a_device_can_enrol_one_and_start_nothing(
    sandbox: Sandbox, deployed: str
) -> None:
    name = "AutomationRestrictedOperator"
    keys = sandbox.client("iam").create_access_key(UserName=name)["AccessKey"]
    iam = sandbox.client("iam", keys)

    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    enrol: dict[str, Any] = {
        "SerialNumber": device["SerialNumber"],
        "AuthenticationCode1": "123456",
        "AuthenticationCode2": "654321",
    }
    with pytest.raises(ClientError, match="explicit deny"):
        sandbox.client("ssm", keys, region=deployed).start_automation_execution(
            DocumentName="Restart-EC2InstanceDemo"
        )
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.enable_mfa_device(UserName="lead", **enrol)
    iam.enable_mfa_device(UserName=name, **enrol)
    assert [d["UserName"] for d in iam.list_mfa_devices(UserName=name)["MFADevices"]] == [name]


def test_sign_in_to_the_cli_is_for_the_same_machine_alone(tmp_path: Path) -> None:
    users = (IamUser("alice", cli_sign_in=True), IamUser("bob"))
    wanted = deployment(operators=users, require_mfa=True)
    stack = template("AdministrationStack", wanted)
    made = policy(stack, "CliSignIn")
    client = "oauth2/public-client/localhost"

    (group,) = made["Groups"]
    assert stack["Resources"][group["Ref"]]["Properties"] == {"GroupName": "AutomationCliUsers"}
    members = [u["UserName"] for u in resources(stack, "AWS::IAM::User") if group in u["Groups"]]
    assert members == ["alice"]
    assert made["PolicyDocument"]["Statement"] == [
        {
            "Sid": "SignInToCli",
            "Effect": "Allow",
            "Action": ["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"],
            "Resource": [
                {"Fn::Sub": f"arn:${{AWS::Partition}}:signin:*:${{AWS::AccountId}}:{client}"}
            ],
        }
    ]
    with Engine() as engine:
        (found,) = review(
            engine, read_templates(written(wanted, tmp_path), given_environment())
        ).accounts
    assert {invariant.verdict for invariant in found.invariants} == {Verdict.HOLDS}


def test_guide_has_no_mfa() -> None:
    with pytest.raises(DelegationError, match="no MFA"):
        deployment(profile=Profile.GUIDE, own_mfa=True)
    with pytest.raises(DelegationError, match="require_mfa is 'yes', not True or False"):
        deployment(require_mfa="yes")
