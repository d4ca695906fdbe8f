"""Whether what happens is recorded and reported: rules, log, topics, key, trail."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from account.aws import Aws
from account.comparison.physical import log_group, physical_id, trails
from account.expected import Expected, canonical
from account.findings import Finding, Harm, guarded
from aws_facts.partitions import IAM_HOMES
from review.templates.resource_types import KEY, LOG, LOG_POLICY, RULE, TOPIC, TOPIC_POLICY
from review.templates.resources import Resource

_BY_HAND = "somebody changed it by hand"
_DEPLOY = "deploy its stack again after a change, or revert it by hand"
_UNCONFIRMED = "PendingConfirmation"


def check_delivery(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each part of the recording that is off, changed or not confirmed."""
    for resource in expected.of_type(RULE, LOG, LOG_POLICY, TOPIC, KEY):
        what = f"{resource.logical_id} of {resource.template.stack} in {resource.region}"
        yield from guarded(what, _check(aws, expected, resource))
    for region in expected.recorded_regions:
        yield from guarded(f"the trails in {region}", _check_trail(aws, region))


def _check(aws: Aws, expected: Expected, resource: Resource) -> Iterator[Finding]:
    if resource.type == RULE:
        yield from _check_rule(aws, expected, resource)
    elif resource.type == LOG:
        yield from _check_log(aws, resource)
    elif resource.type == LOG_POLICY:
        yield from _check_log_policies(aws, resource, expected.account.environment.account)
    else:
        yield from _check_physical(aws, expected, resource)


def _resolved(aws: Aws, expected: Expected, value: Any, region: str) -> Any:
    """A value of a template with the ARNs that topics and keys have in the account."""
    text = json.dumps(value)
    for resource in expected.of_type(TOPIC, KEY):
        reference = resource.attribute("Ref")
        if resource.region == region and json.dumps(reference)[1:-1] in text:
            text = text.replace(reference, physical_id(aws, resource))
    return json.loads(text)


def _missing(resource: Resource, what: str) -> Finding:
    return Finding(
        Harm.RECORD,
        f"{what} in {resource.region} does not exist",
        "it was deleted, or never deployed",
        "make diff, then make deploy",
    )


def _check_rule(aws: Aws, expected: Expected, rule: Resource) -> Iterator[Finding]:
    what = f"rule {rule.name}"
    found = aws.read("events", "describe_rule", region=rule.region, Name=rule.name)
    if found is None:
        yield _missing(rule, what)
        return
    where = f"{what} in {rule.region}"
    if found.get("State") != rule.get("State", "ENABLED"):
        yield Finding(Harm.RECORD, f"{where} is {found.get('State')}", _BY_HAND, _DEPLOY)
    pattern = canonical(json.loads(found.get("EventPattern", "{}")))
    if pattern != canonical(rule.get("EventPattern")):
        what = f"{where} matches other events than synthesized"
        yield Finding(Harm.RECORD, what, _BY_HAND, _DEPLOY)
    targets = aws.listed(
        "events", "list_targets_by_rule", "Targets", region=rule.region, Rule=rule.name
    )
    known = {target["Id"]: target for target in targets}
    listed = _resolved(aws, expected, rule.listed("Targets"), rule.region)
    wanted = {target["Id"]: target for target in listed}
    for id_ in sorted(wanted.keys() - known.keys()):
        yield Finding(Harm.RECORD, f"{where} lacks the target {id_}", _BY_HAND, _DEPLOY)
    for id_ in sorted(known.keys() - wanted.keys()):
        what = f"{where} also sends to {known[id_]['Arn']}, which no template names"
        yield Finding(Harm.ACCESS, what, _BY_HAND, "remove the target")
    for id_ in sorted(wanted.keys() & known.keys()):
        if canonical(known[id_]) != canonical(wanted[id_]):
            what = f"{where} sends to its target {id_} otherwise than synthesized"
            yield Finding(Harm.RECORD, what, _BY_HAND, _DEPLOY)


