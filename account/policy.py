"""What the doctor reads, as a policy for the role that runs it."""

from typing import Any

READS = (
    *("cloudformation:DescribeStackResource", "cloudformation:DescribeStacks"),
    *("cloudformation:GetTemplate", "cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors"),
    "cloudtrail:GetTrailStatus",
    *("events:DescribeRule", "events:ListTargetsByRule"),
    *("iam:GetAccessKeyLastUsed", "iam:GetAccountAuthorizationDetails", "iam:GetRole"),
    *("iam:GetOpenIDConnectProvider", "iam:GetUser"),
    *("iam:ListAccessKeys", "iam:ListMFADevices"),
    *("kms:DescribeKey", "kms:GetKeyPolicy"),
    *("logs:DescribeLogGroups", "logs:DescribeResourcePolicies"),
    "logs:DescribeSubscriptionFilters",
    *("sns:GetSubscriptionAttributes", "sns:GetTopicAttributes"),
    "sns:ListSubscriptionsByTopic",
    *("ssm:DescribeDocument", "ssm:DescribeDocumentPermission", "ssm:GetDocument"),
    *("ssm:GetServiceSetting", "ssm:ListDocumentVersions"),
)
"""Every action, none of which changes anything. Most of them name no resource, or all."""


def doctor_policy() -> dict[str, Any]:
    """The policy's document."""
    statement = {
        "Sid": "ReadWhatTheDoctorCompares",
        "Effect": "Allow",
        "Action": list(READS),
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
