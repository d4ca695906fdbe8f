"""Every physical name and ARN of a deployment, spelled once.

ARNs are CloudFormation ``Fn::Sub`` strings: ``${AWS::Partition}``, ``${AWS::AccountId}`` and, where
the deployment names no Region, ``${AWS::Region}`` stand for what only the account knows.
"""

import re
from dataclasses import dataclass

from delegation.errors import DelegationError

ADMINISTRATION_STACK = "AdministrationStack"
RUNBOOKS_STACK = "RunbooksStack"
PIPELINE_STACK = "PipelineStack"
AUDIT_STACK = "AuditStack"
APPROVALS_STACK = "ApprovalsStack"
SCHEDULES_STACK = "SchedulesStack"

OPERATOR_POLICY = "OperatorRestrictedPermissions"
OPERATOR_PASSWORD_POLICY = "OperatorOwnPassword"
OWN_MFA_POLICY = "OwnMfaDevice"
CLI_SIGN_IN_POLICY = "CliSignIn"
CLI_GROUP = "AutomationCliUsers"
REQUIRE_MFA_POLICY = "NothingWithoutMfa"
OPERATOR_DENY_POLICY = "DenyOwnPermissionsInRunbooks"
OPERATOR_GROUP = "AutomationRestrictedOperators"
APPROVER_POLICY = "ApproverRestrictedPermissions"
APPROVER_GROUP = "AutomationApprovers"
AUDITOR_POLICY = "AuditorRestrictedPermissions"
AUDITOR_GROUP = "AutomationAuditors"
RUNS_LOG_GROUP = "/aws/events/DelegatedRuns"
"""Where the events of runs are kept; a prefix is before the last word. The console offers groups
under ``/aws/events/`` for rules."""

AUTHOR_DEPLOYMENT_ROLE = "AuthorDeploymentRole"
AUTHOR_PUBLISHING_ROLE = "AuthorPublishingRole"
AUTHOR_EXECUTION_ROLE = "AuthorExecutionRole"
AUTHOR_ROLES = (AUTHOR_DEPLOYMENT_ROLE, AUTHOR_PUBLISHING_ROLE, AUTHOR_EXECUTION_ROLE)
AUTHORS_STAGING_PREFIX = "runbooks/"
"""Where in CDK's staging bucket the author's templates go, and nobody else's."""

PIPELINE_REVIEW_ROLE = "PipelineReviewRole"
PIPELINE_ADMINISTRATION_ROLE = "PipelineAdministrationRole"
PIPELINE_RUNBOOKS_ROLE = "PipelineRunbooksRole"
PIPELINE_COMPARISON_ROLE = "PipelineComparisonRole"
PIPELINE_DOCTOR_ROLE = "PipelineDoctorRole"
PIPELINE_ROLES = (
    PIPELINE_REVIEW_ROLE,
    PIPELINE_ADMINISTRATION_ROLE,
    PIPELINE_RUNBOOKS_ROLE,
    PIPELINE_COMPARISON_ROLE,
    PIPELINE_DOCTOR_ROLE,
)
SCHEDULE_ROLE = "ScheduleRole"
SCHEDULE_GROUP = "DelegatedRunbooks"
NOT_STARTED = "DelegatedRunbooksNotStarted"
"""The queue of starts that EventBridge Scheduler gave up, and the alarm on it."""
REVIEW_STAGING_PREFIX = "review/"
"""Where in CDK's staging bucket the templates of reviews go, from which nothing is deployed."""

AUTOMATION_SERVICE = "ssm.amazonaws.com"
SCHEDULER_SERVICE = "scheduler.amazonaws.com"
CLOUDFORMATION_SERVICE = "cloudformation.amazonaws.com"
AUTOMATION_MANAGED_POLICY = (
    "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonSSMAutomationRole"
)

ANY_REGION = "${AWS::Region}"
"""Stands for the Region of the stack, where a deployment names none."""

_PLACEHOLDER = re.compile(r"\$\{AWS::(Partition|Region|AccountId)\}")
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*-]*:[0-9*]*:[^${}]+")
"""An ARN once its placeholders are filled with ``x`` (``0`` for the account)."""
_ACCOUNT = "${AWS::AccountId}"


