"""The policies of log groups, topics and keys: whom they let in."""

from typing import Any

from delegation import names

EVENTS = "events.amazonaws.com"
_DELIVERY = "delivery.logs.amazonaws.com"
_VERSION = "2012-10-17"

Policy = dict[str, Any]


def log_policy(naming: names.Naming) -> Policy:
    """What lets EventBridge write to the log group of runs: only the rules of AuditStack.

    Creating a stream is asked for without the rule's ARN, so that only writing names it.
    Source: EventBridge User Guide, Using resource-based policies, CloudWatch Logs permissions.
    """
    group = names.log_group_arn(naming.named(names.RUNS_LOG_GROUP), names.ANY_REGION)
    rules = (
        f"arn:${{AWS::Partition}}:events:{names.ANY_REGION}:${{AWS::AccountId}}"
        f":rule/{naming.named(names.AUDIT_STACK)}-*"
    )
    services = {"Service": [EVENTS, _DELIVERY]}
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "LetEventsOpenStreams",
                "Effect": "Allow",
                "Principal": services,
                "Action": "logs:CreateLogStream",
                "Resource": f"{group}:*",
            },
            {
                "Sid": "LetRulesWrite",
                "Effect": "Allow",
                "Principal": services,
                "Action": "logs:PutLogEvents",
                "Resource": f"{group}:*",
                "Condition": {"ArnLike": {"aws:SourceArn": rules}},
            },
        ],
    }


def topic_policy(topic: str) -> Policy:
    """What lets EventBridge publish, and refuses whatever comes unencrypted.

    EventBridge takes no condition here: a rule of another account that knows the topic's ARN
    could publish to it. Source: EventBridge User Guide, Using resource-based policies, SNS.
    """
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "LetEventsPublish",
                "Effect": "Allow",
                "Principal": {"Service": EVENTS},
                "Action": "sns:Publish",
                "Resource": topic,
            },
            _refusal_without_tls(topic),
        ],
    }


def tls_policy(topic: str) -> Policy:
    """What lets nobody publish but roles of the account whose own policies do, and refuses whatever
    comes unencrypted."""
    return {"Version": _VERSION, "Statement": [_refusal_without_tls(topic)]}


def _refusal_without_tls(topic: str) -> Policy:
    return {
        "Sid": "RefuseWithoutTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def key_policy() -> Policy:
    """Who may use the topic's key: EventBridge, and whom the account's IAM lets.

    EventBridge takes no condition here. Source: SNS Developer Guide, Key management, Enable
    compatibility between event sources from AWS services and encrypted topics.
    """
    account = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "LetAccountManage",
                "Effect": "Allow",
                "Principal": {"AWS": account},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "LetEventsEncrypt",
                "Effect": "Allow",
                "Principal": {"Service": EVENTS},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
            },
        ],
    }
