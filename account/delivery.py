"""Whether what happens is recorded and reported: rules, log, topics, key, trail."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from account.aws import Aws
from account.expected import Expected, canonical
from account.findings import Finding, Harm
from review.templates.resource_types import KEY, LOG, LOG_POLICY, RULE, TOPIC, TOPIC_POLICY
from review.templates.resources import Resource

_BY_HAND = "somebody changed it by hand"
_DEPLOY = "deploy its stack again after a change, or revert it by hand"
_UNCONFIRMED = ("PendingConfirmation", "Deleted")


def check_delivery(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each part of the recording that is off, changed or not confirmed."""
    for rule in expected.of_type(RULE):
        yield from _check_rule(aws, rule)
    for log in expected.of_type(LOG):
        yield from _check_log(aws, log)
    for policy in expected.of_type(LOG_POLICY):
        yield from _check_log_policy(aws, policy)
    for resource in expected.of_type(TOPIC, KEY):
        yield from _check_physical(aws, expected, resource)
    if any(expected.of_type(RULE)):
        for region in dict.fromkeys(rule.region for rule in expected.of_type(RULE)):
            yield from _check_trail(aws, region)


def _missing(resource: Resource, what: str) -> Finding:
    return Finding(
        Harm.RECORD,
        f"{what} in {resource.region} does not exist",
        "it was deleted, or never deployed",
        "make diff, then make deploy",
    )


def _check_rule(aws: Aws, rule: Resource) -> Iterator[Finding]:
    what = f"rule {rule.name}"
    found = aws.read("events", "describe_rule", region=rule.region, Name=rule.name)
    if found is None:
        yield _missing(rule, what)
        return
    where = f"{what} in {rule.region}"
    if found.get("State") != rule.get("State", "ENABLED"):
        yield Finding(Harm.RECORD, f"{where} is {found.get('State')}", _BY_HAND, _DEPLOY)
    if canonical(json.loads(found.get("EventPattern", "{}"))) != canonical(
        rule.get("EventPattern")
    ):
        yield Finding(
            Harm.RECORD, f"{where} matches other events than synthesized", _BY_HAND, _DEPLOY
        )
    targets = aws.listed(
        "events", "list_targets_by_rule", "Targets", region=rule.region, Rule=rule.name
    )
    known = {target["Id"] for target in targets}
    wanted = {target["Id"] for target in rule.listed("Targets")}
    if wanted - known:
        yield Finding(
            Harm.RECORD,
            f"{where} lacks the targets {', '.join(sorted(wanted - known))}",
            _BY_HAND,
            _DEPLOY,
        )
    if known - wanted:
        yield Finding(
            Harm.ACCESS,
            f"{where} also sends to {', '.join(sorted(known - wanted))}, which no template names",
            _BY_HAND,
            "remove the target",
        )


def _check_log(aws: Aws, log: Resource) -> Iterator[Finding]:
    groups = aws.listed(
        *("logs", "describe_log_groups", "logGroups"),
        region=log.region,
        logGroupNamePrefix=log.name,
    )
    found = next((group for group in groups if group["logGroupName"] == log.name), None)
    if found is None:
        yield _missing(log, f"log group {log.name}")
    elif found.get("retentionInDays") != log.get("RetentionInDays"):
        yield Finding(
            Harm.RECORD,
            f"log group {log.name} in {log.region} keeps events for "
            f"{found.get('retentionInDays', 'ever')} days, not {log.get('RetentionInDays')}",
            _BY_HAND,
            _DEPLOY,
        )


def _check_log_policy(aws: Aws, policy: Resource) -> Iterator[Finding]:
    policies = aws.listed(
        "logs", "describe_resource_policies", "resourcePolicies", region=policy.region
    )
    found = next((each for each in policies if each["policyName"] == policy.name), None)
    if found is None:
        yield _missing(policy, f"the log groups' policy {policy.name}")
    elif canonical(json.loads(found["policyDocument"])) != canonical(_document(policy)):
        yield Finding(
            Harm.ACCESS,
            f"the log groups' policy {policy.name} in {policy.region} is not as synthesized",
            _BY_HAND,
            _DEPLOY,
        )


def _document(policy: Resource) -> Any:
    document = policy.get("PolicyDocument")
    return json.loads(document) if isinstance(document, str) else document


def _check_physical(aws: Aws, expected: Expected, resource: Resource) -> Iterator[Finding]:
    """Topics and keys, whose names CloudFormation or AWS makes."""
    kind = "topic" if resource.type == TOPIC else "key"
    what = f"{kind} {resource.logical_id} of {resource.template.stack}"
    answer = aws.read(
        *("cloudformation", "describe_stack_resource"),
        region=resource.region,
        StackName=resource.template.stack,
        LogicalResourceId=resource.logical_id,
    )
    if answer is None:
        yield _missing(resource, what)
        return
    physical = str(answer["StackResourceDetail"]["PhysicalResourceId"])
    where = f"{what} in {resource.region}"
    if resource.type == KEY:
        yield from _check_key(aws, resource, physical, where)
    else:
        yield from _check_topic(aws, expected, resource, physical, where)


