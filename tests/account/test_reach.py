"""The doctor on everybody else: who reaches what is ours, and who does not."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from account.aws import Aws
from account.errors import Unreadable
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
    Json,
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
    "a role that has a maintenance window start runbooks": (
        "Windows",
        allow("ssm:RegisterTaskWithMaintenanceWindow"),
        Harm.ACCESS,
        "role Windows can have a service start runbooks (ssm:RegisterTaskWithMaintenanceWindow on ",
    ),
    "a role that has AWS Config start runbooks": (
        "Remediation",
        allow("config:Put*"),
        Harm.ACCESS,
        "role Remediation can have a service start runbooks (config:PutRemediationConfigurations "
        "on ",
    ),
    "a role that gives itself more": (
        "Climber",
        allow("iam:PutRolePolicy", f"{ARN}:role/Climber"),
        Harm.ACCESS,
        "role Climber can give somebody any permission (iam:PutRolePolicy on role/Climber)",
    ),
    "a role that rewrites another team's policy": (
        "Rewriter",
        allow("iam:CreatePolicyVersion", f"{ARN}:policy/Dev*"),
        Harm.ACCESS,
        "role Rewriter can give somebody any permission (iam:CreatePolicyVersion on policy/Dev",
    ),
    "a role that makes roles under no boundary": (
        "Maker",
        allow("iam:*RolePolicy", f"{ARN}:role/app-*"),
        Harm.ACCESS,
        "role Maker can give somebody any permission (iam:AttachRolePolicy on role/app-example, ",
    ),
    "a role that forges the log": (
        "Forger",
        allow("logs:PutLogEvents"),
        Harm.RECORD,
        "role Forger can forge the log (logs:PutLogEvents on log-group:",
    ),
    "a role that stops executions": (
        "Stopper",
        allow("ssm:StopAutomationExecution"),
        Harm.FUNCTION,
        "role Stopper can stop executions (ssm:StopAutomationExecution on automation-execution/",
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


def test_who_can_become_one_that_reaches_ours_is_found_step_by_step(company: Company) -> None:
    """An administrator whom one role can pass, which another can assume, which a user's key is."""
    company.stranger("Admin", allow("*"))
    company.stranger("Passer", allow("iam:PassRole", f"{ARN}:role/Admin"))
    company.iam.update_assume_role_policy(
        RoleName="Passer", PolicyDocument=trust({"AWS": f"{ARN}:root"})
    )
    company.stranger("First", allow("sts:AssumeRole", f"{ARN}:role/Pass*"))
    company.stranger("Unrelated", allow("sts:AssumeRole", f"{ARN}:role/Other*"))
    try:
        found = company.findings()
        accepted = company.findings("Passer", "First")
        with_first = company.findings("Passer")
    finally:
        for name in ("Admin", "Passer", "First", "Unrelated"):
            company.remove_stranger(name)

    become = "can become principals that reach what is ours"
    first = f"role First {become} (sts:AssumeRole on role/Passer)"
    assert [each.what for each in found] == [
        first,
        f"role Passer {become} (iam:PassRole on role/Admin)",
    ]
    assert accepted == []
    assert [each.what for each in with_first] == [first]


def test_our_own_people_whom_an_administrators_trust_names_are_found(company: Company) -> None:
    company.stranger("Admin", allow("*"))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/bob"
    company.stranger("Dev", allow("s3:ListBucket"))
    company.iam.update_assume_role_policy(
        RoleName="Admin", PolicyDocument=trust({"AWS": [f"{ARN}:user/alice", session]})
    )
    try:
        found = company.findings()
    finally:
        for name in ("Admin", "Dev"):
            company.remove_stranger(name)

    become = "can become principals that reach what is ours (sts:AssumeRole on role/Admin)"
    assert [each.what for each in found] == [f"role Dev {become}", f"user alice {become}"]


