"""One version deployed over the other, one profile over the other: in place, in the sandbox."""

import json
from typing import Any

import pytest

from delegation.model import ExistingRole, IamUser, Profile
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import approved_by, deployment

pytestmark = pytest.mark.sandbox

_REGION = "eu-west-1"
"""A Region of their own keeps these stacks' documents apart; IAM names are free of other tests'."""


def _policy_of(sandbox: Sandbox, name: str) -> Any:
    iam = sandbox.client("iam")
    arn = f"arn:aws:iam::000000000000:policy/{name}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def test_profiles_are_deployed_over_each_other_in_place(sandbox: Sandbox) -> None:
    guide, narrow = (deployment(profile=profile) for profile in Profile)
    iam = sandbox.client("iam")

    as_guide = deploy(sandbox, _REGION, "AdministrationStack", guide)
    as_narrow = deploy(sandbox, _REGION, "AdministrationStack", narrow)
    groups = iam.list_groups_for_user(UserName="AutomationRestrictedOperator")["Groups"]
    statements = _policy_of(sandbox, "OperatorRestrictedPermissions")["Statement"]
    direct = iam.list_attached_user_policies(UserName="AutomationRestrictedOperator")
    back = deploy(sandbox, _REGION, "AdministrationStack", guide)
    remove(sandbox, _REGION, "AdministrationStack")

    assert as_guide.items() < as_narrow.items()
    assert as_guide == back
    assert [group["GroupName"] for group in groups] == ["AutomationRestrictedOperators"]
    assert direct["AttachedPolicies"] == []
    assert statements[0]["Sid"] == "ListRunbooksAndExecutions"


def test_operators_and_approvers_come_and_go_in_place(sandbox: Sandbox) -> None:
    nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    sandbox.client("iam").create_role(RoleName="OnCall", AssumeRolePolicyDocument=nobody)
    more = deployment(
        operators=(
            IamUser("AutomationRestrictedOperator"),
            IamUser("second"),
            ExistingRole("OnCall"),
        ),
        service_roles=(approved_by(IamUser("lead")),),
    )

    before = deploy(sandbox, _REGION, "AdministrationStack", deployment())
    with_more = deploy(sandbox, _REGION, "AdministrationStack", more)
    attached = sandbox.client("iam").list_attached_role_policies(RoleName="OnCall")
    after = deploy(sandbox, _REGION, "AdministrationStack", deployment())
    remove(sandbox, _REGION, "AdministrationStack")

    assert before.items() < with_more.items()
    assert before == after
    names = [policy["PolicyName"] for policy in attached["AttachedPolicies"]]
    assert names == ["OperatorRestrictedPermissions"]


def test_first_sign_in_can_change_the_generated_password(sandbox: Sandbox) -> None:
    deploy(sandbox, _REGION, "AdministrationStack", deployment())
    iam = sandbox.client("iam")
    (secret,) = [
        s["Name"]
        for s in sandbox.client("secretsmanager", region=_REGION).list_secrets()["SecretList"]
    ]
    password = sandbox.client("secretsmanager", region=_REGION).get_secret_value(SecretId=secret)
    keys = iam.create_access_key(UserName="AutomationRestrictedOperator")["AccessKey"]
    own = sandbox.client("iam", keys)

    own.change_password(OldPassword=password["SecretString"], NewPassword="An-0ther-Passw0rd")

    profile = iam.get_login_profile(UserName="AutomationRestrictedOperator")["LoginProfile"]
    assert profile["PasswordResetRequired"] is False
    iam.delete_access_key(UserName="AutomationRestrictedOperator", AccessKeyId=keys["AccessKeyId"])
    remove(sandbox, _REGION, "AdministrationStack")
