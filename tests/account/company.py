"""An account in which a deployment stands, and what tests change in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from account.aws import Aws
from account.doctor import examine
from account.findings import Finding
from delegation.model import (
    Approval,
    Audit,
    Deployment,
    ExistingRole,
    Fleet,
    GitHubPipeline,
    IamUser,
    Schedule,
    ServiceRole,
)
from sandbox import Sandbox
from tests.stacks.synthesis import RUNBOOK, deployment

ACCOUNT, REGION = "000000000000", "us-east-1"
ARN = f"arn:aws:iam::{ACCOUNT}"
ROLE, USER, GROUP = "AutomationServiceRole", "alice", "AutomationRestrictedOperators"
POLICY = f"{ARN}:policy/OperatorRestrictedPermissions"
BOUNDARY = f"{ARN}:policy/{ROLE}Boundary"
DEPLOYER = f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"
PROVIDER = f"{ARN}:oidc-provider/token.actions.githubusercontent.com"
DOCUMENT = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{RUNBOOK}"
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/DelegatedRuns"
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
CLIENT = "sts.amazonaws.com"
STACKS = (
    *("PipelineStack", "AdministrationStack", "RunbooksStack", "AuditStack"),
    "SchedulesStack",
)
SCHEDULE = Schedule(
    name="Nightly", starts="WebTier", at="cron(0 3 ? * SUN *)", begins="2090-01-01T00:00:00Z"
)
IN_GROUP = {"Name": SCHEDULE.name, "GroupName": "DelegatedRunbooks"}
WANTED: Deployment = deployment(
    operators=(IamUser(USER), ExistingRole("OnCall")),
    authors=(f"{ARN}:role/Author",),
    service_roles=(
        ServiceRole(
            name=ROLE,
            runbooks=(RUNBOOK,),
            approval=Approval(by=(IamUser("lead"),)),
            fleets=(Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web")),),
        ),
    ),
    schedules=(SCHEDULE,),
    pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
    audit=Audit(auditors=(IamUser("auditor"),), subscribers=("team@example.com",)),
)

Json = dict[str, Any]


def allow(action: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow_each(*actions: str) -> str:
    statements = [{"Effect": "Allow", "Action": each, "Resource": "*"} for each in actions]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trust(principal: Json) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


EC2 = trust({"Service": "ec2.amazonaws.com"})


class Company:
    """An account in which the deployment stands, and its administrator."""

    def __init__(self, sandbox: Sandbox, assembly: Path) -> None:
        self.sandbox = sandbox
        self.assembly = assembly
        self.kept: Any = None
        """What a change replaces, to restore it."""
        self.iam, self.ssm, self.s3, self.sns, self.events = (
            sandbox.client(service) for service in ("iam", "ssm", "s3", "sns", "events")
        )
        self.logs, self.kms, self.trails, self.stacks = (
            sandbox.client(service) for service in ("logs", "kms", "cloudtrail", "cloudformation")
        )
        self.scheduler, self.sqs = (sandbox.client(service) for service in ("scheduler", "sqs"))

    def physical(self, logical: str, stack: str = "AuditStack") -> str:
        """The physical id of a resource."""
        answer = self.stacks.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def policy(self) -> Any:
        """The document of the operators' policy."""
        version = self.iam.get_policy(PolicyArn=POLICY)["Policy"]["DefaultVersionId"]
        answer = self.iam.get_policy_version(PolicyArn=POLICY, VersionId=version)
        return answer["PolicyVersion"]["Document"]

    def stranger(self, name: str, policy: str) -> None:
        """Makes a role that holds an inline policy."""
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2)
        self.iam.put_role_policy(RoleName=name, PolicyName="Own", PolicyDocument=policy)

    def remove_stranger(self, name: str) -> None:
        """Removes such a role."""
        self.iam.delete_role_policy(RoleName=name, PolicyName="Own")
        self.iam.delete_role(RoleName=name)

    def findings(self, *known: str) -> list[Finding]:
        """What the doctor finds, without notes."""
        return [each for each in self.examined(*known) if each.is_fault]

    def examined(
        self, *known: str, keys: Json | None = None, aws: type[Aws] = Aws
    ) -> list[Finding]:
        """All that the doctor says, to an administrator unless somebody else's keys are given."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.sandbox.environment(keys).items():
                patched.setenv(name, value)
            return examine(aws(), self.assembly, known)


def rule(company: Company) -> str:
    return str(company.events.list_rules(NamePrefix="AuditStack-Runs")["Rules"][0]["Name"])
