"""What an account records and tells of its runs: rules of EventBridge, a log, a topic.

These resources have policies of their own. The review takes them in the one form in which nothing
but AWS's own services is let in, and refuses any other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from review.errors import ReviewError
from review.resource_types import KEY, LOG, LOG_POLICY, RULE, TOPIC, TOPIC_POLICY
from review.resources import Resource
from review.statements import Statement, read_policy

_EVENTS = "events.amazonaws.com"
_WRITERS = {("Service", _EVENTS), ("Service", "delivery.logs.amazonaws.com")}
_RULE_PROPERTIES = {"Description", "EventPattern", "Name", "State", "Tags", "Targets"}
_TARGET_PROPERTIES = {"Arn", "Id", "InputTransformer"}
_TOPIC_PROPERTIES = {"DisplayName", "KmsMasterKeyId", "Subscription", "Tags", "TopicName"}


class Channel(StrEnum):
    """Where an event goes."""

    LOG = "log"
    TOPIC = "topic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule that is on: which events of a Region it hands to what."""

    region: str
    pattern: str
    """JSON."""
    channels: tuple[Channel, ...]

    def hears(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule's pattern matches an event."""
        return _matches(json.loads(self.pattern), event)


def read_trail(resources: Iterable[Resource]) -> tuple[Rule, ...]:
    """The rules that are on; ReviewError for a resource of the trail that lets others in, or a rule
    that leads elsewhere."""
    resources, rules = tuple(resources), []
    receiving = {arn: channel for r in resources for arn, channel in _receiving(r)}
    for resource in resources:
        if resource.type == RULE:
            rule = _rule(resource, receiving)
            if resource.get("State", "ENABLED") == "ENABLED":
                rules.append(rule)
        elif resource.type == TOPIC:
            _refuse_unknown(resource, resource.properties, _TOPIC_PROPERTIES)
        elif resource.type == LOG_POLICY:
            document = _parsed(resource, resource.get("PolicyDocument"))
            for statement in _allowing(resource, document):
                actions = {"logs:createlogstream", "logs:putlogevents"}
                _refuse_others(resource, statement, _WRITERS, actions)
        elif resource.type == TOPIC_POLICY:
            for statement in _allowing(resource, resource.get("PolicyDocument")):
                _refuse_others(resource, statement, {("Service", _EVENTS)}, {"sns:publish"})
        elif resource.type == KEY:
            _check_key(resource)
    return tuple(rules)


def read_subscribers(resources: Iterable[Resource]) -> tuple[tuple[str, str], ...]:
    """Who is told by topics: Region and address of each."""
    return tuple(
        (resource.template.place.region, str(subscription["Endpoint"]))
        for resource in resources
        if resource.type == TOPIC
        for subscription in resource.listed("Subscription")
    )


def _receiving(resource: Resource) -> Iterator[tuple[str, Channel]]:
    """The ARN by which a rule names a log group or topic of these templates."""
    if resource.type == LOG:
        yield resource.attribute("Arn").removesuffix(":*"), Channel.LOG
    elif resource.type == TOPIC:
        yield resource.attribute("Ref"), Channel.TOPIC


def _rule(resource: Resource, receiving: Mapping[str, Channel]) -> Rule:
    """A rule whose targets only receive: a log group, a topic of these templates."""
    _refuse_unknown(resource, resource.properties, _RULE_PROPERTIES)
    channels = []
    for target in resource.listed("Targets"):
        _refuse_unknown(resource, target, _TARGET_PROPERTIES)
        channel = receiving.get(str(target["Arn"]))
        if channel is None:
            raise ReviewError(
                f"{resource.where}: the review does not know what a rule does to "
                f"{target['Arn']}; it knows the log groups and topics of these templates "
                f"(review/trail.py)"
            )
        if channel is Channel.LOG and "InputTransformer" in target:
            raise ReviewError(
                f"{resource.where}: the log keeps something else than the event; leave "
                f"InputTransformer out (review/trail.py)"
            )
        channels.append(channel)
    return Rule(
        region=resource.template.place.region,
        pattern=json.dumps(resource.get("EventPattern")),
        channels=tuple(channels),
    )


def _check_key(resource: Resource) -> None:
    """A key is for EventBridge, and for whom the account's own IAM lets."""
    place = resource.template.place
    root = {("AWS", place.iam_arn("root")), ("AWS", place.account)}
    for statement in _allowing(resource, resource.get("KeyPolicy")):
        if set(statement.principals) <= root:
            continue
        encrypting = {"kms:decrypt", "kms:generatedatakey"}
        _refuse_others(resource, statement, {("Service", _EVENTS)}, encrypting)


def _allowing(resource: Resource, document: Any) -> Iterator[Statement]:
    policy = read_policy(resource.where, document, of_a_resource=True)
    return (statement for statement in policy.statements if statement.allows)


def _refuse_others(
    resource: Resource,
    statement: Statement,
    principals: set[tuple[str, str]],
    actions: set[str],
) -> None:
    """Raises ReviewError for a statement that lets in others than these, or to more."""
    named = {action.lower() for action in statement.actions}
    lets_in = set(statement.principals)
    if statement.but_actions or not lets_in <= principals or not lets_in or not named <= actions:
        raise ReviewError(
            f"{resource.where}: statement {statement.sid} lets others in than AWS's services, or "
            f"to more than {', '.join(sorted(actions))}; the review does not judge that "
            f"(review/trail.py)"
        )


def _refuse_unknown(resource: Resource, given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise ReviewError(
            f"{resource.where}: the review does not know what {unknown[0]} of {resource.type} does "
            f"(review/trail.py)"
        )


def _parsed(resource: Resource, text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        raise ReviewError(f"{resource.where}: its policy is no JSON text") from None


def _matches(pattern: Any, event: Any) -> bool:
    """Whether an event has everything that a pattern asks for; a form of matching that the review
    does not know matches nothing."""
    if isinstance(pattern, Mapping):
        return isinstance(event, Mapping) and all(
            _matches(wanted, event[key]) if key in event else wanted == _ABSENT
            for key, wanted in pattern.items()
        )
    return any(_matches_one(wanted, event) for wanted in pattern)


_ABSENT = [{"exists": False}]


def _matches_one(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return (
            wanted.keys() == {"suffix"}
            and isinstance(value, str)
            and value.endswith(str(wanted["suffix"]))
        )
    return bool(wanted == value)
