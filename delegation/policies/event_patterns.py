"""The events of EventBridge that a deployment's trail consists of, as rules' patterns.

A pattern holds at most 2,048 characters, so that many runbooks take several rules.
Source: EventBridge User Guide, Amazon EventBridge quotas and Event patterns.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.people import iam_users
from delegation.policies.operators import operator_groups, operator_policies
from delegation.policies.quotas import resolved_length
from delegation.policies.statements import substituted

Pattern = dict[str, Any]

PATTERN_CHARACTERS = 2048

_AUTOMATION = "aws.ssm"
_EXECUTION = "EC2 Automation Execution Status-change Notification"
_STEP = "EC2 Automation Step Status-change Notification"
_CALL = "AWS API Call via CloudTrail"
_BAD_ENDS = (
    *("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected", "CompletedWithFailure"),
    "ChangeCalendarOverrideRejected",
)
"""Of an execution that did not do what it was started for. The API writes Cancelled, the events'
page Canceled. Source: Systems Manager User Guide, EventBridge events."""


def run_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Every event of this deployment's runs, of executions and of their steps."""
    return _portioned(
        deployment.runbooks,
        lambda runbooks: {
            "source": [_AUTOMATION],
            "detail-type": [_EXECUTION, _STEP],
            "detail": {"Definition": runbooks},
        },
    )


def bad_end_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Runs that failed, timed out, were rejected or cancelled."""
    return _portioned(
        deployment.runbooks,
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
        yield from _portioned(deployment.runbooks, partial(_calls_of_ssm, parameter))


def _calls_of_ssm(parameter: str, runbooks: list[str]) -> Pattern:
    arns = ({"suffix": f":document/{runbook}"} for runbook in runbooks)
    return _calls("ssm", {parameter: [*runbooks, *arns]})


def access_patterns(deployment: Deployment) -> Iterator[Pattern]:
    """Calls that change a role of the deployment (its trust, policies, boundary), one of its
    policies, or who is in its groups and what its users hold."""
    naming, policies = deployment.naming, [*_policies(deployment)]
    for parameter, values in (
        ("roleName", map(naming.named, _roles(deployment))),
        ("policyArn", map(naming.policy_arn, policies)),
        ("policyName", map(naming.named, policies)),
        ("groupName", map(naming.named, _groups(deployment))),
        ("userName", _users(deployment)),
    ):
        yield from _portioned(values, partial(_calls_of_iam, parameter))


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


def _policies(deployment: Deployment) -> Iterator[str]:
    """The names of the policies that the deployment makes, and of those that there may be, without
    their prefix."""
    yield from (names.OPERATOR_PASSWORD_POLICY, names.OPERATOR_DENY_POLICY)
    if deployment.has_own_mfa:
        yield from (names.OWN_MFA_POLICY, names.REQUIRE_MFA_POLICY)
    if deployment.cli_users:
        yield names.CLI_SIGN_IN_POLICY
    for team in deployment.teams:
        policy = names.of_team(names.OPERATOR_POLICY, team.name)
        for number in range(1, len(operator_policies(deployment, team)) + 1):
            yield names.part(policy, number)
        if team.approvers:
            yield names.of_team(names.APPROVER_POLICY, team.name)
    if deployment.auditors:
        yield names.AUDITOR_POLICY
    for role in deployment.service_roles:
        yield names.boundary(role.name)
        yield names.own_policy(role.name)
    if deployment.has_author_roles:
        yield from map(names.role_policy, names.AUTHOR_ROLES)
    if deployment.pipeline:
        yield from map(names.role_policy, names.PIPELINE_ROLES)


def _roles(deployment: Deployment) -> Iterator[str]:
    """The names of the roles that the deployment makes, without their prefix."""
    yield from (role.name for role in deployment.service_roles)
    if deployment.has_author_roles:
        yield from names.AUTHOR_ROLES
    if deployment.pipeline:
        yield from names.PIPELINE_ROLES


def _users(deployment: Deployment) -> tuple[str, ...]:
    """The names of the users that the deployment makes."""
    return iam_users((*deployment.operators, *deployment.approvers, *deployment.auditors))


def _groups(deployment: Deployment) -> Iterator[str]:
    """The names of the groups that may exist, without their prefix."""
    if deployment.cli_users:
        yield names.CLI_GROUP
    for team in deployment.teams:
        yield from (group for group, _ in operator_groups(deployment, team))
        if team.approvers:
            yield names.of_team(names.APPROVER_GROUP, team.name)
    if deployment.auditors:
        yield names.AUDITOR_GROUP


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
