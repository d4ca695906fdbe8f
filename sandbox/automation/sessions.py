"""The session that an execution runs with: the document's role, really assumed, or the caller's."""

import json
import re
import time
from typing import Any

from ministack.core.iam_evaluator import (
    CredentialResolutionError,
    EvalContext,
    evaluate_trust_policy,
    resolve_credential,
)
from ministack.services import iam, sts

from sandbox.automation.clients import Credentials, mark_as_automation
from sandbox.emulator import cloudtrail
from sandbox.emulator.authorization import arn
from sandbox.emulator.call import Call
from sandbox.ssm_api.errors import ApiError

SERVICE = "ssm.amazonaws.com"
SESSION_SECONDS = 12 * 60 * 60
"""AWS renews the role's session while an execution runs; the sandbox gives one that is long."""

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]{1,64})")


def invalid_parameters(message: str) -> ApiError:
    """The error of a start whose parameters or role SSM refuses."""
    return ApiError("InvalidAutomationExecutionParametersException", message)


def account_and_name(role: str) -> tuple[str, str]:
    """What a role ARN names; raises ApiError for a text that is none."""
    match = _ROLE_ARN.fullmatch(role)
    if match is None:
        raise invalid_parameters(f"The format of the supplied assume role ARN is invalid: {role}")
    return match[1], match[2]


def assume(role: str, execution_id: str, call: Call) -> Credentials:
    """A session of the role, named as the execution, if its trust policy lets Automation in.

    The trust policy is judged for ``ssm.amazonaws.com`` with ``aws:SourceArn`` and
    ``aws:SourceAccount`` of the execution. Raises ApiError where it refuses or no such role is.
    """
    account, name = account_and_name(role)
    record = iam._roles.get_scoped(account, None, name)
    if (
        record is None
        or record["Arn"] != role
        or not _trusts_automation(record, execution_id, call)
    ):
        raise invalid_parameters("The defined assume role is unable to be assumed.")
    cloudtrail.record_service_assumption(role, execution_id, call.region, call.account)
    return _register(
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{execution_id}",
            "UserId": f"{record['RoleId']}:{execution_id}",
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        }
    )


def of_caller(call: Call) -> Credentials:
    """A session with the rights of whoever starts an execution without a role."""
    caller = resolve_credential(call.access_key, call.account)
    if isinstance(caller, CredentialResolutionError):  # the request was authenticated before
        raise ApiError("AccessDeniedException", caller.message)
    if caller.principal_type == "Root":
        return Credentials(
            access_key=caller.access_key_id,
            secret_key=caller.secret_access_key,
            session_token=caller.session_token,
        )
    return _register(
        {
            "Arn": caller.principal_arn,
            "UserId": caller.principal_id,
            "AccountId": caller.account_id,
            "PrincipalType": caller.principal_type,
            "PrincipalName": caller.principal_name,
            "SessionTags": (sts._sessions.get(call.access_key) or {}).get("SessionTags"),
            "SessionPolicies": (sts._sessions.get(call.access_key) or {}).get("SessionPolicies"),
        }
    )


def _trusts_automation(role: dict[str, Any], execution_id: str, call: Call) -> bool:
    """Whether the trust policy lets the service in for this execution.

    The emulator's evaluator takes any service principal for its own root, so statements that name
    another service are taken out first.
    """
    policy = role["AssumeRolePolicyDocument"]
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document["Statement"]
    for_service = [
        {**statement, "Principal": "*"}
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if _names_service(statement.get("Principal"))
    ]
    context = EvalContext(
        principal_arn=SERVICE,
        principal_type="AWSService",
        principal_account=call.account,
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region=call.region,
        service_context={
            "aws:sourcearn": arn("ssm", f"automation-execution/{execution_id}"),
            "aws:sourceaccount": call.account,
        },
    )
    return bool(evaluate_trust_policy({"Statement": for_service}, SERVICE, context))


def _names_service(principal: Any) -> bool:
    if not isinstance(principal, dict):
        return bool(principal == "*")
    services = principal.get("Service", [])
    return services == SERVICE or (isinstance(services, list) and SERVICE in services)


def _register(session: dict[str, Any]) -> Credentials:
    credentials = Credentials(
        access_key=iam._gen_session_access_key(),
        secret_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
    )
    sts.register_session(
        credentials.access_key,
        {
            **session,
            "SecretAccessKey": credentials.secret_key,
            "SessionToken": credentials.session_token,
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    mark_as_automation(credentials.access_key)
    return credentials
