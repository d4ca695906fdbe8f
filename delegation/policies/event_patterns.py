"""The events of EventBridge that a deployment's trail consists of, as rules' patterns.

A pattern holds at most 2,048 characters, so that many runbooks take several rules.
Source: EventBridge User Guide, Amazon EventBridge quotas and Event patterns.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from delegation.deployment.deployment import Deployment
from delegation.policies import made
from delegation.policies.quotas import resolved_length
from delegation.policies.schedules import group_name, queue_name
from delegation.policies.statements import substituted

Pattern = dict[str, Any]

PATTERN_CHARACTERS = 2048

_AUTOMATION = "aws.ssm"
_EXECUTION = "EC2 Automation Execution Status-change Notification"
_STEP = "EC2 Automation Step Status-change Notification"
_CALL = "AWS API Call via CloudTrail"
_ALARM = "CloudWatch Alarm State Change"
_BAD_ENDS = (
    *("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected", "CompletedWithFailure"),
    "ChangeCalendarOverrideRejected",
)
"""Of an execution that did not do what it was started for. The API writes Cancelled, the events'
page Canceled. Source: Systems Manager User Guide, EventBridge events."""


def run_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Every event of this deployment's runs, of executions and of their steps."""
    return _portioned(
        deployment.documents,
        lambda runbooks: {
            "source": [_AUTOMATION],
            "detail-type": [_EXECUTION, _STEP],
            "detail": {"Definition": runbooks},
        },
    )


def bad_end_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Runs that failed, timed out, were rejected or cancelled."""
    return _portioned(
        deployment.documents,
        lambda runbooks: {
            "source": [_AUTOMATION],
            "detail-type": [_EXECUTION],
            "detail": {"Definition": runbooks, "Status": list(_BAD_ENDS)},
        },
    )


def document_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Calls that change a runbook's document, its default version, whom it is shared with, its
    resource policy, or its tags, which name its role.

    A call names the document by its name or its ARN. Reading calls are on no event bus.
    """
    for parameter in ("name", "resourceId", "resourceArn"):
        yield from _portioned(deployment.documents, partial(_calls_of_ssm, parameter))


def _calls_of_ssm(parameter: str, runbooks: list[str]) -> Pattern:
    arns = ({"suffix": f":document/{runbook}"} for runbook in runbooks)
    return _calls("ssm", {parameter: [*runbooks, *arns]})


def access_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Calls that change a role of the deployment (its trust, policies, boundary), one of its
    policies, or who is in its groups and what its users hold."""
    naming, policies = deployment.naming, [*made.policies(deployment)]
    for parameter, values in (
        ("roleName", map(naming.named, made.roles(deployment))),
        ("policyArn", map(naming.policy_arn, policies)),
        ("policyName", map(naming.named, policies)),
        ("groupName", map(naming.named, made.groups(deployment))),
        ("userName", made.users(deployment)),
    ):
        yield from _portioned(values, partial(_calls_of_iam, parameter))


def schedule_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Calls that change a schedule of the deployment, or their group (the parameters of the calls
    are inferred: no page shows one of these events)."""
    if deployment.schedules:
        for parameter in ("groupName", "name"):
            yield _calls("scheduler", {parameter: [group_name(deployment)]})


def lock_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Calls that take or release the lock of a fleet: by its own role, or by somebody else."""
    locks = [
        fleet.lock_name
        for role in deployment.service_roles
        for fleet in role.fleets
        if fleet.one_at_a_time
    ]
    for parameter in ("name", "names"):
        yield from _portioned(locks, partial(_calls_of_parameters, parameter))


def _calls_of_parameters(parameter: str, names: list[str]) -> Pattern:
    return _calls("ssm", {parameter: names})


def not_started_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """That the alarm on the queue of what was not started goes off.

    Source: CloudWatch User Guide, Alarm events and EventBridge.
    """
    if deployment.schedules:
        yield {
            "source": ["aws.cloudwatch"],
            "detail-type": [_ALARM],
            "detail": {"alarmName": [queue_name(deployment)], "state": {"value": ["ALARM"]}},
        }


def _calls_of_iam(parameter: str, values: list[str]) -> Pattern:
    return _calls("iam", {parameter: [substituted(value) for value in values]})


def _calls(service: str, parameters: dict[str, list[Any]]) -> Pattern:
    """Calls that AWS did not refuse."""
    return {
        "source": [f"aws.{service}"],
        "detail-type": [_CALL],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com"],
            "errorCode": [{"exists": False}],
            "requestParameters": parameters,
        },
    }


def _portioned(values: Iterable[str], pattern: Callable[[list[str]], Pattern]) -> Iterator[Pattern]:
    """The pattern for as many values at a time as it has room for."""
    some: list[str] = []
    for value in values:
        if some and _length(pattern([*some, value])) > PATTERN_CHARACTERS:
            yield pattern(some)
            some = []
        some.append(value)
    if some:
        yield pattern(some)


def _length(pattern: Mapping[str, Any]) -> int:
    """A pattern's characters, with placeholders at their longest."""
    text = json.dumps(pattern, separators=(",", ":"))
    return resolved_length(text) - text.count('{"Fn::Sub":') * len('{"Fn::Sub":}')
