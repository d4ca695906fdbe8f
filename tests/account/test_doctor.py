"""The doctor on an account that somebody tampered with: each change is found and named."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from account.aws import Aws
from account.doctor import examine
from account.findings import Finding, Harm
from account.policy import READS, doctor_policy
from delegation.model import (
    Approval,
    Audit,
    Deployment,
    ExistingRole,
    GitHubPipeline,
    IamUser,
    ServiceRole,
)
from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.clone import PROJECT
from tests.stacks.synthesis import RUNBOOK, deployment, written

pytestmark = pytest.mark.sandbox

_ACCOUNT, _REGION = "000000000000", "us-east-1"
_ARN = f"arn:aws:iam::{_ACCOUNT}"
_ROLE, _USER, _GROUP = "AutomationServiceRole", "alice", "AutomationRestrictedOperators"
_POLICY = f"{_ARN}:policy/OperatorRestrictedPermissions"
_BOUNDARY = f"{_ARN}:policy/{_ROLE}Boundary"
_DEPLOYER = f"cdk-hnb659fds-deploy-role-{_ACCOUNT}-{_REGION}"
_PROVIDER = f"{_ARN}:oidc-provider/token.actions.githubusercontent.com"
_LOG = f"arn:aws:logs:{_REGION}:{_ACCOUNT}:log-group:/aws/events/DelegatedRuns"
_CLIENT = "sts.amazonaws.com"
_STACKS = ("PipelineStack", "AdministrationStack", "RunbooksStack", "AuditStack")
_QUICKLY = {"Delay": 0.1, "MaxAttempts": 200}
_WANTED: Deployment = deployment(
    operators=(IamUser(_USER), ExistingRole("OnCall")),
    authors=(f"{_ARN}:role/Author",),
    service_roles=(
        ServiceRole(name=_ROLE, runbooks=(RUNBOOK,), approval=Approval(by=(IamUser("lead"),))),
    ),
    pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
    audit=Audit(auditors=(IamUser("auditor"),), subscribers=("team@example.com",)),
)

Json = dict[str, Any]


def _allow(action: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _allow_each(*actions: str) -> str:
    statements = [{"Effect": "Allow", "Action": each, "Resource": "*"} for each in actions]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _trust(principal: Json) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_EC2 = _trust({"Service": "ec2.amazonaws.com"})


class Company:
    """An account in which the deployment stands, and its administrator."""

    def __init__(self, sandbox: Sandbox, assembly: Path) -> None:
        self.sandbox = sandbox
        self.assembly = assembly
        self.kept: Any = None
        """What a change replaces, to restore it."""
        self.iam, self.ssm, self.sns, self.events, self.logs, self.kms, self.trails, self.stacks = (
            sandbox.client(service)
            for service in (
                *("iam", "ssm", "sns", "events", "logs", "kms", "cloudtrail", "cloudformation"),
            )
        )

    def physical(self, logical: str, stack: str = "AuditStack") -> str:
        """The physical id of a resource."""
        answer = self.stacks.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def policy(self) -> Any:
        """The document of the operators' policy."""
        version = self.iam.get_policy(PolicyArn=_POLICY)["Policy"]["DefaultVersionId"]
        answer = self.iam.get_policy_version(PolicyArn=_POLICY, VersionId=version)
        return answer["PolicyVersion"]["Document"]

    def stranger(self, name: str, policy: str, trust: str = _EC2) -> None:
        """Makes a role that holds an inline policy."""
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        self.iam.put_role_policy(RoleName=name, PolicyName="Own", PolicyDocument=policy)

    def remove_stranger(self, name: str) -> None:
        """Removes such a role."""
        self.iam.delete_role_policy(RoleName=name, PolicyName="Own")
        self.iam.delete_role(RoleName=name)

    def findings(self, *known: str) -> list[Finding]:
        """What the doctor finds, without notes."""
        return [each for each in self.examined(*known) if each.is_fault]

    def examined(self, *known: str, keys: Json | None = None) -> list[Finding]:
        """All that the doctor says, to an administrator unless somebody else's keys are given."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.sandbox.environment(keys).items():
                patched.setenv(name, value)
            return examine(Aws(), self.assembly, known)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """An account of its own, as the stacks' templates make it; a trail records."""
    assembly = Assembly(written(_WANTED, tmp_path_factory.mktemp("doctor") / "assembly"))
    with Sandbox() as sandbox:
        found = Company(sandbox, assembly.folder)
        for role in ("OnCall", "Author"):
            found.iam.create_role(RoleName=role, AssumeRolePolicyDocument=_EC2)
        found.iam.put_role_policy(
            RoleName="Author",
            PolicyName="Own",
            PolicyDocument=_allow("sts:AssumeRole", f"{_ARN}:role/Author*"),
        )
        found.iam.create_role(
            RoleName=_DEPLOYER, AssumeRolePolicyDocument=_trust({"AWS": f"{_ARN}:root"})
        )
        found.ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        for name in _STACKS:
            (stack,) = assembly.named(name)
            found.stacks.create_stack(
                StackName=name,
                TemplateBody=json.dumps(stack.template),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            waiter = found.stacks.get_waiter("stack_create_complete")
            waiter.wait(StackName=name, WaiterConfig=_QUICKLY)
        found.trails.create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)
        found.trails.start_logging(Name="all")
        yield found


