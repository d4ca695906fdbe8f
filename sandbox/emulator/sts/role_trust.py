"""Trust policies as AWS judges them: a principal of the account that is named needs no more.

The emulator asks for ``sts:AssumeRole`` of the caller's own policies as well; AWS does so only
where the trust policy names the account. And it takes any service principal for its own root.
Source: STS API Reference, AssumeRole.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.iam_evaluator import EvalContext, caller_arn, evaluate_trust_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import Check

_ACTION = "sts:AssumeRole"


def assume_role_checks(call: Call) -> list[Check]:
    """For a caller whom the role's trust names, only an explicit Deny of their own policies counts;
    the trust itself is the emulator's to judge."""
    if call.operation != "AssumeRole":
        return []
    role_arn = call.form.get("RoleArn", [""])[0]
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != role_arn:
        return []
    caller = _caller()
    if caller.split(":")[4] != role_arn.split(":")[4] or caller not in _named(role):
        return []
    return [Check(action=_ACTION, resource=role_arn, only_explicit=True)]


def _caller() -> str:
    """The ARN of the calling user, or of the role behind a session."""
    caller: str = caller_arn()
    if ":assumed-role/" not in caller:
        return caller
    role = iam._roles.get(caller.split("/")[1])
    return str(role["Arn"]) if role else caller


def _named(role: Mapping[str, Any]) -> set[str]:
    """The ARNs that a role's trust allows by name."""
    named: set[str] = set()
    for statement in _statements(role):
        principal = statement.get("Principal")
        if statement.get("Effect") != "Allow" or not isinstance(principal, dict):
            continue
        if _ACTION in _listed(statement.get("Action", [])):
            named |= set(_listed(principal.get("AWS", [])))
    return named


def trusts_service(role: Mapping[str, Any], service: str, keys: Mapping[str, str]) -> bool:
    """Whether a role's trust lets an AWS service in, for these condition keys of the request."""
    for_service = [
        {**statement, "Principal": "*"}
        for statement in _statements(role)
        if _names_service(statement.get("Principal"), service)
    ]
    context = EvalContext(
        principal_arn=service,
        principal_type="AWSService",
        principal_account=get_account_id(),
        action=_ACTION,
        resource_arn=role["Arn"],
        region=get_region(),
        service_context={key.lower(): value for key, value in keys.items()},
    )
    return bool(evaluate_trust_policy({"Statement": for_service}, service, context))


def _statements(role: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    policy = role["AssumeRolePolicyDocument"]
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document["Statement"]
    yield from [statements] if isinstance(statements, dict) else statements


def _names_service(principal: Any, service: str) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    return service in _listed(principal.get("Service", []))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