@dataclass(frozen=True, slots=True)
class Naming:
    """What the names of a deployment have in common: a prefix, and the path of IAM."""

    prefix: str = ""
    """Before the name of every stack, role, policy, group and log group; the guide's names without
    one."""
    path: str = "/"
    """Of every role, policy, group and user. Source: IAM User Guide, IAM identifiers."""

    def named(self, name: str) -> str:
        """The name in the account."""
        folder, _, last = name.rpartition("/")
        return f"{folder}/{self.prefix}{last}" if folder else f"{self.prefix}{last}"

    def role_arn(self, role: str) -> str:
        """The ARN of a role of the deployment."""
        return f"arn:${{AWS::Partition}}:iam::{_ACCOUNT}:role{self.path}{self.named(role)}"

    def policy_arn(self, policy: str) -> str:
        """The ARN of a managed policy of the deployment."""
        return f"arn:${{AWS::Partition}}:iam::{_ACCOUNT}:policy{self.path}{self.named(policy)}"

    def user_arn(self, user: str) -> str:
        """The ARN of a user of the deployment, whose name has no prefix."""
        return f"arn:${{AWS::Partition}}:iam::{_ACCOUNT}:user{self.path}{user}"

    def own_user_arn(self) -> str:
        """The ARN of whichever user makes the call: IAM fills in ``${aws:username}``."""
        return self.user_arn("${!aws:username}")


def of_team(name: str, team: str) -> str:
    """The name of a team's policy or group; the guide's where the team has no name."""
    return f"{name}{team}"


def part(name: str, number: int) -> str:
    """The name of the ``number``-th part (from 1) of a policy or group that IAM's limits split."""
    return name if number == 1 else f"{name}{number}"


def boundary(service_role: str) -> str:
    """The name of a service role's permissions boundary."""
    return f"{service_role}Boundary"


def own_policy(service_role: str) -> str:
    """The name of the policy with what a service role's runbooks need beyond
    ``AmazonSSMAutomationRole``."""
    return f"{service_role}Needs"


def role_policy(role: str) -> str:
    """The name of the policy with what a role of an author or of a pipeline may do."""
    return f"{role}Permissions"


def existing_arn(kind: str, path: str, name: str) -> str:
    """The ARN of a user or role of this account that exists already."""
    return f"arn:${{AWS::Partition}}:iam::{_ACCOUNT}:{kind}{path}{name}"


def policy_arn(policy: str) -> str:
    """The ARN of a managed policy of this account that exists already, after its path."""
    return f"arn:${{AWS::Partition}}:iam::{_ACCOUNT}:policy/{policy}"


def log_group_arn(group: str, region: str) -> str:
    """The ARN of a log group of this account."""
    return f"arn:${{AWS::Partition}}:logs:{region}:{_ACCOUNT}:log-group:{group}"


def topic_arn(topic: str, region: str) -> str:
    """The ARN of an SNS topic of this account."""
    return f"arn:${{AWS::Partition}}:sns:{region}:{_ACCOUNT}:{topic}"


def schedule_arn(resource: str, region: str) -> str:
    """The ARN of something of EventBridge Scheduler: ``schedule-group/NAME``,
    ``schedule/GROUP/NAME``."""
    return f"arn:${{AWS::Partition}}:scheduler:{region}:{_ACCOUNT}:{resource}"


def queue_arn(queue: str, region: str) -> str:
    """The ARN of an SQS queue of this account."""
    return f"arn:${{AWS::Partition}}:sqs:{region}:{_ACCOUNT}:{queue}"


def ssm_arn(resource: str, region: str) -> str:
    """The ARN of an SSM resource: ``document/NAME``, ``automation-execution/ID``, …"""
    return f"arn:${{AWS::Partition}}:ssm:{region}:{_ACCOUNT}:{resource}"


def stack_arn(stack: str, region: str) -> str:
    """The ARN of every stack that has this name, one after the other."""
    return f"arn:${{AWS::Partition}}:cloudformation:{region}:{_ACCOUNT}:stack/{stack}/*"


def staging_bucket_arn(qualifier: str, region: str) -> str:
    """The ARN of the bucket that ``cdk bootstrap`` makes. Source: CDK, bootstrap template."""
    return f"arn:${{AWS::Partition}}:s3:::cdk-{qualifier}-assets-{_ACCOUNT}-{region}"


def bootstrap_role_arn(purpose: str, qualifier: str, region: str) -> str:
    """The ARN of a role that ``cdk bootstrap`` makes: ``deploy``, ``file-publishing``.

    Source: CDK, bootstrap template.
    """
    return existing_arn("role", "/", f"cdk-{qualifier}-{purpose}-role-{_ACCOUNT}-{region}")


def construct_id(name: str) -> str:
    """A construct id for a physical name: its letters and digits, first letter a capital."""
    letters = re.sub(r"[^A-Za-z0-9]", "", name)
    if not letters:
        raise DelegationError(f"name {name!r} has no letter or digit (deployments.py)")
    return letters[0].upper() + letters[1:]


def is_arn(value: object) -> bool:
    """Whether a value is a whole ARN, with no placeholder but those of this module."""
    return isinstance(value, str) and _ARN.fullmatch(filled(value)) is not None


def filled(arn: str) -> str:
    """An ARN with something for each placeholder, so that it can be taken apart."""
    return _PLACEHOLDER.sub(lambda match: "0" if match[1] == "AccountId" else "x", arn)
