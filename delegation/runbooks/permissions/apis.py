"""What calls of AWS APIs need: the IAM actions behind each, from AWS's own reference."""

import re

from delegation.runbooks.checks.api import operation_of
from delegation.runbooks.permissions.arns import arn
from delegation.runbooks.permissions.authorization import PASS_ROLE, Authorizing, authorizing
from delegation.runbooks.permissions.calls import Call, keys_within
from delegation.runbooks.permissions.grants import Derived, Grant, on_kinds

_SOURCE = "Service Authorization Reference"
_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")


def of_api(call: Call) -> Derived:
    """The grants that a call of ``Api`` of ``Service`` needs, and what the data leaves unseen."""
    found = operation_of(call.inputs)
    if found is None:  # reported by the check of the document
        return Derived()
    service, api = found[:2]
    actions = authorizing(service, api)
    if actions is None or (actions.sometimes and not actions.always):
        return Derived(unseen=f"no data shows which IAM actions authorize {service} {api}")
    if reason := _ACTS_THROUGH_OTHERS.get((service, api)):
        return Derived(unseen=f"{service} {api} {reason}")
    given = Call(
        inputs={k: v for k, v in call.inputs.items() if k not in _OWN_INPUTS}, values=call.values
    )
    grants: list[Grant] = []
    unseen: list[str] = []
    if _passes_role(service, actions, given):
        unseen.append(f"{service} {api} passes a role, which needs {PASS_ROLE} on it")
    for action in (*actions.always, *actions.sometimes):
        if action == PASS_ROLE:
            continue
        needed = True if action in actions.always else _is_needed(action, given)
        more = _granted(action, f"it calls {service} {api}", given) if needed else ()
        grants += more or ()
        if needed is None:
            unseen.append(f"{service} {api} sometimes needs {action}")
        elif more is None:
            unseen.append(
                f"which resources {action} is judged on cannot be determined from the inputs"
            )
    return Derived(grants=tuple(dict.fromkeys(grants)), unseen="; ".join(unseen))


_ACTS_THROUGH_OTHERS = {
    ("s3", "CopyObject"): "reads one object and writes another",
    ("s3", "UploadPartCopy"): "reads one object and writes another",
    ("ssm", "CreateAssociation"): "has another document run",
    ("ssm", "StartChangeRequestExecution"): "has other documents run",
}
"""APIs whose inputs name more than one thing of a kind, or what acts with powers of its own."""


def _passes_role(service: str, actions: Authorizing, call: Call) -> bool:
    """Whether a call hands a role to a service: it always does, or it names one."""
    if PASS_ROLE in actions.always:
        return True
    names_role = any(_ROLE_INPUT.search(key) for key in keys_within(call.inputs))
    return names_role and (PASS_ROLE in actions.sometimes or service not in ("iam", "sts"))


_ROLE_INPUT = re.compile(r"role_?arn$|(execution|task|service)_?role|^role$|instanceprofile", re.I)


def _made_and_tagged(action: str, why: str, call: Call) -> tuple[Grant, ...] | None:
    """Tags on the kinds that ``TagSpecifications`` names; None where it does not show them."""
    specifications = call.inputs["TagSpecifications"]
    kinds = [
        each.get("ResourceType") if isinstance(each, dict) else None
        for each in (specifications if isinstance(specifications, list) else [None])
    ]
    if not all(kind in _EC2_KINDS for kind in kinds):
        return None
    return tuple(Grant(action, arn("ec2", str(kind), {}), why, _SOURCE) for kind in kinds)


_EC2_KINDS = ("image", "instance", "network-interface", "security-group", "snapshot", "volume")


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
    """Whether a call needs an action that only some calls need; None where that cannot be
    determined."""
    for pattern, name in _INPUTS_THAT_NEED:
        if pattern.search(action):
            return any(name.search(key) for key in keys_within(call.inputs))
    return None


def _granted(action: str, why: str, call: Call) -> tuple[Grant, ...] | None:
    """The grants of one action, as narrow as the call shows; None where it does not."""
    if action == "ec2:CreateTags" and "TagSpecifications" in call.inputs:
        return _made_and_tagged(action, why, call)
    if action in _SSM_TAGGING:
        kind = SSM_TAGGED_KINDS.get(str(call.inputs.get("ResourceType")))
        return (Grant(action, arn("ssm", kind, {}), why, _SOURCE),) if kind else None
    if action in ("ec2:CreateTags", "ec2:DeleteTags"):
        kinds = call.ec2_kinds("Resources")
        if kinds is None:
            return None
        from_kinds = [each for kind in kinds for each in call.ec2_arns(kind, "Resources")]
        return tuple(Grant(action, each, why, _SOURCE) for each in dict.fromkeys(from_kinds))
    return on_kinds(action, why, call, _SOURCE)


_SSM_TAGGING = ("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource")
SSM_TAGGED_KINDS = {
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "Parameter": "parameter",
}
"""Kinds of resources by the ``ResourceType`` that Systems Manager tags them as."""