def test_who_joins_a_powerful_group_or_leaves_a_boundary_is_found(company: Company) -> None:
    company.iam.create_group(GroupName="Admins")
    company.iam.put_group_policy(GroupName="Admins", PolicyName="Own", PolicyDocument=allow("*"))
    company.stranger("Joiner", allow("iam:AddUserToGroup", f"{ARN}:group/Admins"))
    company.stranger("Leaver", allow("iam:DeleteRolePermissionsBoundary", f"{ARN}:role/Leaver"))
    boundary = company.iam.create_policy(PolicyName="Bounds", PolicyDocument=allow("iam:*"))
    arn = boundary["Policy"]["Arn"]
    company.iam.put_role_permissions_boundary(RoleName="Leaver", PermissionsBoundary=arn)
    try:
        found = company.findings()
    finally:
        company.remove_stranger("Joiner")
        company.remove_stranger("Leaver")
        company.iam.delete_policy(PolicyArn=arn)
        company.iam.delete_group_policy(GroupName="Admins", PolicyName="Own")
        company.iam.delete_group(GroupName="Admins")

    assert [each.what for each in found] == [
        "role Joiner can become principals that reach what is ours (iam:AddUserToGroup on "
        "group/Admins)",
        "role Leaver can leave its permissions boundary (iam:DeleteRolePermissionsBoundary on "
        "role/Leaver)",
    ]


