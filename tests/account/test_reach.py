"""The doctor on everybody else: who reaches what is ours, and who does not."""

import json
from typing import Any

import pytest

from account.findings import Harm
from tests.account.company import (
    ACCOUNT,
    ARN,
    BOUNDARY,
    DEPLOYER,
    DOCUMENT,
    EC2,
    GROUP,
    LOG,
    PROVIDER,
    REGION,
    ROLE,
    Company,
    allow,
    allow_each,
    trust,
)
from tests.stacks.synthesis import RUNBOOK

pytestmark = pytest.mark.sandbox

_STRANGERS = {
    "a role that starts runbooks": (
        "Starter",
        allow("ssm:StartAutomationExecution"),
        Harm.ACCESS,
        f"role Starter can start runbooks (ssm:StartAutomationExecution on document/{RUNBOOK})",
    ),
    "a role that changes a runbook": (
        "Writer",
        allow("ssm:UpdateDocument*", DOCUMENT),
        Harm.ACCESS,
        f"role Writer can change runbooks (ssm:UpdateDocument on document/{RUNBOOK}, "
        f"ssm:UpdateDocumentDefaultVersion on document/{RUNBOOK})",
    ),
    "a role that passes the service role": (
        "Passer",
        allow(
            "iam:PassRole",
            Condition={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        ),
        Harm.ACCESS,
        f"role Passer can pass service roles (iam:PassRole on role/{ROLE})",
    ),
    "a role that answers approvals": (
        "Approver",
        allow("ssm:SendAutomationSignal"),
        Harm.ACCESS,
        "role Approver can answer approvals (ssm:SendAutomationSignal on automation-execution/"
        "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f)",
    ),
    "a role that becomes a user": (
        "Maker",
        allow("iam:CreateAccessKey", f"{ARN}:user/*"),
        Harm.ACCESS,
        "role Maker can become users (iam:CreateAccessKey on user/",
    ),
    "a role that assumes the role that deploys": (
        "Developer",
        allow("sts:AssumeRole", f"{ARN}:role/cdk-*"),
        Harm.ACCESS,
        f"role Developer can deploy (sts:AssumeRole on role/{DEPLOYER})",
    ),
    "a role that gives the role that deploys another trust": (
        "Truster",
        allow("iam:UpdateAssumeRolePolicy", f"{ARN}:role/cdk-*"),
        Harm.ACCESS,
        f"role Truster can change roles (iam:UpdateAssumeRolePolicy on role/{DEPLOYER})",
    ),
    "a role that writes the templates that are deployed": (
        "Uploader",
        allow("s3:PutObject", "arn:aws:s3:::cdk-*"),
        Harm.ACCESS,
        f"role Uploader can change what is deployed (s3:PutObject on cdk-hnb659fds-assets-"
        f"{ACCOUNT}-{REGION}/",
    ),
    "a role that changes an existing operator": (
        "Changer",
        allow("iam:DetachRolePolicy", f"{ARN}:role/OnCall"),
        Harm.ACCESS,
        "role Changer can change roles (iam:DetachRolePolicy on role/OnCall)",
    ),
    "a role that gives a group more": (
        "Giver",
        allow("iam:PutGroupPolicy"),
        Harm.ACCESS,
        f"role Giver can change groups (iam:PutGroupPolicy on group/{GROUP})",
    ),
    "a role that runs by an association": (
        "Associator",
        allow("ssm:CreateAssociation"),
        Harm.ACCESS,
        f"role Associator can start runbooks (ssm:CreateAssociation on document/{RUNBOOK})",
    ),
    "a role that stops the trail": (
        "Stopper",
        allow("cloudtrail:StopLogging"),
        Harm.RECORD,
        "role Stopper can stop the trail (cloudtrail:StopLogging on trail/all)",
    ),
    "a role that removes targets and the topic's policy": (
        "Remover",
        allow_each("events:RemoveTargets", "sns:AddPermission"),
        Harm.RECORD,
        "role Remover can change what is recorded (events:RemoveTargets on rule/AuditStack-Runs1); "
        "change or forge reports (sns:AddPermission on ",
    ),
    "a role that deletes the log": (
        "Deleter",
        allow("logs:Delete*", f"{LOG}*"),
        Harm.RECORD,
        "role Deleter can delete or redirect the log (logs:DeleteLogGroup on log-group:"
        "/aws/events/DelegatedRuns:*, logs:DeleteRetentionPolicy on log-group:",
    ),
    "a role that masks every log": (
        "Masker",
        allow("logs:PutAccountPolicy"),
        Harm.RECORD,
        "role Masker can delete or redirect the log (logs:PutAccountPolicy on *)",
    ),
    "a role that opens the bucket of templates": (
        "Opener",
        allow("s3:PutBucketPolicy"),
        Harm.ACCESS,
        f"role Opener can change what is deployed (s3:PutBucketPolicy on cdk-hnb659fds-assets-"
        f"{ACCOUNT}-{REGION})",
    ),
    "a role that schedules the key's deletion": (
        "Scheduler",
        allow("kms:ScheduleKeyDeletion"),
        Harm.RECORD,
        "role Scheduler can stop reports (kms:ScheduleKeyDeletion on key/",
    ),
    "a role with an old policy": (
        "Old",
        allow("ssm:StartAutomationExecution").replace("2012-10-17", "2008-10-17"),
        Harm.ACCESS,
        "role Old can start runbooks",
    ),
    "a policy that is not understood": (
        "Odd",
        allow("ssm:*", f"{DOCUMENT}{'*x' * 11}"),
        Harm.UNKNOWN,
        "what role Odd can do cannot be determined: ",
    ),
}
"""A role's name and policy; how bad it is, and how the finding begins."""


@pytest.mark.parametrize("case", _STRANGERS)
def test_stranger_who_reaches_what_is_ours_is_found(company: Company, case: str) -> None:
    name, policy, harm, what = _STRANGERS[case]
    company.stranger(name, policy)
    try:
        found = company.findings()
    finally:
        company.remove_stranger(name)

    assert [(each.harm, each.what.startswith(what)) for each in found] == [(harm, True)], found


def _trust_deployer(company: Company, principal: Any) -> None:
    company.iam.update_assume_role_policy(RoleName=DEPLOYER, PolicyDocument=trust(principal))


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        ({"AWS": ["111122223333", f"{ARN}:root"]}, "111122223333 (AWS)"),
        ({"AWS": f"{ARN}:root", "Federated": PROVIDER}, f"{PROVIDER} (Federated)"),
    ],
)
def test_role_that_deploys_is_let_in_from_nowhere_else(
    company: Company, principal: Any, who: str
) -> None:
    _trust_deployer(company, principal)
    try:
        found = company.findings()
    finally:
        _trust_deployer(company, {"AWS": f"{ARN}:root"})

    assert [(each.harm, each.what) for each in found] == [
        (Harm.ACCESS, f"role {DEPLOYER}, which deploys the stacks, can be assumed by {who}")
    ]


