"""cdk-nag: every finding of four packs stands in a table, and no answer is stale."""

from dataclasses import replace
from typing import Any

import cdk_nag
import pytest
from aws_cdk import App

from delegation.model import (
    Approval,
    Audit,
    Bootstrap,
    ExistingRole,
    GitHubPipeline,
    IamUser,
    PermissionSet,
    Profile,
)
from tests.stacks.synthesis import ROLE, app_of, deployment

_POLICY = "AdministrationStack/OperatorAccess/OperatorRestrictedPermissions"
_OWN_PASSWORD = "AdministrationStack/OperatorOwnPassword"
_DENIAL = "AdministrationStack/OperatorAccess/DenyOwnPermissionsInRunbooks"
_USER = "AdministrationStack/OperatorAccess/Users/AutomationRestrictedOperator"
_SECRET = f"{_USER}/Password"
_ROLE = "AdministrationStack/ServiceRoles/AutomationServiceRole/Resource"
_BOUNDARY = "AdministrationStack/ServiceRoles/AutomationServiceRole/AutomationServiceRoleBoundary"
_SSM = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>"
_EC2 = "arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>"
_MANAGED = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonSSMAutomationRole"

_IN_BOTH = {
    (_POLICY, "AwsSolutions-IAM5[Resource::*]"),
    (_OWN_PASSWORD, "AwsSolutions-IAM5[Resource::*]"),
    (_ROLE, f"AwsSolutions-IAM4[Policy::{_MANAGED}]"),
    (_SECRET, "AwsSolutions-SMG4"),
    (_SECRET, "HIPAA.Security-SecretsManagerRotationEnabled"),
    (_SECRET, "HIPAA.Security-SecretsManagerUsingKMSKey"),
    (_SECRET, "NIST.800.53.R5-SecretsManagerRotationEnabled"),
    (_SECRET, "NIST.800.53.R5-SecretsManagerUsingKMSKey"),
    (_SECRET, "PCI.DSS.321-SecretsManagerUsingKMSKey"),
}
_EXPECTED = {
    Profile.LEAST_PRIVILEGE: {
        *_IN_BOTH,
        (_POLICY, f"AwsSolutions-IAM5[Resource::{_SSM}:automation-execution/*]"),
        (
            _POLICY,
            f"AwsSolutions-IAM5[Resource::{_SSM}:automation-definition/Restart-EC2InstanceDemo:*]",
        ),
        (_BOUNDARY, "AwsSolutions-IAM5[Resource::*]"),
        (_BOUNDARY, f"AwsSolutions-IAM5[Resource::{_EC2}:instance/*]"),
    },
    Profile.GUIDE: {
        *_IN_BOTH,
        *(
            (place, f"{pack}-{rule}")
            for pack in ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
            for place, rule in (
                (f"{_USER}/Resource", "IAMUserGroupMembership"),
                (_POLICY, "IAMUserNoPolicies"),
                (_OWN_PASSWORD, "IAMUserNoPolicies"),
                (_DENIAL, "IAMUserNoPolicies"),
            )
        ),
    },
}


def _findings(app: App) -> set[tuple[str, str]]:
    """What the four packs find, whatever is acknowledged."""
    packs: list[Any] = [
        cdk_nag.AwsSolutionsChecks(app),
        cdk_nag.HIPAASecurityChecks(app),
        cdk_nag.NIST80053R5Checks(app),
        cdk_nag.PCIDSS321Checks(app),
    ]
    return {
        (resource.construct_path, violation.rule_name)
        for pack in packs
        for violation in pack.validate_scope(app).violations
        for resource in violation.violating_resources
    }


def _acknowledged(app: App) -> dict[tuple[str, str], str]:
    """The acknowledgements in the app: their reasons by construct and finding."""
    found: dict[tuple[str, str], str] = {}
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == "aws:cdk:acknowledged-rules":
                for finding, reason in entry.data.items():
                    found[construct.node.path, finding.split("::", 1)[1]] = reason
    return found


@pytest.mark.parametrize("profile", Profile)
def test_findings_are_exactly_the_expected_ones(profile: Profile) -> None:
    assert _EXPECTED[profile] == _findings(app_of(deployment(profile=profile)))


@pytest.mark.parametrize("profile", Profile)
def test_every_finding_is_answered_with_a_reason_and_no_answer_is_stale(profile: Profile) -> None:
    acknowledged = _acknowledged(app_of(deployment(profile=profile)))

    assert _EXPECTED[profile] == acknowledged.keys()
    assert all(len(reason) > 40 for reason in acknowledged.values())


def test_findings_of_a_deployment_with_everything_are_all_answered() -> None:
    keys = ("arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",)
    approval = Approval(by=(IamUser("lead"), ExistingRole("Leads")), notify=("lead@example.com",))
    everything = deployment(
        account="111122223333",
        regions=("eu-west-1", "us-east-1"),
        audit=Audit(auditors=(IamUser("auditor"), PermissionSet("Auditors"))),
        authors=("arn:aws:iam::111122223333:role/Author",),
        pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
        operators=(
            IamUser("one", cli_sign_in=True),
            ExistingRole("OnCall"),
            PermissionSet("Operators"),
        ),
        service_roles=(replace(ROLE, volume_keys=keys, approval=approval),),
        bootstrap=Bootstrap(keys=keys),
        name_prefix="acme-",
        iam_path="/automation/",
        own_executions=True,
        require_mfa=True,
    )
    app = app_of(everything)

    assert _findings(app) == _acknowledged(app).keys()
