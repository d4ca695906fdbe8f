"""Probes of what is recorded and reported: EventBridge to a log and to an encrypted topic."""

import json
from typing import Any

from account.verification.lab import SLEEP, Lab, policy
from account.verification.probe import Probe

_EVENTS = "events.amazonaws.com"


def _rule(lab: Lab, document: str, target: str) -> None:
    """A rule for the executions of a document, with one target."""
    events, name = lab.client("events"), lab.name("Rule")
    pattern = {"source": ["aws.ssm"], "detail": {"Definition": [document]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")
    lab.later(f"rule {name}", events.delete_rule, Name=name)
    events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target}])
    lab.later(f"target of {name}", events.remove_targets, Rule=name, Ids=["target"])


def _log(lab: Lab) -> str:
    logs, group = lab.client("logs"), f"/aws/events/{lab.name('Log')}"
    logs.create_log_group(logGroupName=group)
    lab.later(f"log group {group}", logs.delete_log_group, logGroupName=group)
    arn, name = lab.arn("logs", f"log-group:{group}"), lab.name("Policy")
    services = {"Service": [_EVENTS, "delivery.logs.amazonaws.com"]}
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": services, "Resource": f"{arn}:*"}
    rules = {"ArnLike": {"aws:SourceArn": lab.arn("events", f"rule/{lab.prefix}-*")}}
    document = policy(
        {**statement, "Action": "logs:CreateLogStream"},
        {**statement, "Action": "logs:PutLogEvents", "Condition": rules},
    )
    logs.put_resource_policy(policyName=name, policyDocument=document)
    lab.later(f"log policy {name}", logs.delete_resource_policy, policyName=name)
    runbook = lab.document(SLEEP)
    _rule(lab, runbook, arn)
    lab.settle()
    lab.execute(runbook)
    found = lab.until(lambda: logs.filter_log_events(logGroupName=group)["events"], seconds=120)
    return "events arrive" if found else "nothing arrives"


def _topic(lab: Lab) -> str:
    kms, sns, sqs = (lab.client(service) for service in ("kms", "sns", "sqs"))
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{lab.partition}:iam::{lab.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": _EVENTS},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        },
    ]
    key = kms.create_key(Policy=policy(*statements))["KeyMetadata"]["KeyId"]
    lab.later(f"key {key}", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=7)
    topic = sns.create_topic(Name=lab.name("Topic"), Attributes={"KmsMasterKeyId": key})["TopicArn"]
    lab.later(f"topic {topic}", sns.delete_topic, TopicArn=topic)
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": _EVENTS},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=policy(publish),
    )
    queue, arn = lab.queue()
    receive = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    sqs.set_queue_attributes(
        QueueUrl=queue,
        Attributes={"Policy": policy(receive)},
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    runbook = lab.document(SLEEP)
    _rule(lab, runbook, topic)
    lab.settle()
    lab.execute(runbook)
    return "events arrive" if lab.receives(queue, seconds=120) else "nothing arrives"


RECORDS = (
    Probe(
        id="log-policy-with-two-services",
        assumption="EventBridge writes to a log group whose policy names two services, and the "
        "rule for writing alone",
        source="EventBridge User Guide, Using resource-based policies",
        call="an execution whose events go to a log group",
        expected="events arrive",
        ask=_log,
        minutes=3,
    ),
    Probe(
        id="events-to-an-encrypted-topic",
        assumption="EventBridge publishes to a topic under a key that lets it use the key "
        "without a condition",
        source="SNS Developer Guide, Key management",
        call="an execution whose events go to an encrypted topic with a queue",
        expected="events arrive",
        ask=_topic,
        minutes=3,
    ),
)
