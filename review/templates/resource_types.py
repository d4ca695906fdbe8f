"""The resource types that the review understands, each with every property that it may have."""

from dataclasses import dataclass

USER, GROUP, ROLE = "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Role"
MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
PROVIDER = "AWS::IAM::OIDCProvider"
DOCUMENT = "AWS::SSM::Document"
SECRET = "AWS::SecretsManager::Secret"
RULE, LOG, LOG_POLICY = "AWS::Events::Rule", "AWS::Logs::LogGroup", "AWS::Logs::ResourcePolicy"
TOPIC, TOPIC_POLICY, KEY = "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::KMS::Key"
SCHEDULE, SCHEDULE_GROUP = "AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup"
QUEUE, QUEUE_POLICY, ALARM = "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::CloudWatch::Alarm"

AUDIT = frozenset({RULE, LOG, LOG_POLICY, TOPIC, TOPIC_POLICY, KEY})
"""Types that record events or send notifications, and have a policy or a target of their own."""

RECORDING = AUDIT - {TOPIC, TOPIC_POLICY}
"""Those of them that only an audit has: approvers are notified by a topic as well."""

ATTRIBUTES = frozenset(
    {
        *("Type", "Properties", "Condition", "DependsOn"),
        *("Metadata", "DeletionPolicy", "UpdateReplacePolicy"),
    }
)
"""What a resource may have beside its properties.
Source: AWS CloudFormation User Guide, Resource attribute reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceType:
    """What the review knows of a type. Any other property is refused."""

    properties: frozenset[str]
    name: str = ""
    """The property that names it in the account or Region; empty where none does."""
    word: str = ""
    """For IAM: what stands before the name in its ARN."""


def _type(*properties: str, name: str = "", word: str = "") -> ResourceType:
    return ResourceType(properties=frozenset((*properties, name)) - {""}, name=name, word=word)


_IDENTITY = ("Path", "Policies", "ManagedPolicyArns")
_INLINE = ("PolicyName", "PolicyDocument")

TYPES = {
    USER: _type(
        *(*_IDENTITY, "Groups", "PermissionsBoundary", "LoginProfile", "Tags"),
        name="UserName",
        word="user",
    ),
    GROUP: _type(*_IDENTITY, name="GroupName", word="group"),
    ROLE: _type(
        *(*_IDENTITY, "AssumeRolePolicyDocument", "PermissionsBoundary"),
        *("Description", "MaxSessionDuration", "Tags"),
        name="RoleName",
        word="role",
    ),
    MANAGED_POLICY: _type(
        *("Description", "Path", "PolicyDocument", "Users", "Groups", "Roles"),
        name="ManagedPolicyName",
        word="policy",
    ),
    "AWS::IAM::Policy": _type(*_INLINE, "Users", "Groups", "Roles"),
    "AWS::IAM::UserPolicy": _type(*_INLINE, "UserName"),
    "AWS::IAM::GroupPolicy": _type(*_INLINE, "GroupName"),
    "AWS::IAM::RolePolicy": _type(*_INLINE, "RoleName"),
    "AWS::IAM::UserToGroupAddition": _type("GroupName", "Users"),
    PROVIDER: _type("ClientIdList", "ThumbprintList", "Tags", name="Url"),
    DOCUMENT: _type(
        *("Attachments", "Content", "DocumentFormat", "DocumentType", "Requires", "Tags"),
        *("TargetType", "UpdateMethod", "VersionName"),
        name="Name",
    ),
    SECRET: _type("Description", "GenerateSecretString", "Tags", name="Name"),
    RULE: _type("Description", "EventPattern", "State", "Tags", "Targets", name="Name"),
    LOG: _type("LogGroupClass", "RetentionInDays", "Tags", name="LogGroupName"),
    LOG_POLICY: _type("PolicyDocument", name="PolicyName"),
    TOPIC: _type("DisplayName", "KmsMasterKeyId", "Subscription", "Tags", name="TopicName"),
    TOPIC_POLICY: _type("PolicyDocument", "Topics"),
    KEY: _type(
        *("Description", "EnableKeyRotation", "Enabled", "KeyPolicy", "KeySpec", "KeyUsage"),
        *("MultiRegion", "Origin", "PendingWindowInDays", "RotationPeriodInDays", "Tags"),
    ),
    SCHEDULE: _type(
        *("Description", "EndDate", "FlexibleTimeWindow", "GroupName", "ScheduleExpression"),
        *("ScheduleExpressionTimezone", "StartDate", "State", "Target"),
        name="Name",
    ),
    SCHEDULE_GROUP: _type("Tags", name="Name"),
    QUEUE: _type("MessageRetentionPeriod", "SqsManagedSseEnabled", "Tags", name="QueueName"),
    QUEUE_POLICY: _type("PolicyDocument", "Queues"),
    ALARM: _type(
        *("AlarmDescription", "ComparisonOperator", "Dimensions", "EvaluationPeriods"),
        *("MetricName", "Namespace", "Period", "Statistic", "Tags", "Threshold"),
        "TreatMissingData",
        name="AlarmName",
    ),
    "AWS::CDK::Metadata": _type("Analytics"),
}
"""Source: AWS CloudFormation Template Reference, read for each type before it was added here."""
