"""Whether what a rule sends arrives: the policies of the log, the topic and its key.

A policy of theirs has exactly the allows that EventBridge needs. Source: EventBridge User Guide,
Using resource-based policies; SNS Developer Guide, Key management.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from review.errors import ReviewError
from review.iam.patterns import covers, surely_covers
from review.iam.statements import Statement, read_policy
from review.templates.files import parse_json
from review.templates.resource_types import KEY, LOG, LOG_POLICY, TOPIC, TOPIC_POLICY
from review.templates.resources import Resource

_EVENTS = ("Service", "events.amazonaws.com")
_LOG_WRITERS = (_EVENTS, ("Service", "delivery.logs.amazonaws.com"))
_OPEN_STREAM, _WRITE, _PUBLISH = "logs:CreateLogStream", "logs:PutLogEvents", "sns:Publish"
_ENCRYPT = ("kms:Decrypt", "kms:GenerateDataKey")
_WITHOUT_TLS = (("Bool", "aws:SecureTransport", ("false",)),)
"""The condition of a Deny that does not affect AWS's services: they publish over TLS."""
_COLONS = 5
"""Of an ARN, whose parts IAM compares one by one."""
_KEY_AS_EXPECTED = {
    "Enabled": True,
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "Origin": "AWS_KMS",
    "MultiRegion": False,
}
"""Source: AWS CloudFormation Template Reference, AWS::KMS::Key, defaults."""


class Receivers:
    """The log groups and topics of templates, and who may send to them.

    Raises ReviewError for a policy of theirs that lets in anybody else, or denies what is sent.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_arn: dict[tuple[str, str], Resource] = {}
        self._keys: dict[str, Resource] = {}
        self._allows: dict[str, list[Statement]] = {}
        """What the policies allow, by Region for logs, else by the ARN of topic or key."""
        for resource in resources:
            if resource.type == LOG:
                arn = resource.attribute("Arn").removesuffix(":*")
                self._by_arn[arn, resource.region] = resource
            elif resource.type == TOPIC:
                self._by_arn[resource.attribute("Ref"), resource.region] = resource
            elif resource.type == KEY:
                self._keys[resource.attribute("Arn")] = resource
                self._allows[resource.attribute("Arn")] = list(_of_key(resource))
        for resource in resources:
            if resource.type == LOG_POLICY:
                allows = self._allows.setdefault(resource.region, [])
                allows += _of_logs(resource, self._streams(resource.region))
            elif resource.type == TOPIC_POLICY:
                self._read_topic_policy(resource)

    def of(self, arn: str, region: str) -> Resource | None:
        """The log group or topic of an ARN, in a rule's own Region."""
        return self._by_arn.get((arn, region))

    def is_encrypted(self, topic: Resource) -> bool:
        """Whether a key of these templates encrypts what a topic holds."""
        return topic.get("KmsMasterKeyId") in self._keys

    def problems(self, receiver: Resource, rule: Resource) -> Iterator[str]:
        """Why what a rule sends does not arrive; nothing where it does."""
        if receiver.type == LOG:
            yield from self._of_log(receiver, rule)
        else:
            yield from self._of_topic(receiver)

    def _of_log(self, log: Resource, rule: Resource) -> Iterator[str]:
        kind = log.get("LogGroupClass", "STANDARD")
        if kind != "STANDARD":
            yield f"{log.where} is of class {kind}, not STANDARD"
        environment = rule.template.environment
        where = f"{environment.region}:{environment.account}"
        source = f"arn:{environment.partition}:events:{where}:rule/{rule.name}"
        streams = log.attribute("Arn")
        # Opening a stream is requested without the rule's ARN.
        for action, of in ((_OPEN_STREAM, ""), (_WRITE, source)):
            for writer in _LOG_WRITERS:
                if not any(
                    _names(statement, action, writer, streams) and _is_from(statement, of)
                    for statement in self._allows.get(log.region, ())
                ):
                    yield f"{log.where}: {writer[1]} may not {action} for {rule.logical_id}"

    def _of_topic(self, topic: Resource) -> Iterator[str]:
        arn = topic.attribute("Ref")
        allows = self._allows.get(arn, ())
        if not any(_names(s, _PUBLISH, _EVENTS, arn) and not s.conditions for s in allows):
            yield f"{topic.where}: {_EVENTS[1]} may not {_PUBLISH}"
        named = topic.get("KmsMasterKeyId")
        if named is None:
            return
        key = self._keys.get(named)
        if key is None or key.region != topic.region:
            yield f"{topic.where} is encrypted with {named}, which is not a key of these templates"
            return
        for name, expected in _KEY_AS_EXPECTED.items():
            if (value := key.get(name, expected)) != expected:
                yield f"{key.where}: {name} is {value}, not {expected}"
        for action in _ENCRYPT:
            if not any(
                _names(s, action, _EVENTS, "*") and not s.conditions for s in self._allows[named]
            ):
                yield f"{key.where}: {_EVENTS[1]} may not {action}"

    def _read_topic_policy(self, resource: Resource) -> None:
        topics = resource.listed("Topics")
        for topic in topics:
            if topic in self._allows:
                raise ReviewError(f"{resource.where}: a second policy of {topic}, the last counts")
            self._allows[topic] = list(_of_topic(resource, topic))

    def _streams(self, region: str) -> list[str]:
        logs = [r for (_, where), r in self._by_arn.items() if where == region and r.type == LOG]
        return [log.attribute("Arn") for log in logs]