def test_untouched_account_has_no_finding(company: Company) -> None:
    assert company.findings() == []


Change = Callable[[Company], Any]


def _content(company: Company, edit: Callable[[Json], Any]) -> str:
    content = json.loads(company.ssm.get_document(Name=RUNBOOK)["Content"])
    edit(content)
    return json.dumps(content)


def _new_version(company: Company, edit: Callable[[Json], Any], *, default: bool) -> None:
    content = _content(company, edit)
    answer = company.ssm.update_document(
        Name=RUNBOOK, Content=content, DocumentVersion="$LATEST", DocumentFormat="JSON"
    )
    version = answer["DocumentDescription"]["DocumentVersion"]
    if default:
        company.ssm.update_document_default_version(Name=RUNBOOK, DocumentVersion=version)


def _restore_document(company: Company) -> None:
    company.ssm.update_document_default_version(Name=RUNBOOK, DocumentVersion="1")
    for version in company.ssm.list_document_versions(Name=RUNBOOK)["DocumentVersions"]:
        if version["DocumentVersion"] != "1":
            company.ssm.delete_document(Name=RUNBOOK, DocumentVersion=version["DocumentVersion"])


def _without_approval(content: Json) -> None:
    content["mainSteps"] = content["mainSteps"][1:]


def _other_role(content: Json) -> None:
    content["assumeRole"] = f"{_ARN}:role/OnCall"


def _role_of_starter(content: Json) -> None:
    content["assumeRole"] = f"{_ARN}:role/{{{{ Role }}}}"
    content.setdefault("parameters", {})["Role"] = {"type": "String"}


def _describe(content: Json) -> None:
    content["description"] = "changed by hand"


def _rule(company: Company) -> str:
    return str(company.events.list_rules(NamePrefix="AuditStack-Runs")["Rules"][0]["Name"])


def _remove_target(company: Company) -> None:
    company.events.remove_targets(Rule=_rule(company), Ids=["Log"])


def _restore_target(company: Company) -> None:
    company.events.put_targets(Rule=_rule(company), Targets=[{"Id": "Log", "Arn": _LOG}])


def _another_version(company: Company) -> None:
    company.kept = company.policy()
    company.iam.create_policy_version(
        PolicyArn=_POLICY, PolicyDocument=_allow("ssm:*"), SetAsDefault=True
    )


def _restore_version(company: Company) -> None:
    company.iam.create_policy_version(
        PolicyArn=_POLICY, PolicyDocument=json.dumps(company.kept), SetAsDefault=True
    )


def _trust_anybody(company: Company) -> None:
    company.kept = company.iam.get_role(RoleName=_ROLE)["Role"]["AssumeRolePolicyDocument"]
    company.iam.update_assume_role_policy(
        RoleName=_ROLE, PolicyDocument=_trust({"AWS": f"{_ARN}:root"})
    )