def test_what_is_known_of_others_hides_nothing_of_our_own(company: Company) -> None:
    company.iam.delete_role_permissions_boundary(RoleName=ROLE)
    try:
        found = company.findings("*")
    finally:
        company.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=BOUNDARY)

    assert [each.harm for each in found] == [Harm.ACCESS]


def test_known_principal_is_accepted(company: Company) -> None:
    company.stranger("Legacy-Starter", allow("ssm:StartAutomationExecution"))
    try:
        assert company.findings("Legacy-*") == []
        assert company.findings("Other-*")
    finally:
        company.remove_stranger("Legacy-Starter")


def test_what_reaches_nothing_of_ours_is_no_finding(company: Company) -> None:
    own_user = f"{ARN}:user/${{aws:username}}"
    company.iam.create_user(UserName="carol")
    statements = [
        {"Sid": "", "Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": own_user},
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": {}},
        {"Effect": "Deny", "Action": "ssm:*", "Resource": "*"},
    ]
    company.iam.put_user_policy(
        UserName="carol",
        PolicyName="Own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    company.stranger(
        "Denied",
        allow("sqs:*", "arn:aws:sqs:*:*:a*b*c*d*e*f*g*h*i*j*k"),
    )
    try:
        found = company.findings()
    finally:
        company.remove_stranger("Denied")
        company.iam.delete_user_policy(UserName="carol", PolicyName="Own")
        company.iam.delete_user(UserName="carol")

    assert found == []


def test_who_can_act_as_a_named_person_is_a_note(company: Company) -> None:
    company.iam.update_assume_role_policy(
        RoleName="OnCall", PolicyDocument=trust({"AWS": f"{ARN}:root"})
    )
    company.stranger("Helper", allow("sts:AssumeRole", f"{ARN}:role/OnCall"))
    try:
        found = [each for each in company.examined() if "role Helper" in each.what]
    finally:
        company.remove_stranger("Helper")
        company.iam.update_assume_role_policy(RoleName="OnCall", PolicyDocument=EC2)

    assert [(each.harm, each.what) for each in found] == [
        (
            Harm.NOTE,
            "role Helper can act as people whom the deployment names (sts:AssumeRole on "
            "role/OnCall)",
        )
    ]


def test_administrators_are_one_line_and_no_fault(company: Company) -> None:
    company.stranger("Admin1", allow("*"))
    company.stranger("Admin2", allow_each("s3:*", "*"))
    try:
        notes = [each.what for each in company.examined() if "administrators" in each.what]
        faults = company.findings()
    finally:
        for name in ("Admin1", "Admin2"):
            company.remove_stranger(name)

    assert notes == [
        "2 administrators can do whatever no policy denies them: role Admin1, role Admin2"
    ]
    assert faults == []