def _check_log(aws: Aws, log: Resource) -> Iterator[Finding]:
    found = log_group(aws, log.region, log.name)
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
    elif found.get("kmsKeyId") and found["kmsKeyId"] != log.get("KmsKeyId"):
        yield Finding(
            Harm.RECORD,
            f"log group {log.name} in {log.region} is encrypted by {found['kmsKeyId']}, which no "
            f"template names",
            _BY_HAND,
            f"aws logs disassociate-kms-key --log-group-name {log.name}",
        )
    elif found.get("dataProtectionStatus") == "ACTIVATED":
        yield Finding(
            Harm.RECORD,
            f"log group {log.name} in {log.region} masks what it keeps",
            "somebody gave it a data protection policy by hand",
            f"aws logs delete-data-protection-policy --log-group-identifier {log.name}",
        )
    filters = aws.listed(
        *("logs", "describe_subscription_filters", "subscriptionFilters"),
        region=log.region,
        logGroupName=log.name,
    )
    for each in filters:
        yield Finding(
            Harm.ACCESS,
            f"log group {log.name} in {log.region} is sent to {each['destinationArn']}",
            "somebody made a subscription filter by hand",
            f"aws logs delete-subscription-filter --log-group-name {log.name} --filter-name "
            f"{each['filterName']}",
        )


def _check_log_policies(aws: Aws, policy: Resource, account: str) -> Iterator[Finding]:
    policies = {
        each["policyName"]: json.loads(each["policyDocument"])
        for each in aws.listed(
            "logs", "describe_resource_policies", "resourcePolicies", region=policy.region
        )
    }
    what = f"the log groups' policy {policy.name}"
    if policy.name not in policies:
        yield _missing(policy, what)
    elif canonical(policies[policy.name]) != canonical(_document(policy)):
        what = f"{what} in {policy.region} is not as synthesized"
        yield Finding(Harm.ACCESS, what, _BY_HAND, _DEPLOY)
    for name, document in policies.items():
        outside = [each for each in _named(document) if account not in each]
        if name != policy.name and outside:
            yield Finding(
                Harm.ACCESS,
                f"the log groups' policy {name} in {policy.region} lets in {', '.join(outside)}",
                "another team's policy may be on every log group",
                "look whether they can write in the log or read it",
            )
        if name != policy.name and '"Deny"' in json.dumps(document):
            yield Finding(
                Harm.RECORD,
                f"the log groups' policy {name} in {policy.region} denies something; "
                "events may not reach the log",
                "another team's policy is on every log group",
                "look whether it denies logs:PutLogEvents to events.amazonaws.com",
            )


def _named(document: Any) -> list[str]:
    """Those whom the statements of a resource policy allow something, services left out."""
    found = document.get("Statement", []) if isinstance(document, dict) else []
    principals = [
        each.get("Principal")
        for each in (found if isinstance(found, list) else [found])
        if isinstance(each, dict) and each.get("Effect") == "Allow"
    ]
    named = [each.get("AWS", []) if isinstance(each, dict) else each for each in principals]
    return sorted(str(v) for each in named for v in (each if isinstance(each, list) else [each]))


def _document(policy: Resource) -> Any:
    document = policy.get("PolicyDocument")
    return json.loads(document) if isinstance(document, str) else document


def _check_physical(aws: Aws, expected: Expected, resource: Resource) -> Iterator[Finding]:
    """Topics and keys, whose names CloudFormation or AWS makes."""
    kind = "topic" if resource.type == TOPIC else "key"
    what = f"{kind} {resource.logical_id} of {resource.template.stack}"
    physical = physical_id(aws, resource)
    where = f"{what} in {resource.region}"
    if not physical:
        yield _missing(resource, what)
    elif resource.type == KEY:
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
    found, reference = answer["Attributes"], topic.attribute("Ref")
    for policy in expected.of_type(TOPIC_POLICY):
        if policy.region == topic.region and reference in policy.listed("Topics"):
            wanted = _resolved(aws, expected, policy.get("PolicyDocument"), topic.region)
            if canonical(json.loads(found.get("Policy", "{}"))) != canonical(wanted):
                what = f"the policy of {where} is not as synthesized"
                yield Finding(Harm.ACCESS, what, _BY_HAND, _DEPLOY)
    key = _resolved(aws, expected, topic.get("KmsMasterKeyId"), topic.region)
    if found.get("KmsMasterKeyId") != key:
        what = f"{where} is encrypted by {found.get('KmsMasterKeyId', 'no key')}, not by {key}"
        yield Finding(Harm.RECORD, what, _BY_HAND, _DEPLOY)
    yield from _check_subscriptions(aws, topic, physical, where)