def _of_logs(resource: Resource, streams: list[str]) -> Iterator[Statement]:
    for statement in _statements(resource, parse_json(resource.where, _text_of(resource))):
        others = {"logs:createlogstream", "logs:putlogevents"}
        _refuse_others(resource, statement, _LOG_WRITERS, others, streams)
        yield statement


def _text_of(resource: Resource) -> str:
    text = resource.get("PolicyDocument")
    if not isinstance(text, str):
        raise ReviewError(f"{resource.where}: its policy is not JSON text")
    return text


def _of_topic(resource: Resource, topic: str) -> Iterator[Statement]:
    for statement in _statements(resource, resource.get("PolicyDocument")):
        if statement.allows:
            _refuse_others(resource, statement, (_EVENTS,), {"sns:publish"}, [topic])
            yield statement


def _of_key(resource: Resource) -> Iterator[Statement]:
    """A key is for EventBridge, and for whom the account's own IAM lets."""
    environment = resource.template.environment
    root = {("AWS", environment.iam_arn("root")), ("AWS", environment.account)}
    for statement in _statements(resource, resource.get("KeyPolicy")):
        if not set(statement.principals) <= root:
            encrypting = {action.lower() for action in _ENCRYPT}
            _refuse_others(resource, statement, (_EVENTS,), encrypting, ["*"])
        yield statement


def _statements(resource: Resource, document: Any) -> Iterator[Statement]:
    """The statements of a resource's policy; ReviewError for a Deny that stops AWS's services."""
    for statement in read_policy(resource.where, document, of_a_resource=True).statements:
        if not statement.allows and statement.conditions != _WITHOUT_TLS:
            raise ReviewError(
                f"{resource.where}: statement {statement.sid} denies something to AWS's services; "
                f"the review does not evaluate that (review/audit/delivery.py)"
            )
        if statement.allows:
            yield statement


def _refuse_others(
    resource: Resource,
    statement: Statement,
    principals: Iterable[tuple[str, str]],
    actions: set[str],
    resources: list[str],
) -> None:
    """Raises ReviewError for a statement that lets in others than these, to more, or to others."""
    named = {action.lower() for action in statement.actions}
    lets_in = set(statement.principals)
    if (
        statement.but_actions
        or statement.but_resources
        or not named <= actions
        or not lets_in
        or not lets_in <= set(principals)
        or not set(statement.resources) <= set(resources)
    ):
        raise ReviewError(
            f"{resource.where}: statement {statement.sid} lets others in than AWS's services, to "
            f"more than {', '.join(sorted(actions))}, or to more than {', '.join(resources)}; the "
            f"review does not evaluate that (review/audit/delivery.py)"
        )


def _names(statement: Statement, action: str, principal: tuple[str, str], resource: str) -> bool:
    return (
        statement.speaks_of(action)
        and principal in statement.principals
        and any(covers(each, resource) for each in statement.resources)
    )


def _is_from(statement: Statement, source: str) -> bool:
    """Whether a statement's conditions let in a request of a rule; of none where that is empty."""
    return all(
        operator in ("ArnLike", "ArnEquals")
        and key.lower() == "aws:sourcearn"
        and any(value.count(":") >= _COLONS and surely_covers(value, source) for value in values)
        for operator, key, values in statement.conditions
    )