def _restore_trust(company: Company) -> None:
    document = json.dumps(company.kept)
    company.iam.update_assume_role_policy(RoleName=_ROLE, PolicyDocument=document)


def _provider(company: Company, *clients: str) -> Any:
    return company.iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=list(clients)
    )


def _without_provider(company: Company) -> Any:
    return company.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=_PROVIDER)


def _trust_deployer(company: Company, principal: Any, **more: str) -> None:
    company.iam.update_assume_role_policy(
        RoleName=_DEPLOYER, PolicyDocument=_trust({"AWS": principal, **more})
    )


def _key(company: Company) -> str:
    return company.physical("TopicKey")


def _topic(company: Company) -> str:
    return company.physical("Topic")


def _subscription(company: Company, endpoint: str) -> str:
    (found,) = [
        each["SubscriptionArn"]
        for each in company.sns.list_subscriptions_by_topic(TopicArn=_topic(company))[
            "Subscriptions"
        ]
        if each["Endpoint"] == endpoint
    ]
    return str(found)


_DOCUMENT = f"arn:aws:ssm:{_REGION}:{_ACCOUNT}:document/{RUNBOOK}"
_TAMPERED: dict[str, tuple[Change, Change, Harm, str]] = {
    "another default version": (
        lambda c: _new_version(c, _describe, default=True),
        _restore_document,
        Harm.ACCESS,
        f"document {RUNBOOK} in {_REGION} runs version 2, whose content is not the one that was "
        "synthesized",
    ),
    "a version without the approval": (
        lambda c: _new_version(c, _without_approval, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {_REGION} still runs, without the limits of the "
        "default: approval at step approveRun",
    ),
    "a version with another role": (
        lambda c: _new_version(c, _other_role, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {_REGION} runs as {_ARN}:role/OnCall, the default as "
        f"{_ARN}:role/{_ROLE}",
    ),
    "a version whose role is a parameter": (
        lambda c: _new_version(c, _role_of_starter, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {_REGION} runs as {_ARN}:role/{{{{ Role }}}}, the "
        f"default as {_ARN}:role/{_ROLE}",
    ),
    "a shared document": (
        lambda c: c.ssm.modify_document_permission(
            Name=RUNBOOK, PermissionType="Share", AccountIdsToAdd=["444455556666"]
        ),
        lambda c: c.ssm.modify_document_permission(
            Name=RUNBOOK, PermissionType="Share", AccountIdsToRemove=["444455556666"]
        ),
        Harm.ACCESS,
        f"document {RUNBOOK} in {_REGION} is shared with accounts 444455556666",
    ),
    "a detached boundary": (
        lambda c: c.iam.delete_role_permissions_boundary(RoleName=_ROLE),
        lambda c: c.iam.put_role_permissions_boundary(
            RoleName=_ROLE, PermissionsBoundary=_BOUNDARY
        ),
        Harm.ACCESS,
        f"role {_ROLE} has the permissions boundary none, not {_BOUNDARY}",
    ),
    "another trust": (
        _trust_anybody,
        _restore_trust,
        Harm.ACCESS,
        f"the trust policy of role {_ROLE} is not the one that was synthesized",
    ),
    "a policy on the service role": (
        lambda c: c.iam.attach_role_policy(RoleName=_ROLE, PolicyArn=_POLICY),
        lambda c: c.iam.detach_role_policy(RoleName=_ROLE, PolicyArn=_POLICY),
        Harm.ACCESS,
        f"role {_ROLE} holds {_POLICY}, which no template gives it",
    ),
    "an inline policy on the service role": (
        lambda c: c.iam.put_role_policy(
            RoleName=_ROLE, PolicyName="More", PolicyDocument=_allow("s3:GetObject")
        ),
        lambda c: c.iam.delete_role_policy(RoleName=_ROLE, PolicyName="More"),
        Harm.ACCESS,
        f"role {_ROLE} holds the inline policy More, which no template gives it",
    ),
    "an inline policy on a user": (
        lambda c: c.iam.put_user_policy(
            UserName=_USER, PolicyName="More", PolicyDocument=_allow("iam:PassRole")
        ),
        lambda c: c.iam.delete_user_policy(UserName=_USER, PolicyName="More"),
        Harm.ACCESS,
        f"user {_USER} holds the inline policy More, which no template gives it",
    ),
    "an inline policy on a group": (
        lambda c: c.iam.put_group_policy(
            GroupName=_GROUP, PolicyName="More", PolicyDocument=_allow("ec2:*")
        ),
        lambda c: c.iam.delete_group_policy(GroupName=_GROUP, PolicyName="More"),
        Harm.ACCESS,
        f"group {_GROUP} holds the inline policy More, which no template gives it",
    ),
    "another version of a policy": (
        _another_version,
        _restore_version,
        Harm.ACCESS,
        "policy OperatorRestrictedPermissions, version v2, is not the one that was synthesized",
    ),
    "a denial that was detached": (
        lambda c: c.iam.detach_group_policy(
            GroupName=_GROUP, PolicyArn=f"{_ARN}:policy/DenyOwnPermissionsInRunbooks"
        ),
        lambda c: c.iam.attach_group_policy(
            GroupName=_GROUP, PolicyArn=f"{_ARN}:policy/DenyOwnPermissionsInRunbooks"
        ),
        Harm.ACCESS,
        f"group {_GROUP} does not hold DenyOwnPermissionsInRunbooks",
    ),
    "an existing role that lost its policy": (
        lambda c: c.iam.detach_role_policy(RoleName="OnCall", PolicyArn=_POLICY),
        lambda c: c.iam.attach_role_policy(RoleName="OnCall", PolicyArn=_POLICY),
        Harm.ACCESS,
        "role OnCall does not hold OperatorRestrictedPermissions",
    ),
    "a member who was added": (
        lambda c: (
            c.iam.create_user(UserName="mallory"),
            c.iam.add_user_to_group(UserName="mallory", GroupName=_GROUP),
        ),
        lambda c: (
            c.iam.remove_user_from_group(UserName="mallory", GroupName=_GROUP),
            c.iam.delete_user(UserName="mallory"),
        ),
        Harm.ACCESS,
        f"user mallory is in group {_GROUP}, and no template puts them there",
    ),
    "a member who was removed": (
        lambda c: c.iam.remove_user_from_group(UserName=_USER, GroupName=_GROUP),
        lambda c: c.iam.add_user_to_group(UserName=_USER, GroupName=_GROUP),
        Harm.ACCESS,
        f"user {_USER} is not in group {_GROUP}",
    ),
    "the operators' policy on somebody else": (
        lambda c: (
            c.iam.create_user(UserName="mallory"),
            c.iam.attach_user_policy(UserName="mallory", PolicyArn=_POLICY),
        ),
        lambda c: (
            c.iam.detach_user_policy(UserName="mallory", PolicyArn=_POLICY),
            c.iam.delete_user(UserName="mallory"),
        ),
        Harm.ACCESS,
        "user mallory holds OperatorRestrictedPermissions, which no template gives it",
    ),
    "a role that starts runbooks": (
        lambda c: c.stranger("Starter", _allow("ssm:StartAutomationExecution")),
        lambda c: c.remove_stranger("Starter"),
        Harm.ACCESS,
        f"role Starter can start runbooks (ssm:StartAutomationExecution on document/{RUNBOOK})",
    ),
    "a role that changes a runbook": (
        lambda c: c.stranger("Writer", _allow("ssm:UpdateDocument*", _DOCUMENT)),
        lambda c: c.remove_stranger("Writer"),
        Harm.ACCESS,
        f"role Writer can change runbooks (ssm:UpdateDocument on document/{RUNBOOK}, "
        f"ssm:UpdateDocumentDefaultVersion on document/{RUNBOOK})",
    ),
    "a role that passes the service role": (
        lambda c: c.stranger(
            "Passer",
            _allow(
                "iam:PassRole",
                Condition={"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
            ),
        ),
        lambda c: c.remove_stranger("Passer"),
        Harm.ACCESS,
        f"role Passer can pass service roles (iam:PassRole on role/{_ROLE})",
    ),
    "a role that answers approvals": (
        lambda c: c.stranger("Approver", _allow("ssm:SendAutomationSignal")),
        lambda c: c.remove_stranger("Approver"),
        Harm.ACCESS,
        "role Approver can answer approvals (ssm:SendAutomationSignal on automation-execution/"
        "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f)",
    ),
    "a role that becomes a user": (
        lambda c: c.stranger("Maker", _allow("iam:CreateAccessKey", f"{_ARN}:user/*")),
        lambda c: c.remove_stranger("Maker"),
        Harm.ACCESS,
        "role Maker can become users (iam:CreateAccessKey on user/",
    ),
    "a role that assumes the role that deploys": (
        lambda c: c.stranger("Developer", _allow("sts:AssumeRole", f"{_ARN}:role/cdk-*")),
        lambda c: c.remove_stranger("Developer"),
        Harm.ACCESS,
        f"role Developer can deploy (sts:AssumeRole on role/{_DEPLOYER})",
    ),
    "a role that gives the role that deploys another trust": (
        lambda c: c.stranger("Truster", _allow("iam:UpdateAssumeRolePolicy", f"{_ARN}:role/cdk-*")),
        lambda c: c.remove_stranger("Truster"),
        Harm.ACCESS,
        f"role Truster can change roles (iam:UpdateAssumeRolePolicy on role/{_DEPLOYER})",
    ),
    "a role that deploys, let in from elsewhere": (
        lambda c: _trust_deployer(c, ["111122223333", f"{_ARN}:root"]),
        lambda c: _trust_deployer(c, f"{_ARN}:root"),
        Harm.ACCESS,
        f"role {_DEPLOYER}, which deploys the stacks, can be assumed by 111122223333 (AWS)",
    ),
    "a role that deploys, let in by an identity provider": (
        lambda c: _trust_deployer(c, f"{_ARN}:root", Federated=_PROVIDER),
        lambda c: _trust_deployer(c, f"{_ARN}:root"),
        Harm.ACCESS,
        f"role {_DEPLOYER}, which deploys the stacks, can be assumed by {_PROVIDER} (Federated)",
    ),
    "a role that writes the templates that are deployed": (
        lambda c: c.stranger("Uploader", _allow("s3:PutObject", "arn:aws:s3:::cdk-*")),
        lambda c: c.remove_stranger("Uploader"),
        Harm.ACCESS,
        f"role Uploader can change what is deployed (s3:PutObject on cdk-hnb659fds-assets-"
        f"{_ACCOUNT}-{_REGION}/",
    ),
    "a role that changes an existing operator": (
        lambda c: c.stranger("Changer", _allow("iam:DetachRolePolicy", f"{_ARN}:role/OnCall")),
        lambda c: c.remove_stranger("Changer"),
        Harm.ACCESS,
        "role Changer can change roles (iam:DetachRolePolicy on role/OnCall)",
    ),
    "a role that gives a group more": (
        lambda c: c.stranger("Giver", _allow("iam:PutGroupPolicy")),
        lambda c: c.remove_stranger("Giver"),
        Harm.ACCESS,
        f"role Giver can change groups (iam:PutGroupPolicy on group/{_GROUP})",
    ),
    "a role that runs by an association": (
        lambda c: c.stranger("Associator", _allow("ssm:CreateAssociation")),
        lambda c: c.remove_stranger("Associator"),
        Harm.ACCESS,
        f"role Associator can start runbooks (ssm:CreateAssociation on document/{RUNBOOK})",
    ),
    "a role that stops the trail": (
        lambda c: c.stranger("Stopper", _allow("cloudtrail:StopLogging")),
        lambda c: c.remove_stranger("Stopper"),
        Harm.RECORD,
        "role Stopper can stop the trail (cloudtrail:StopLogging on trail/all)",
    ),
    "a role that removes targets and the topic's policy": (
        lambda c: c.stranger("Remover", _allow_each("events:RemoveTargets", "sns:AddPermission")),
        lambda c: c.remove_stranger("Remover"),
        Harm.RECORD,
        "role Remover can change what is recorded (events:RemoveTargets on rule/AuditStack-Runs1); "
        "change or forge reports (sns:AddPermission on ",
    ),
    "a role that deletes the log": (
        lambda c: c.stranger("Deleter", _allow("logs:Delete*", f"{_LOG}*")),
        lambda c: c.remove_stranger("Deleter"),
        Harm.RECORD,
        "role Deleter can delete or redirect the log (logs:DeleteLogGroup on log-group:"
        "/aws/events/DelegatedRuns:*, logs:DeleteRetentionPolicy on log-group:",
    ),
    "a role that masks every log": (
        lambda c: c.stranger("Masker", _allow("logs:PutAccountPolicy")),
        lambda c: c.remove_stranger("Masker"),
        Harm.RECORD,
        "role Masker can delete or redirect the log (logs:PutAccountPolicy on *)",
    ),
    "a role that opens the bucket of templates": (
        lambda c: c.stranger("Opener", _allow("s3:PutBucketPolicy")),
        lambda c: c.remove_stranger("Opener"),
        Harm.ACCESS,
        f"role Opener can change what is deployed (s3:PutBucketPolicy on cdk-hnb659fds-assets-"
        f"{_ACCOUNT}-{_REGION})",
    ),
    "a role that schedules the key's deletion": (
        lambda c: c.stranger("Scheduler", _allow("kms:ScheduleKeyDeletion")),
        lambda c: c.remove_stranger("Scheduler"),
        Harm.RECORD,
        "role Scheduler can stop reports (kms:ScheduleKeyDeletion on key/",
    ),
    "a role with an old policy": (
        lambda c: c.stranger(
            "Old", _allow("ssm:StartAutomationExecution").replace("2012-10-17", "2008-10-17")
        ),
        lambda c: c.remove_stranger("Old"),
        Harm.ACCESS,
        "role Old can start runbooks",
    ),
    "a policy that is not understood": (
        lambda c: c.stranger("Odd", _allow("ssm:*", f"{_DOCUMENT}{'*x' * 11}")),
        lambda c: c.remove_stranger("Odd"),
        Harm.UNKNOWN,
        "what role Odd can do cannot be determined: ",
    ),
    "an identity provider for other clients": (
        lambda c: (_without_provider(c), _provider(c, _CLIENT, "mine")),
        lambda c: (_without_provider(c), _provider(c, _CLIENT)),
        Harm.ACCESS,
        f"identity provider {_PROVIDER} serves the clients mine, {_CLIENT}, not {_CLIENT}",
    ),
    "an identity provider that was deleted": (
        lambda c: _without_provider(c),
        lambda c: _provider(c, _CLIENT),
        Harm.FUNCTION,
        f"identity provider {_PROVIDER} does not exist",
    ),
    "a rule that is off": (
        lambda c: c.events.disable_rule(Name=_rule(c)),
        lambda c: c.events.enable_rule(Name=_rule(c)),
        Harm.RECORD,
        f"rule AuditStack-Runs1 in {_REGION} is DISABLED",
    ),
    "a rule without its target": (
        _remove_target,
        _restore_target,
        Harm.RECORD,
        f"rule AuditStack-Runs1 in {_REGION} lacks the target Log",
    ),
    "a subscriber who was added": (
        lambda c: c.sns.subscribe(
            TopicArn=_topic(c), Protocol="email", Endpoint="mallory@example.com"
        ),
        lambda c: c.sns.unsubscribe(SubscriptionArn=_subscription(c, "mallory@example.com")),
        Harm.ACCESS,
        f"topic Topic of AuditStack in {_REGION} also notifies mallory@example.com (email), which "
        "no template names",
    ),
    "a shorter record": (
        lambda c: c.logs.put_retention_policy(
            logGroupName="/aws/events/DelegatedRuns", retentionInDays=1
        ),
        lambda c: c.logs.put_retention_policy(
            logGroupName="/aws/events/DelegatedRuns", retentionInDays=365
        ),
        Harm.RECORD,
        f"log group /aws/events/DelegatedRuns in {_REGION} keeps events for 1 days, not 365",
    ),
    "a log policy for everybody": (
        lambda c: c.logs.put_resource_policy(
            policyName="AuditStack",
            policyDocument=_allow("logs:*").replace('"Action"', '"Principal": "*", "Action"'),
        ),
        lambda c: c.logs.put_resource_policy(
            policyName="AuditStack", policyDocument=json.dumps(_log_policy(c))
        ),
        Harm.ACCESS,
        f"the log groups' policy AuditStack in {_REGION} is not as synthesized",
    ),
    "a key that is off": (
        lambda c: c.kms.disable_key(KeyId=_key(c)),
        lambda c: c.kms.enable_key(KeyId=_key(c)),
        Harm.RECORD,
        f"key TopicKey of AuditStack in {_REGION} is Disabled: nothing is reported by the topics "
        "that it encrypts",
    ),
    "a trail that was stopped": (
        lambda c: c.trails.stop_logging(Name="all"),
        lambda c: c.trails.start_logging(Name="all"),
        Harm.RECORD,
        f"no trail of CloudTrail records in {_REGION}: changes of documents and access reach "
        "neither the log nor the topic",
    ),
}


def _log_policy(company: Company) -> Json:
    (stack,) = Assembly(company.assembly).named("AuditStack")
    (policy,) = [
        resource["Properties"]["PolicyDocument"]
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::Logs::ResourcePolicy"
    ]
    text = policy["Fn::Sub"]
    for name, value in (("Partition", "aws"), ("Region", _REGION), ("AccountId", _ACCOUNT)):
        text = text.replace(f"${{AWS::{name}}}", value)
    found: Json = json.loads(text)
    return found


@pytest.mark.parametrize("case", _TAMPERED)
def test_tampering_is_found_and_named(company: Company, case: str) -> None:
    tamper, restore, harm, what = _TAMPERED[case]
    tamper(company)
    try:
        found = company.findings()
    finally:
        restore(company)

    assert [(each.harm, each.what.startswith(what)) for each in found] == [(harm, True)], found


def test_names_that_exist_before_the_first_deployment_are_found(
    company: Company, tmp_path: Path
) -> None:
    other = replace(_WANTED, operators=(IamUser("mallory"),), name_prefix="acme-", audit=None)
    company.iam.create_user(UserName="mallory")
    try:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in company.sandbox.environment().items():
                patched.setenv(name, value)
            found = examine(Aws(), written(other, tmp_path / "assembly"))
    finally:
        company.iam.delete_user(UserName="mallory")

    assert {each.what for each in found if each.is_fault} == {
        f"acme-PipelineStack in {_REGION} does not stand",
        f"acme-AdministrationStack in {_REGION} does not stand",
        f"acme-RunbooksStack in {_REGION} does not stand",
        f"user mallory exists already, and acme-AdministrationStack in {_REGION} would make it",
        f"user lead exists already, and acme-AdministrationStack in {_REGION} would make it",
        f"document {RUNBOOK} exists already, and acme-RunbooksStack in {_REGION} would make it",
    }


def test_what_is_known_of_others_hides_nothing_of_our_own(company: Company) -> None:
    company.iam.delete_role_permissions_boundary(RoleName=_ROLE)
    try:
        found = company.findings("*")
    finally:
        company.iam.put_role_permissions_boundary(RoleName=_ROLE, PermissionsBoundary=_BOUNDARY)

    assert [each.harm for each in found] == [Harm.ACCESS]


def test_known_principal_is_accepted(company: Company) -> None:
    company.stranger("Legacy-Starter", _allow("ssm:StartAutomationExecution"))
    try:
        assert company.findings("Legacy-*") == []
        assert company.findings("Other-*")
    finally:
        company.remove_stranger("Legacy-Starter")


def test_what_reaches_nothing_of_ours_is_no_finding(company: Company) -> None:
    own_user = f"{_ARN}:user/${{aws:username}}"
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
        _allow("sqs:*", "arn:aws:sqs:*:*:a*b*c*d*e*f*g*h*i*j*k"),
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
        RoleName="OnCall", PolicyDocument=_trust({"AWS": f"{_ARN}:root"})
    )
    company.stranger("Helper", _allow("sts:AssumeRole", f"{_ARN}:role/OnCall"))
    try:
        found = [each for each in company.examined() if "role Helper" in each.what]
    finally:
        company.remove_stranger("Helper")
        company.iam.update_assume_role_policy(RoleName="OnCall", PolicyDocument=_EC2)

    assert [(each.harm, each.what) for each in found] == [
        (
            Harm.NOTE,
            "role Helper can act as people whom the deployment names (sts:AssumeRole on "
            "role/OnCall)",
        )
    ]


def test_administrators_are_one_line_and_no_fault(company: Company) -> None:
    company.stranger("Admin1", _allow("*"))
    company.stranger("Admin2", _allow_each("s3:*", "*"))
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


def _as(company: Company, *without: str) -> list[Finding]:
    """What the doctor finds as a user who holds its policy, without some actions."""
    document = doctor_policy()
    document["Statement"][0]["Action"] = [action for action in READS if action not in without]
    company.iam.create_user(UserName="doctor")
    company.iam.put_user_policy(
        UserName="doctor", PolicyName="Doctor", PolicyDocument=json.dumps(document)
    )
    keys = company.iam.create_access_key(UserName="doctor")["AccessKey"]
    try:
        return [each for each in company.examined(keys=keys) if each.is_fault]
    finally:
        company.iam.delete_access_key(UserName="doctor", AccessKeyId=keys["AccessKeyId"])
        company.iam.delete_user_policy(UserName="doctor", PolicyName="Doctor")
        company.iam.delete_user(UserName="doctor")


def test_doctors_policy_is_enough(company: Company) -> None:
    assert _as(company) == []


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("iam:GetAccountAuthorizationDetails", {"IAM"}),
        ("ssm:ListDocumentVersions", {f"document {RUNBOOK} in {_REGION}"}),
        ("kms:GetKeyPolicy", {f"TopicKey of AuditStack in {_REGION}"}),
        ("cloudformation:DescribeStacks", {"the stacks"}),
        ("cloudformation:GetTemplate", {f"{stack} in {_REGION}" for stack in _STACKS}),
        ("iam:ListMFADevices", {f"user {name}" for name in ("alice", "auditor", "lead")}),
    ],
)
def test_what_the_caller_may_not_read_is_said(
    company: Company, action: str, what: set[str]
) -> None:
    found = _as(company, action)

    assert {each.harm for each in found} == {Harm.UNKNOWN}
    assert {each.what.split(" could not be read: ")[0] for each in found} == what


def _doctor(company: Company, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **company.sandbox.environment(), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "account", "doctor", "--assembly", str(company.assembly)]
    return subprocess.run(
        [*command, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_command_ends_with_a_status_for_scheduled_jobs(company: Company) -> None:
    untouched = _doctor(company)
    company.events.disable_rule(Name=_rule(company))
    try:
        tampered = _doctor(company, "--output", "json")
    finally:
        company.events.enable_rule(Name=_rule(company))

    assert untouched.returncode == 0, untouched.stderr
    assert untouched.stdout.splitlines()[-1] == "account 000000000000: 4 note"
    assert tampered.returncode == 2, tampered.stderr
    assert json.loads(tampered.stdout)[0] == {
        "harm": "record",
        "what": f"rule AuditStack-Runs1 in {_REGION} is DISABLED",
        "cause": "somebody changed it by hand",
        "fix": "deploy its stack again after a change, or revert it by hand",
    }


def test_page_shows_findings_and_loads_nothing(company: Company) -> None:
    company.stranger("Starter-B", _allow("ssm:StartAutomationExecution"))
    try:
        done = _doctor(company, "--output", "html")
    finally:
        company.remove_stranger("Starter-B")

    assert done.returncode == 2, done.stderr
    assert "<h2>Access</h2>" in done.stdout
    assert "role Starter-B can start runbooks" in done.stdout
    assert not re.search(r"(src|href)=", done.stdout)


def test_assembly_of_another_account_is_refused(company: Company, tmp_path: Path) -> None:
    other = deployment(account="444455556666", regions=(_REGION,))

    done = _doctor(company, "--assembly", str(written(other, tmp_path / "assembly")))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: the credentials are of account 000000000000; the assembly in "
    )