def _check_subscriptions(aws: Aws, topic: Resource, physical: str, where: str) -> Iterator[Finding]:
    listed = aws.listed(
        *("sns", "list_subscriptions_by_topic", "Subscriptions"),
        region=topic.region,
        TopicArn=physical,
    )
    found: dict[tuple[str, str], str] = {}
    for each in listed:
        if each["SubscriptionArn"] != "Deleted":
            found[each["Protocol"], each["Endpoint"]] = each["SubscriptionArn"]
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
        elif arn == _UNCONFIRMED:
            yield Finding(
                Harm.RECORD,
                f"{endpoint} has not confirmed the subscription of {where}",
                "the message with the link was not answered",
                "open the link of the message from AWS Notifications",
            )
        elif _is_filtered(aws, topic.region, arn):
            what = f"{where} notifies {endpoint} of some events only: the subscription has a filter"
            yield Finding(Harm.RECORD, what, _BY_HAND, "remove its filter policy")
    for protocol, endpoint in sorted(found.keys() - wanted):
        if found[protocol, endpoint] != _UNCONFIRMED:
            yield Finding(
                Harm.ACCESS,
                f"{where} also notifies {endpoint} ({protocol}), which no template names",
                "somebody subscribed it by hand",
                f"aws sns unsubscribe --subscription-arn {found[protocol, endpoint]}",
            )


def _is_filtered(aws: Aws, region: str, subscription: str) -> bool:
    answer = aws.read(
        *("sns", "get_subscription_attributes"), region=region, SubscriptionArn=subscription
    )
    policy = (answer or {}).get("Attributes", {}).get("FilterPolicy") or "{}"
    return bool(json.loads(policy))


def _check_trail(aws: Aws, region: str) -> Iterator[Finding]:
    """Changes are reported from the events of a trail: one has to record them in the Region."""
    if any(_records(aws, trail, region) for trail in trails(aws, region)):
        return
    yield Finding(
        Harm.RECORD,
        f"no trail of CloudTrail records in {region}: changes of documents and access reach "
        f"neither the log nor the topic",
        "EventBridge receives calls only where a trail logs management events that write",
        "make a trail of all Regions with management events, or start its logging: aws cloudtrail "
        "start-logging",
    )


def _records(aws: Aws, trail: Mapping[str, Any], region: str) -> bool:
    """Whether a trail logs calls that change something in a Region, those of IAM as well where
    the Region receives them."""
    if not trail.get("IsMultiRegionTrail") and trail.get("HomeRegion", region) != region:
        return False
    if region in IAM_HOMES.values() and not trail.get("IncludeGlobalServiceEvents", True):
        return False
    name = {"region": region}
    status = aws.read("cloudtrail", "get_trail_status", Name=trail["TrailARN"], **name)
    if not (status and status.get("IsLogging")):
        return False
    selectors = aws.read("cloudtrail", "get_event_selectors", TrailName=trail["TrailARN"], **name)
    return _logs_writes(selectors or {})


def _logs_writes(selectors: Mapping[str, Any]) -> bool:
    """Whether event selectors, basic or advanced, take management events that write.

    Source: CloudTrail API Reference, GetEventSelectors.
    """
    for basic in selectors.get("EventSelectors") or ():
        if basic.get("IncludeManagementEvents") and basic.get("ReadWriteType") != "ReadOnly":
            return True
    for advanced in selectors.get("AdvancedEventSelectors") or ():
        fields = {each["Field"]: each for each in advanced.get("FieldSelectors", ())}
        is_management = fields.get("eventCategory", {}).get("Equals") == ["Management"]
        reads_only = fields.get("readOnly", {}).get("Equals") == ["true"]
        without = fields.get("eventSource", {})
        leaves_ours = without.keys() <= {"Field", "NotEquals"} and _SOURCES.isdisjoint(
            without.get("NotEquals", ())
        )
        others = fields.keys() - {"eventCategory", "readOnly", "eventSource"}
        if is_management and not reads_only and leaves_ours and not others:
            return True
    return False


_SOURCES = {"ssm.amazonaws.com", "iam.amazonaws.com", "events.amazonaws.com", "logs.amazonaws.com"}
"""Whose calls the rules of the audit are about; a trail may leave out others."""
