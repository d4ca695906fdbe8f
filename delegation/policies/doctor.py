"""What PipelineDoctorRole may do: read, in the whole account, what the doctor compares.

The same actions as ``python -m account policy`` prints.
"""

from delegation.policies.statements import Statement

_SAR = "Service Authorization Reference, {}"


def doctor_permissions() -> tuple[Statement, ...]:
    """Reads of settings and policies; none of what is stored or recorded."""
    return (
        _reading(
            "ReadStacks",
            ("cloudformation:DescribeStackResource", "cloudformation:DescribeStacks"),
            ("cloudformation:GetTemplate",),
            why="what is deployed, and which other stacks are deployed by the same roles",
            source=_SAR.format("AWS CloudFormation"),
        ),
        _reading(
            "ReadIam",
            ("iam:GetAccessKeyLastUsed", "iam:GetAccountAuthorizationDetails"),
            ("iam:GetOpenIDConnectProvider", "iam:GetRole", "iam:GetUser"),
            ("iam:ListAccessKeys", "iam:ListMFADevices"),
            why="who can do what in the account, which IAM shows as a whole",
            source=_SAR.format("AWS Identity and Access Management"),
        ),
        _reading(
            "ReadRunbooks",
            ("ssm:DescribeDocument", "ssm:DescribeDocumentPermission", "ssm:GetDocument"),
            ("ssm:GetServiceSetting", "ssm:ListDocumentVersions"),
            why="contents and sharing of runbooks, also of removed ones, and settings",
            source=_SAR.format("AWS Systems Manager"),
        ),
        _reading(
            "ReadRecording",
            ("cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors"),
            ("cloudtrail:GetTrailStatus",),
            ("events:DescribeRule", "events:ListRuleNamesByTarget", "events:ListTargetsByRule"),
            ("kms:DescribeKey", "kms:GetKeyPolicy"),
            ("logs:DescribeAccountPolicies", "logs:DescribeLogGroups"),
            ("logs:DescribeResourcePolicies", "logs:DescribeSubscriptionFilters"),
            ("sns:GetSubscriptionAttributes", "sns:GetTopicAttributes"),
            ("sns:ListSubscriptionsByTopic",),
            why="rules, logs, topics, keys and trails, some of which AWS names or others made",
            source=_SAR.format("Amazon EventBridge, CloudWatch Logs, SNS, AWS KMS and CloudTrail"),
        ),
        _reading(
            "ReadSchedules",
            ("scheduler:GetSchedule", "scheduler:ListSchedules"),
            ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
            why="schedules, also those of no template, and how many starts were not made",
            source=_SAR.format("Amazon EventBridge Scheduler and Amazon SQS"),
        ),
        _reading(
            "ReadStagingBuckets",
            ("s3:GetBucketPolicy",),
            why="who can replace uploaded templates; a company may name its buckets as it likes",
            source=_SAR.format("Amazon S3"),
        ),
        _reading(
            "ReadOrganization",
            ("organizations:DescribeOrganization", "organizations:DescribePolicy"),
            ("organizations:ListParents", "organizations:ListPoliciesForTarget"),
            why="service control policies, which the organization may let the account read",
            source=_SAR.format("AWS Organizations"),
        ),
    )


def _reading(sid: str, *actions: tuple[str, ...], why: str, source: str) -> Statement:
    every = tuple(action for row in actions for action in row)
    return Statement(sid=sid, actions=every, resources=("*",), why=why, source=source)
