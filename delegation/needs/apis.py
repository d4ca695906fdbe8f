"""What calls of AWS APIs need: the IAM actions behind each, from AWS's own reference."""

import re
from dataclasses import replace

from delegation.authorization import PASS_ROLE, authorizing
from delegation.check.api import operation_of
from delegation.needs.calls import Call, keys_within
from delegation.needs.grants import Derived, Grant, on_kinds

_SOURCE = "Service Authorization Reference"
_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")


def of_api(call: Call) -> Derived:
    """The grants that a call of ``Api`` of ``Service`` needs, and what the data leaves unseen."""
    found = operation_of(call.inputs)
    if found is None:  # told by the check of the document
        return Derived()
    service, api = found[:2]
    actions = authorizing(service, api)
    if actions is None or (actions.sometimes and not actions.always):
        return Derived(unseen=f"no data tells which IAM actions authorize {service} {api}")
    given = Call(
        inputs={k: v for k, v in call.inputs.items() if k not in _OWN_INPUTS}, values=call.values
    )
    why = f"it calls {service} {api}"
    grants: list[Grant] = []
    unseen: list[str] = []
    for action in actions.always:
        more = _on_kinds(action, why, given)
        grants += more or ()
        if more is None:
            unseen.append(f"which resources {action} is judged on cannot be told from the inputs")
    for action in actions.sometimes:
        needed = _is_needed(action, given)
        if needed is None:
            unseen.append(f"{service} {api} sometimes needs {action}")
        elif needed and action == PASS_ROLE:
            unseen.append(f"{service} {api} passes a role, which needs {PASS_ROLE} on it")
        elif needed:
            grants += _further(action, grants, why, given)
    return Derived(grants=tuple(dict.fromkeys(grants)), unseen="; ".join(unseen))


def _further(action: str, grants: list[Grant], why: str, call: Call) -> list[Grant]:
    """The grants of an action beside the main ones; tags are set on what the call makes."""
    if _IS_TAGGING.search(action):
        return [replace(grant, action=action) for grant in grants if _is_made(grant)]
    return list(_on_kinds(action, why, call) or ())


_IS_TAGGING = re.compile(r":(CreateTags|AddTags\w*|Tag\w+)$")
_INPUTS_THAT_NEED = (
    (re.compile(r"^iam:PassRole$"), re.compile(r"role|instanceprofile", re.IGNORECASE)),
    (_IS_TAGGING, re.compile(r"^Tag(s|List|Specifications)$")),
    (re.compile(r"^s3:\w+Version$"), re.compile(r"^VersionId$")),
    (re.compile(r"^s3:\w+Tagging$"), re.compile(r"^Tagging")),
    (re.compile(r"^s3:\w+Acl$"), re.compile(r"^(ACL$|Grant)")),
    (re.compile(r"^s3:\w+LegalHold$"), re.compile(r"^ObjectLockLegalHoldStatus$")),
    (re.compile(r"^s3:\w+Retention$"), re.compile(r"^(ObjectLock|BypassGovernance)")),
)
"""Actions that a call needs as well where it has such an input, however deep."""


def _is_needed(action: str, call: Call) -> bool | None:
    """Whether a call needs an action that only some calls need; None where that cannot be told."""
    for pattern, name in _INPUTS_THAT_NEED:
        if pattern.search(action):
            return any(name.search(key) for key in keys_within(call.inputs))
    return None


def _is_made(grant: Grant) -> bool:
    """Whether a grant is on what the call makes, and so tags; it is not on an instance alone."""
    return grant.resource != "*" and ":instance/" not in grant.resource


def _on_kinds(action: str, why: str, call: Call) -> tuple[Grant, ...] | None:
    if action in ("ec2:CreateTags", "ec2:DeleteTags"):
        kinds = call.ec2_kinds("Resources")
        if kinds is None:
            return None
        from_kinds = [arn for kind in kinds for arn in call.ec2_arns(kind, "Resources")]
        return tuple(Grant(action, arn, why, _SOURCE) for arn in dict.fromkeys(from_kinds))
    return on_kinds(action, why, call, _SOURCE)