def test_who_lets_people_in_as_administrators_is_found(company: Company) -> None:
    provider = f"{ARN}:saml-provider/Corp"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    }
    company.stranger("FedAdmin", allow("*"))
    company.iam.update_assume_role_policy(
        RoleName="FedAdmin",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    company.stranger("IdpOps", allow("iam:UpdateSAMLProvider", provider))
    try:
        found = company.findings()
    finally:
        company.remove_stranger("FedAdmin")
        company.remove_stranger("IdpOps")

    assert [each.what for each in found] == [
        "role IdpOps can become principals that reach what is ours (iam:UpdateSAMLProvider on "
        "saml-provider/Corp)"
    ]


def test_usual_companies_guards_are_no_finding(company: Company) -> None:
    """Conditions on who calls, and on the boundary of what is made, decide."""
    elsewhere = {"ArnNotLike": {"aws:PrincipalArn": f"{ARN}:role/ControlTower*"}}
    not_them = {"ArnEquals": {"aws:PrincipalArn": f"{ARN}:role/Somebody"}}
    bounded = {"StringEquals": {"iam:PermissionsBoundary": f"{ARN}:policy/Company"}}
    statements = [
        {"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "cloudtrail:*", "Resource": "*", "Condition": elsewhere},
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": not_them},
        {
            "Effect": "Allow",
            "Action": ["iam:CreateRole", "iam:PutRolePolicy"],
            "Resource": f"{ARN}:role/app-*",
            "Condition": bounded,
        },
    ]
    company.stranger("Usual", json.dumps({"Version": "2012-10-17", "Statement": statements}))
    company.stranger("Legacy-Reader", allow("s3:ListBucket"))
    company.stranger("Passer", allow("iam:PassRole", f"{ARN}:role/Legacy-Reader"))
    try:
        found = company.findings("Legacy-*")
    finally:
        for name in ("Usual", "Legacy-Reader", "Passer"):
            company.remove_stranger(name)

    assert found == []


def test_another_stack_that_our_roles_make_leads_to_ours(company: Company) -> None:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    execution = f"{ARN}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}"
    company.stranger(execution.split("/")[1], allow("*"))
    company.iam.update_assume_role_policy(
        RoleName=execution.split("/")[1],
        PolicyDocument=trust({"Service": "cloudformation.amazonaws.com"}),
    )
    company.stacks.create_stack(
        StackName="Theirs", TemplateBody=json.dumps(template), RoleARN=execution
    )
    waiter = company.stacks.get_waiter("stack_create_complete")
    waiter.wait(StackName="Theirs", WaiterConfig={"Delay": 0.1})
    company.stranger("Team", allow("cloudformation:*", "arn:aws:cloudformation:*:*:stack/Theirs/*"))
    try:
        found = [(each.harm, each.what.split(" on ")[0]) for each in company.findings()]
    finally:
        company.remove_stranger("Team")
        company.stacks.delete_stack(StackName="Theirs")
        company.stacks.get_waiter("stack_delete_complete").wait(
            StackName="Theirs", WaiterConfig={"Delay": 0.1}
        )
        company.remove_stranger(execution.split("/")[1])

    assert found == [
        (Harm.ACCESS, "role Team can deploy by other stacks (cloudformation:UpdateStack")
    ]


class _InOrganization(Aws):
    """The account as a member of an organization whose unit lets nobody start runbooks."""

    policies: ClassVar[Json] = {
        "Full": {"Effect": "Allow", "Action": "*", "Resource": "*"},
        "NoStarts": {"Effect": "Deny", "Action": "ssm:Start*", "Resource": "*"},
    }
    attached: ClassVar[Json] = {
        ACCOUNT: ["Full"],
        "ou-1": ["Full", "NoStarts"],
        "r-1": ["Full"],
    }
    parents: ClassVar[Json] = {ACCOUNT: "ou-1", "ou-1": "r-1"}

    def read(self, service: str, call: str, *, region: str = "", **given: Any) -> Json | None:
        if call == "describe_organization":
            return {"Organization": {"MasterAccountId": "444455556666"}}
        if call == "describe_policy":
            document = {"Version": "2012-10-17", "Statement": self.policies[given["PolicyId"]]}
            return {"Policy": {"Content": json.dumps(document)}}
        return super().read(service, call, region=region, **given)

    def listed(
        self, service: str, call: str, key: str, *, region: str = "", **given: Any
    ) -> Iterator[Any]:
        if call == "list_parents":
            yield {"Id": self.parents[given["ChildId"]]}
        elif call == "list_policies_for_target":
            yield from ({"Id": name} for name in self.attached[given["TargetId"]])
        else:
            yield from super().listed(service, call, key, region=region, **given)


class _WithoutAllow(_InOrganization):
    """The root allows EC2 alone."""

    policies: ClassVar[Json] = {
        **_InOrganization.policies,
        "NoStarts": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
    }
    attached: ClassVar[Json] = {ACCOUNT: ["Full"], "ou-1": ["Full"], "r-1": ["NoStarts"]}


class _Unread(_InOrganization):
    """An organization that shows its members nothing."""

    def listed(
        self, service: str, call: str, key: str, *, region: str = "", **given: Any
    ) -> Iterator[Any]:
        if service == "organizations":
            raise Unreadable("organizations: AccessDeniedException")
        yield from super().listed(service, call, key, region=region, **given)


@pytest.mark.parametrize(
    ("organization", "starts", "is_noted"),
    [(_InOrganization, False, False), (_WithoutAllow, False, False), (_Unread, True, True)],
)
def test_service_control_policies_hold_where_they_can_be_read(
    company: Company, organization: type[Aws], starts: bool, is_noted: bool
) -> None:
    company.stranger("Starter", allow("ssm:StartAutomationExecution"))
    try:
        found = company.examined(aws=organization)
    finally:
        company.remove_stranger("Starter")

    assert starts is any(each.what.startswith("role Starter can start") for each in found)
    assert is_noted is any("service control policies could not" in each.what for each in found)


def test_who_is_let_in_as_a_named_person_from_elsewhere_is_a_note(company: Company) -> None:
    elsewhere = {"AWS": ["arn:aws:iam::444455556666:role/Partner", f"{ARN}:root"]}
    company.iam.update_assume_role_policy(RoleName="OnCall", PolicyDocument=trust(elsewhere))
    try:
        notes = [each.what for each in company.examined() if "role OnCall" in each.what]
    finally:
        company.iam.update_assume_role_policy(RoleName="OnCall", PolicyDocument=EC2)

    assert notes == [
        "role OnCall, whom the deployment names, can be assumed by "
        "arn:aws:iam::444455556666:role/Partner (AWS)"
    ]


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
