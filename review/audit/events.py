"""Events as AWS puts them on an event bus, complete, and the patterns that match them.

Every sample comes three times, with everything different that does not say what happened to what: a
pattern that asks for one caller, time or address does not match all.
Source: Systems Manager User Guide, Amazon EventBridge event examples; AWS CloudTrail User Guide,
CloudTrail record contents; EventBridge User Guide, Amazon EventBridge event patterns.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from review.templates.intrinsics import Environment

Event = dict[str, Any]

EXECUTION = "EC2 Automation Execution Status-change Notification"
ALARM = "CloudWatch Alarm State Change"
STEP = "EC2 Automation Step Status-change Notification"
_CALL = "AWS API Call via CloudTrail"
_MAY_BE_ABSENT = "errorCode"
"""The only member that a pattern may ask to be absent: of a call that AWS did not refuse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Variant:
    """What differs between two events of the same thing."""

    id: str
    execution: str
    time: str
    clock: str
    version: float
    step: str
    identity: str
    address: str


_VARIANTS = (
    _Variant(
        id="2d4eecc5-b6c8-4d3e-9c1f-0a1b2c3d4e5f",
        execution="4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f",
        time="2026-01-05T03:14:15Z",
        clock="Jan 5, 2026 3:14:15 AM",
        version=1.0,
        step="first",
        identity="user/one",
        address="192.0.2.1",
    ),
    _Variant(
        id="9b7f3f1e-58a0-4c53-8f0d-f5e4d3c2b1a0",
        execution="0cd9d4a3-1f47-4b7a-8d2e-f5e4d3c2b1a0",
        time="2027-11-28T21:42:43Z",
        clock="Nov 28, 2027 9:42:43 PM",
        version=12.0,
        step="second",
        identity="assumed-role/two/session",
        address="cloudformation.amazonaws.com",
    ),
    _Variant(
        id="5e0d1c2b-3a49-4876-b5c4-d3e2f1a0b9c8",
        execution="7f6e5d4c-3b2a-4198-8765-4321fedcba98",
        time="2028-06-17T12:00:01Z",
        clock="Jun 17, 2028 12:00:01 PM",
        version=345.0,
        step="third",
        identity="root",
        address="198.51.100.3",
    ),
)
_KINDS = {"user": "IAMUser", "assumed-role": "AssumedRole", "root": "Root"}
_EVENT_VERSIONS = {"user": "1.08", "assumed-role": "1.11", "root": "1.12"}


def execution_events(
    environment: Environment, kind: str, runbook: str, status: str
) -> Iterator[Event]:
    """That an execution, or a step of one, has ended."""
    for variant in _VARIANTS:
        detail = {
            "ExecutionId": variant.execution,
            "Definition": runbook,
            "DefinitionVersion": variant.version,
            "Status": status,
            "StartTime": variant.clock,
            "EndTime": variant.clock,
            "Time": variant.version * 1000,
        }
        if kind == EXECUTION:
            detail["ExecutedBy"] = _caller(environment, variant)
        else:
            detail |= {"StepName": variant.step, "Action": f"aws:{variant.step}"}
        resources = (
            environment.ssm_arn(f"automation-execution/{variant.execution}"),
            environment.ssm_arn(f"automation-definition/{runbook}:{int(variant.version)}"),
        )
        yield _event(environment, variant, "ssm", kind, detail, resources)


def call_events(
    environment: Environment, service: str, call: str, parameters: Mapping[str, Any]
) -> Iterator[Event]:
    """That somebody called an API, and AWS did not refuse it."""
    for variant in _VARIANTS:
        kind = variant.identity.split("/")[0]
        detail = {
            "eventVersion": _EVENT_VERSIONS[kind],
            "userIdentity": {
                "type": _KINDS[kind],
                "principalId": f"AIDA{variant.step.upper()}",
                "arn": _caller(environment, variant),
                "accountId": environment.account,
                "accessKeyId": f"ASIA{variant.step.upper()}",
            },
            "eventTime": variant.time,
            "eventSource": f"{service}.amazonaws.com",
            "eventName": call,
            "awsRegion": environment.region,
            "sourceIPAddress": variant.address,
            "userAgent": variant.address,
            "requestParameters": {**parameters, f"of{variant.step}": variant.id},
            "responseElements": {variant.step: variant.id},
            "requestID": variant.execution,
            "eventID": variant.id,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": environment.account,
            "eventCategory": "Management",
        }
        yield _event(environment, variant, service, _CALL, detail, ())


def alarm_events(environment: Environment, alarm: str) -> Iterator[Event]:
    """That an alarm goes off. Source: CloudWatch User Guide, Alarm events and EventBridge."""
    for variant in _VARIANTS:
        detail = {
            "alarmName": alarm,
            "state": {
                "value": "ALARM",
                "reason": variant.step,
                "timestamp": variant.time,
            },
            "previousState": {"value": "OK", "timestamp": variant.time},
            "configuration": {"description": variant.id},
        }
        where = f"{environment.region}:{environment.account}"
        arn = f"arn:{environment.partition}:cloudwatch:{where}:alarm:{alarm}"
        yield _event(environment, variant, "cloudwatch", ALARM, detail, (arn,))


def _event(
    environment: Environment,
    variant: _Variant,
    service: str,
    kind: str,
    detail: Event,
    resources: Iterable[str],
) -> Event:
    return {
        "version": "0",
        "id": variant.id,
        "detail-type": kind,
        "source": f"aws.{service}",
        "account": environment.account,
        "time": variant.time,
        "region": environment.region,
        "resources": list(resources),
        "detail": detail,
    }


def _caller(environment: Environment, variant: _Variant) -> str:
    service = "sts" if variant.identity.startswith("assumed-role/") else "iam"
    return f"arn:{environment.partition}:{service}::{environment.account}:{variant.identity}"


_SAYING_WHAT = {
    *("source", "account", "region", "detail-type", "detail"),
    *("Definition", "Status", "alarmName", "state"),
    *("eventSource", "eventName", "errorCode", "requestParameters"),
}
"""The members by which an event says what happened to what. The others have more values than any
sample of them, so that a pattern that asks for one may miss an event."""


def sends(pattern: Any, event: Event) -> bool:
    """Whether an event has everything that a rule's pattern asks for, all of which says what
    happened to what; a form of matching that the review does not know matches nothing."""
    detail = pattern.get("detail") if isinstance(pattern, dict) else None
    asked = {*(pattern or ()), *(detail if isinstance(detail, dict) else ())}
    return asked <= _SAYING_WHAT and _matches(pattern, event)


def _matches(pattern: Any, event: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(
            _matches(wanted, event[key])
            if key in event
            else key == _MAY_BE_ABSENT and wanted == [{"exists": False}]
            for key, wanted in pattern.items()
        )
    values = event if isinstance(event, list) else [event]
    return isinstance(pattern, list) and any(_is(w, v) for w in pattern for v in values)


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        return (
            wanted.keys() == {"suffix"}
            and isinstance(value, str)
            and value.endswith(str(wanted["suffix"]))
        )
    return type(wanted) is type(value) and bool(wanted == value)
