"""The session that an execution runs with: the document's role, really assumed, or the caller's."""

import re

from ministack.core.iam_evaluator import CredentialResolutionError, resolve_credential
from ministack.services import iam, sts

from sandbox.emulator import cloudtrail
from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import arn
from sandbox.emulator.sts.role_sessions import Credentials, open_session, register
from sandbox.emulator.sts.role_trust import trusts_service
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.automation.clients import mark_as_automation

SERVICE = "ssm.amazonaws.com"

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]{1,64})")


def invalid_parameters(message: str) -> ApiError:
    """The error of a start whose parameters or role SSM refuses."""
    return ApiError("InvalidAutomationExecutionParametersException", message)


def account_and_name(role: str) -> tuple[str, str]:
    """What a role ARN names; raises ApiError for a string that is none."""
    match = _ROLE_ARN.fullmatch(role)
    if match is None:
        raise invalid_parameters(f"The format of the supplied assume role ARN is invalid: {role}")
    return match[1], match[2]


def assume(role: str, execution_id: str, call: Call) -> Credentials:
    """A session of the role, named as the execution, if its trust policy lets Automation in.

    The trust policy is judged for ``ssm.amazonaws.com`` with ``aws:SourceArn`` and
    ``aws:SourceAccount`` of the execution. Raises ApiError where it refuses, or no such role is in
    the execution's account: roles are passed within one.
    """
    account, name = account_and_name(role)
    record = iam._roles.get_scoped(account, None, name) if account == call.account else None
    keys = {
        "aws:SourceArn": arn("ssm", f"automation-execution/{execution_id}"),
        "aws:SourceAccount": call.account,
    }
    if record is None or record["Arn"] != role or not trusts_service(record, SERVICE, keys):
        raise invalid_parameters("The defined assume role is unable to be assumed.")
    session = open_session(record, execution_id)
    cloudtrail.record_service_assumption(
        role, execution_id, session.access_key, call.region, call.account
    )
    mark_as_automation(session.access_key)
    return session


def of_caller(call: Call) -> Credentials:
    """A session with the rights of anyone who starts an execution without a role."""
    caller = resolve_credential(call.access_key, call.account)
    if isinstance(caller, CredentialResolutionError):  # the request was authenticated before
        raise ApiError("AccessDeniedException", caller.message)
    if caller.principal_type == "Root":
        return Credentials(
            access_key=caller.access_key_id,
            secret_key=caller.secret_access_key,
            session_token=caller.session_token,
        )
    session = register(
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
    mark_as_automation(session.access_key, as_caller=True)
    return session
