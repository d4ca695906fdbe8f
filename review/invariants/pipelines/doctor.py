"""What the doctor reads each night, and that it changes nothing."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Evaluator
from review.iam.names import ASSUME_ROLE, START
from review.invariants.bootstrap import roles_that_deploy_administration
from review.invariants.invariant import Proof, as_findings
from review.model.account import Principal

DOCTOR = "PipelineDoctorRole"
DOCTOR_READS = (
    *("cloudformation:DescribeStackResource", "cloudformation:DescribeStacks"),
    *("cloudformation:GetTemplate", "cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors"),
    "cloudtrail:GetTrailStatus",
    *("events:DescribeRule", "events:ListRuleNamesByTarget", "events:ListTargetsByRule"),
    *("iam:GetAccessKeyLastUsed", "iam:GetAccountAuthorizationDetails", "iam:GetRole"),
    *("iam:GetOpenIDConnectProvider", "iam:GetUser"),
    *("iam:ListAccessKeys", "iam:ListMFADevices"),
    *("kms:DescribeKey", "kms:GetKeyPolicy"),
    *("logs:DescribeAccountPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"),
    "logs:DescribeSubscriptionFilters",
    *("organizations:DescribeOrganization", "organizations:DescribePolicy"),
    *("organizations:ListParents", "organizations:ListPoliciesForTarget"),
    "s3:GetBucketPolicy",
    *("scheduler:GetSchedule", "scheduler:ListSchedules"),
    *("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    *("sns:GetSubscriptionAttributes", "sns:GetTopicAttributes"),
    "sns:ListSubscriptionsByTopic",
    *("ssm:DescribeDocument", "ssm:DescribeDocumentPermission", "ssm:GetDocument"),
    *("ssm:GetServiceSetting", "ssm:ListDocumentVersions"),
)
"""What the doctor calls: of access levels List and Read, and none of what is stored or recorded."""


def reads_settings_alone(evaluator: Evaluator, doctor: Principal) -> Proof:
    """That a role of the doctor can do what the doctor calls, on everything, and nothing else."""
    access = evaluator.access(doctor)
    beyond = (grant for grant in access.grants if grant.action not in DOCTOR_READS)
    findings = as_findings(access, beyond)
    for action in DOCTOR_READS:
        if not any(grant.resource == "*" for grant in access.on(action)):
            findings.append(f"{doctor.name} may not {action} on everything")
    return Proof(tuple(findings), tuple(_decisions(evaluator, doctor)))


def _decisions(evaluator: Evaluator, doctor: Principal) -> Iterator[Decision]:
    for arn in roles_that_deploy_administration(evaluator):
        yield evaluator.evaluate(doctor, ASSUME_ROLE, arn, expected=False)
    for arn in evaluator.account.runbook_arns:
        yield evaluator.evaluate(doctor, START, arn, expected=False)
        yield evaluator.evaluate(doctor, "ssm:GetDocument", arn, expected=True)
        yield evaluator.evaluate(doctor, "ssm:UpdateDocument", arn, expected=False)
