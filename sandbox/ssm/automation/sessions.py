"""The session that an execution runs with: the document's role, really assumed, or the caller's."""

import re

from ministack.core.iam_evaluator import CredentialResolutionError, resolve_credential
from ministack.services import sts

from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import arn
from sandbox.emulator.sts.role_sessions import Credentials, register
from sandbox.emulator.sts.service_sessions import assumed_by
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.automation.clients import mark_as_automation

SERVICE = "ssm.amazonaws.com"

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:[\w+=,.@/-]*/)?[\w+=,.@-]{1,64}")


def invalid_parameters(message: str) -> ApiError:
    """The error of a start whose parameters or role SSM refuses."""
    return ApiError("InvalidAutomationExecutionParametersException", message)


def check_role_arn(role: str) -> None:
    """Raises ApiError for a string that is no role's ARN."""
    if not _ROLE_ARN.fullmatch(role):
        raise invalid_parameters(f"The format of the supplied assume role ARN is invalid: {role}")


def assume(role: str, execution_id: str, call: Call) -> Credentials:
    """A session of the role, named as the execution, if its trust policy lets Automation in.

    The trust policy is judged for ``ssm.amazonaws.com`` with ``aws:SourceArn`` and
    ``aws:SourceAccount`` of the execution. Raises ApiError where it refuses, or no such role is in
    the execution's account: roles are passed within one.
    """
    check_role_arn(role)
    keys = {
        "aws:SourceArn": arn("ssm", f"automation-execution/{execution_id}"),
        "aws:SourceAccount": call.account,
    }
    session = assumed_by(
        SERVICE, role, execution_id, region=call.region, account=call.account, keys=keys
    )
    if session is None:
        raise invalid_parameters("The defined assume role is unable to be assumed.")
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
