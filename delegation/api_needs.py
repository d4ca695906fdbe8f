"""What calls of AWS APIs need: the IAM actions behind each, from AWS's own reference."""

import re
from collections.abc import Mapping
from dataclasses import replace

from delegation.authorization import PASS_ROLE, authorizing
from delegation.check.api import operation_of
from delegation.grants import Call, Derived, Grant, on_kinds

_SOURCE = "Service Authorization Reference"
_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")
_ROLE_INPUT = re.compile(r"role|instanceprofile", re.IGNORECASE)


def of_api(call: Call) -> Derived:
    """The grants that a call of ``Api`` of ``Service`` needs, and what the data leaves unseen."""
    found = operation_of(call.inputs)
    if found is None:  # told by the check of the document
        return Derived()
    service, api = found[:2]
    actions = authorizing(service, api)
    if actions is None:
        return Derived(unseen=f"no data tells which IAM actions authorize {service} {api}")
    given = Call(
        inputs={k: v for k, v in call.inputs.items() if k not in _OWN_INPUTS}, values=call.values
    )
    grants: list[Grant] = []
    unseen = ""
    for action in (*actions.always, *actions.sometimes):
        if action == PASS_ROLE:
            if _passes_role(given.inputs):
                unseen = f"{service} {api} passes a role, which needs {PASS_ROLE} on it"
            continue
        if action in _TAGGING and action in actions.sometimes:
            if not _TAG_INPUTS.isdisjoint(given.inputs):
                grants += [replace(grant, action=action) for grant in grants if _is_made(grant)]
            continue
        more = _on_kinds(action, service, api, given)
        if more is None:
            unseen = f"which resources {action} is judged on cannot be told from the inputs"
        grants += more or ()
    return Derived(grants=tuple(dict.fromkeys(grants)), unseen=unseen)


_TAGGING = ("ec2:CreateTags", "ssm:AddTagsToResource")
_TAG_INPUTS = {"TagSpecifications", "Tags"}


def _is_made(grant: Grant) -> bool:
    """Whether a grant is on what the call makes, and so tags; it is not on an instance alone."""
    return grant.resource != "*" and ":instance/" not in grant.resource


def _on_kinds(action: str, service: str, api: str, call: Call) -> tuple[Grant, ...] | None:
    why = f"it calls {service} {api}"
    if action in ("ec2:CreateTags", "ec2:DeleteTags"):
        kinds = call.ec2_kinds("Resources")
        if kinds is None:
            return None
        from_kinds = [arn for kind in kinds for arn in call.ec2_arns(kind, "Resources")]
        return tuple(Grant(action, arn, why, _SOURCE) for arn in dict.fromkeys(from_kinds))
    return on_kinds(action, why, call, _SOURCE)


def _passes_role(inputs: Mapping[str, object]) -> bool:
    """Whether some input, however deep, names a role."""
    return any(
        _ROLE_INPUT.search(key)
        or any(
            isinstance(element, dict) and _passes_role(element)
            for element in (value if isinstance(value, list) else [value])
        )
        for key, value in inputs.items()
    )
