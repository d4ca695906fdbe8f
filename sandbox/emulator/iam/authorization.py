"""Judges a call on the resources it really names, with their own tags, by the emulator's IAM.

The emulator judges one resource a call. AWS judges every one, and one denied instance denies the
whole call.
"""

import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.iam_actions import access_denied_response, identity_denial_message
from ministack.core.iam_evaluator import AuthError, EvalResult, enforce
from ministack.core.responses import get_account_id, get_region

from sandbox.emulator.call import Call, Response

_judged: contextvars.ContextVar[str] = contextvars.ContextVar("judged", default="")
"""The action that was judged here for the request under way."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to IAM: may the caller do this on that?"""

    action: str
    """``ssm:StartAutomationExecution``."""
    resource: str
    """An ARN, or ``*`` where the action takes no resource."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """Condition keys of this request and resource."""
    only_explicit: bool = False
    """Whether only an explicit Deny counts: the resource is optional for the action."""


def enforce_unless_authorized(access_key: str, action: str, *args: Any, **keywords: Any) -> Any:
    """Takes for allowed what was authorized here: the emulator sees one resource, and no tags."""
    return None if action == _judged.get() else enforce(access_key, action, *args, **keywords)


def arn(service: str, resource: str) -> str:
    """The ARN of a resource in the account and Region of the request under way."""
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def tag_context(tags: Mapping[str, str]) -> dict[str, str]:
    """The condition keys that a resource's tags fill."""
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def request_tag_context(tags: Mapping[str, str]) -> dict[str, Any]:
    """The condition keys that the tags of a request fill; none where it names no tag."""
    if not tags:
        return {}
    return {"aws:TagKeys": list(tags), **{f"aws:RequestTag/{k}": v for k, v in tags.items()}}


def refused(call: Call, checks: Iterable[Check]) -> Response | None:
    """The refusal of the first check that IAM denies, in the service's own form; None if none."""
    for check in checks:
        denied = enforce(
            call.access_key,
            check.action,
            call.service,
            call.region,
            resource_arn=check.resource,
            service_context=dict(check.context),
        )
        if isinstance(denied, AuthError):
            return _refusal(call, check, "", error_code=denied.code, message=denied.message)
        if denied is not None and (denied.decision == "Deny" or not check.only_explicit):
            return _denial(call, check, denied)
    return None


def judged(call: Call, checks: list[Check]) -> Response | None:
    """The refusal of a call by these checks; where they allow it, the emulator takes it for
    allowed. No checks: the call is the emulator's to judge."""
    denial = refused(call, checks)
    if checks and denial is None:
        _judged.set(checks[0].action)
    return denial


def _denial(call: Call, check: Check, denied: EvalResult) -> Response:
    explicit = denied.decision == "Deny"
    message = identity_denial_message(check.action, denied.principal_arn, check.resource, explicit)
    return _refusal(
        call,
        check,
        denied.principal_arn,
        resource_arn=check.resource,
        explicit_deny=explicit,
        message=message,
    )


def _refusal(call: Call, check: Check, principal: str, **details: Any) -> Response:
    """A refusal in the protocol of the service."""
    response: Response = access_denied_response(
        call.service, check.action, principal, call.request_id, headers=call.headers, **details
    )
    return response