def _check_key(aws: Aws, key: Resource, physical: str, where: str) -> Iterator[Finding]:
    answer = aws.read("kms", "describe_key", region=key.region, KeyId=physical)
    if answer is None:
        yield _missing(key, where)
        return
    state = answer["KeyMetadata"].get("KeyState", "Enabled")
    if state != "Enabled" or not answer["KeyMetadata"].get("Enabled", True):
        yield Finding(
            Harm.RECORD,
            f"{where} is {state}: nothing is reported by the topics that it encrypts",
            _BY_HAND,
            f"aws kms enable-key --key-id {physical} --region {key.region} (before it is deleted: "
            "aws kms cancel-key-deletion)",
        )
    policy = aws.read(
        "kms", "get_key_policy", region=key.region, KeyId=physical, PolicyName="default"
    )
    if canonical(json.loads((policy or {}).get("Policy", "{}"))) != canonical(key.get("KeyPolicy")):
        yield Finding(
            Harm.ACCESS, f"the policy of {where} is not as synthesized", _BY_HAND, _DEPLOY
        )


def _check_topic(
    aws: Aws, expected: Expected, topic: Resource, physical: str, where: str
) -> Iterator[Finding]:
    answer = aws.read("sns", "get_topic_attributes", region=topic.region, TopicArn=physical)
    if answer is None:
        yield _missing(topic, where)
        return
    for policy in expected.of_type(TOPIC_POLICY):
        if topic.attribute("Ref") in policy.listed("Topics") and policy.region == topic.region:
            text = json.dumps(policy.get("PolicyDocument"))
            wanted = json.loads(text.replace(topic.attribute("Ref"), physical))
            if canonical(json.loads(answer["Attributes"].get("Policy", "{}"))) != canonical(wanted):
                yield Finding(
                    Harm.ACCESS, f"the policy of {where} is not as synthesized", _BY_HAND, _DEPLOY
                )
    if not answer["Attributes"].get("KmsMasterKeyId"):
        yield Finding(Harm.ACCESS, f"{where} is not encrypted", _BY_HAND, _DEPLOY)
    subscriptions = {
        (each["Protocol"], each["Endpoint"]): each["SubscriptionArn"]
        for each in aws.listed(
            *("sns", "list_subscriptions_by_topic", "Subscriptions"),
            region=topic.region,
            TopicArn=physical,
        )
    }
    yield from _check_subscriptions(topic, subscriptions, where)


def _check_subscriptions(
    topic: Resource, found: Mapping[tuple[str, str], str], where: str
) -> Iterator[Finding]:
    wanted = {(each["Protocol"], each["Endpoint"]) for each in topic.listed("Subscription")}
    for protocol, endpoint in sorted(wanted):
        arn = found.get((protocol, endpoint))
        if arn is None:
            yield Finding(
                Harm.RECORD,
                f"{where} does not notify {endpoint}",
                "the subscription was removed, or was not confirmed within three days",
                "take the subscriber from deployments.py, deploy, add it again, deploy, confirm",
            )
        elif arn in _UNCONFIRMED:
            yield Finding(
                Harm.RECORD,
                f"{endpoint} has not confirmed the subscription of {where}",
                "the message with the link was not answered",
                "open the link of the message from AWS Notifications",
            )
    for protocol, endpoint in sorted(found.keys() - wanted):
        yield Finding(
            Harm.ACCESS,
            f"{where} also notifies {endpoint} ({protocol}), which no template names",
            "somebody subscribed it by hand",
            f"aws sns unsubscribe --subscription-arn {found[protocol, endpoint]}",
        )


def _check_trail(aws: Aws, region: str) -> Iterator[Finding]:
    """Changes are reported from the events of a trail: one has to record them in the Region."""
    trails = aws.listed("cloudtrail", "describe_trails", "trailList", region=region)
    for trail in trails:
        if not trail.get("IsMultiRegionTrail") and trail.get("HomeRegion", region) != region:
            continue
        status = aws.read("cloudtrail", "get_trail_status", region=region, Name=trail["TrailARN"])
        if status and status.get("IsLogging"):
            return
    yield Finding(
        Harm.RECORD,
        f"no trail of CloudTrail records in {region}: changes of documents and access reach "
        f"neither the log nor the topic",
        "EventBridge receives calls only where a trail logs management events",
        "make a trail of all Regions, or start its logging: aws cloudtrail start-logging",
    )
