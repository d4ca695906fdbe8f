"""What an account records and reports of its executions: rules of EventBridge, a log, a topic.

These resources have policies of their own. The review takes them in the one form in which nothing
but AWS's own services is let in, and refuses any other.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from review.audit.delivery import Receivers
from review.audit.events import Event, sends
from review.errors import ReviewError
from review.templates.resource_types import LOG, RULE, TOPIC
from review.templates.resources import Resource

_TARGET_PROPERTIES = {"Arn", "Id", "InputTransformer"}
_TRANSFORMER_PROPERTIES = {"InputPathsMap", "InputTemplate"}
_PLACEHOLDER = re.compile(r"<([\w.-]+)>")


class Channel(StrEnum):
    """Where an event goes."""

    LOG = "log"
    TOPIC = "topic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a rule sends what it matches."""

    channel: Channel
    receiver: str
    """The log group's or topic's ARN."""
    paths: tuple[tuple[str, str], ...] = ()
    """Names and where in an event their values stand, for a message of its own."""
    template: str = ""
    """The message; empty where the event itself is sent."""

    def message(self, event: Event) -> str:
        """What is sent of an event; empty where EventBridge would send nothing that can be read."""
        if not self.template:
            return json.dumps(event)
        values = {name: _at(event, path) for name, path in self.paths}
        text = _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), self.template)
        try:
            return str(json.loads(text))
        except ValueError:
            return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule that is on: which events of a Region it sends where."""

    name: str
    region: str
    pattern: str
    """JSON."""
    targets: tuple[Target, ...]
    """Those that receive what is sent."""
    condition: str = ""
    """A condition that holds in some Regions only, where nothing fixes the Region."""

    def sends(self, event: Event, channel: Channel, *facts: str) -> bool:
        """Whether what goes to a channel of an event shows these facts of it."""
        if not sends(_parsed(self.pattern), event):
            return False
        return any(
            all(fact in target.message(event) and fact not in target.template for fact in facts)
            for target in self.targets
            if target.channel is channel
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """What is recorded and reported."""

    rules: tuple[Rule, ...] = ()
    undelivered: tuple[str, ...] = ()
    """Why a target does not receive what a rule sends, one sentence each."""
    subscribers: tuple[tuple[str, str], ...] = ()
    """Who is notified: a topic with its Region, address and protocol of each."""
    kept: tuple[tuple[str, int], ...] = ()
    """For how many days a log keeps its events: Region and name, days; 0 for ever."""
    encrypted: tuple[tuple[str, str], ...] = ()
    """The topics that a key of these templates encrypts: Region and name of each."""


def read_recording(resources: Iterable[Resource]) -> Recording:
    """What is recorded; ReviewError for a resource of it that lets others in, or a rule that leads
    elsewhere."""
    resources = tuple(resources)
    receivers = Receivers(resources)
    rules = []
    undelivered: list[str] = []
    for resource in resources:
        if resource.type == RULE:
            rule, problems = _rule(resource, receivers)
            if resource.get("State", "ENABLED") == "ENABLED":
                rules.append(rule)
                undelivered += problems
    return Recording(
        rules=tuple(rules),
        undelivered=tuple(dict.fromkeys(undelivered)),
        subscribers=tuple(
            (
                f"{resource.logical_id} in {resource.region}",
                f"{subscription['Endpoint']} ({subscription['Protocol']})",
            )
            for resource in resources
            if resource.type == TOPIC
            for subscription in resource.listed("Subscription")
            if _is_plain(resource, subscription, {"Endpoint", "Protocol"})
        ),
        kept=tuple(
            (f"{resource.name} in {resource.region}", _days(resource))
            for resource in resources
            if resource.type == LOG
        ),
        encrypted=tuple(
            (resource.region, resource.logical_id)
            for resource in resources
            if resource.type == TOPIC and receivers.is_encrypted(resource)
        ),
    )


def _days(log: Resource) -> int:
    days = log.get("RetentionInDays", 0)
    if isinstance(days, bool) or not isinstance(days, int):
        raise ReviewError(f"{log.where}: RetentionInDays is {days!r}, not a number of days")
    return days


def _rule(resource: Resource, receivers: Receivers) -> tuple[Rule, list[str]]:
    """A rule whose targets only receive, with why some of them do not."""
    targets, problems = [], []
    ids = [given.get("Id") for given in resource.listed("Targets")]
    if len(set(map(str, ids))) < len(ids):
        raise ReviewError(f"{resource.where}: two targets have one Id, the last counts")
    for given in resource.listed("Targets"):
        _is_plain(resource, given, _TARGET_PROPERTIES)
        arn = str(given["Arn"])
        receiver = receivers.of(arn, resource.region)
        if receiver is None:
            raise ReviewError(
                f"{resource.where}: the review does not know what a rule does to {arn}; it knows "
                f"the log groups and topics of these templates in the same Region "
                f"(review/audit/recording.py)"
            )
        channel = Channel.LOG if receiver.type == LOG else Channel.TOPIC
        if channel is Channel.LOG and "InputTransformer" in given:
            raise ReviewError(
                f"{resource.where}: the log keeps something else than the event; leave "
                f"InputTransformer out (review/audit/recording.py)"
            )
        found = list(receivers.problems(receiver, resource))
        problems += found
        if not found:
            targets.append(_target(resource, channel, arn, given.get("InputTransformer")))
    rule = Rule(
        name=resource.logical_id,
        region=resource.region,
        pattern=json.dumps(resource.get("EventPattern")),
        targets=tuple(targets),
        condition=resource.condition,
    )
    return rule, problems


def _target(resource: Resource, channel: Channel, arn: str, transformer: Any) -> Target:
    if transformer is None:
        return Target(channel=channel, receiver=arn)
    _is_plain(resource, transformer, _TRANSFORMER_PROPERTIES)
    paths, template = transformer.get("InputPathsMap", {}), transformer["InputTemplate"]
    if not all(isinstance(text, str) for text in (*paths.values(), template)):
        raise ReviewError(f"{resource.where}: InputTransformer has something else than strings")
    return Target(
        channel=channel, receiver=arn, paths=tuple(sorted(paths.items())), template=template
    )


def _is_plain(resource: Resource, given: Mapping[str, Any], known: set[str]) -> bool:
    """True; raises ReviewError for a member that the review does not know."""
    if unknown := sorted(given.keys() - known):
        raise ReviewError(
            f"{resource.where}: the review does not know what {unknown[0]} of {resource.type} does "
            f"(review/audit/recording.py)"
        )
    return True


@cache
def _parsed(pattern: str) -> Any:
    return json.loads(pattern)


def _at(event: Any, path: str) -> str:
    """The value at a path like ``$.detail.eventName``; empty where the event has none."""
    for key in _keys(path):
        event = event.get(key) if isinstance(event, Mapping) else None
    return "" if event is None else str(event)


def _keys(path: str) -> Iterator[str]:
    root, *keys = path.split(".")
    yield from keys if root == "$" else [""]
