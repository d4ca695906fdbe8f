"""Judges a call on the resources it really names, with their own tags, by the emulator's IAM.

The emulator judges one resource a call. AWS judges every one, and one denied instance denies the
whole call.
"""

import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_actions import access_denied_response, identity_denial_message
from ministack.core.iam_evaluator import AuthError, EvalResult, enforce
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

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


def install() -> None:
    """Lets the emulator take for allowed what was judged here: it sees one instance, no tags."""

    def enforce_unless_judged(access_key: str, action: str, *args: Any, **keywords: Any) -> Any:
        return None if action == _judged.get() else enforce(access_key, action, *args, **keywords)

    iam_evaluator.enforce = enforce_unless_judged


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


def refused_where_the_emulator_errs(call: Call) -> Response | None:
    """The refusal of a call that the emulator would judge on the wrong resource; None if allowed
    or the emulator's to judge."""
    checks = _CHECKS.get(call.service, _no_checks)(call)
    denial = refused(call, checks)
    if checks and denial is None:
        _judged.set(checks[0].action)
    return denial


def _instance_checks(call: Call) -> list[Check]:
    """The checks of an EC2 call on what it names and makes: each by its own ARN and tags.

    A call that describes takes no resource: it is judged on ``*``, whatever ids it names.
    """
    action = f"ec2:{call.operation}"
    if call.operation.startswith("Describe") and call.operation != "DescribeInstanceAttribute":
        return [Check(action=action, resource="*")]
    resources = [f"instance/{instance}" for instance in call.members("InstanceId")]
    named = [
        id_ for field in ("ResourceId", "ImageId", "SnapshotId") for id_ in call.members(field)
    ]
    if call.operation == "ModifyInstanceAttribute":
        named += call.members("GroupId")
    if call.operation != "RunInstances":  # the emulator's to judge: it takes more kinds
        resources += map(_ec2_resource, named)
    resources += _MADE.get(call.operation, ())
    checks = []
    for resource in resources:
        tags = {tag["Key"]: tag["Value"] for tag in ec2._tags.get(resource.rsplit("/", 1)[1]) or ()}
        ec2_keys = {f"ec2:ResourceTag/{key}": value for key, value in tags.items()}
        context = {**tag_context(tags), **ec2_keys, **request_tag_context(_tags_of(call))}
        checks.append(Check(action=action, resource=_ec2_arn(resource), context=context))
    return checks


def _ec2_resource(id_: str) -> str:
    """``instance/i-…`` for an instance's id, and likewise for what else can be tagged."""
    return f"{_EC2_KINDS.get(id_.split('-', 1)[0], 'resource')}/{id_}"


def _ec2_arn(resource: str) -> str:
    """The ARN of an EC2 resource; those of images and snapshots name no account."""
    found = arn("ec2", resource)
    is_of_region = resource.startswith(("image/", "snapshot/"))
    return found.replace(f":{get_account_id()}:", "::") if is_of_region else found


_MADE = {
    "CreateImage": ("image/ami-made", "snapshot/snap-made"),
    "CopyImage": ("image/ami-made", "snapshot/snap-made"),
}
"""What calls make, and are judged on as well. Source: Service Authorization Reference, EC2."""


def _tags_of(call: Call) -> dict[str, str]:
    """The tags of an EC2 request: ``Tag.1.Key``, ``Tag.1.Value``, …"""
    keys, number = {}, 1
    while f"Tag.{number}.Key" in call.form:
        value = call.form.get(f"Tag.{number}.Value", [""])[0]
        keys[call.form[f"Tag.{number}.Key"][0]] = value
        number += 1
    return keys


_EC2_KINDS = {
    "i": "instance",
    "vol": "volume",
    "ami": "image",
    "snap": "snapshot",
    "sg": "security-group",
    "vpc": "vpc",
    "subnet": "subnet",
    "eni": "network-interface",
}


def _own_password_checks(call: Call) -> list[Check]:
    """The check of a change of password, which names no user: it is about the caller's own."""
    if call.operation != "ChangePassword":
        return []
    return [Check(action="iam:ChangePassword", resource=iam_evaluator.caller_arn())]


def _no_checks(call: Call) -> list[Check]:
    return []


_CHECKS = {"ec2": _instance_checks, "iam": _own_password_checks}


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
