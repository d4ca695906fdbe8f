"""``AWS::IAM::Group`` in CloudFormation, over the emulator's own IAM API."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

from sandbox.emulator.cloudformation.iam_handler import call_iam

Properties = Mapping[str, Any]


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    name = properties.get("GroupName") or provisioners._physical_name(stack, logical_id)
    call_iam(iam._create_group, GroupName=name, Path=properties.get("Path", "/"))
    try:
        _reconcile(name, {}, properties)
    except Exception:
        _delete(name, properties)
        raise
    return name, {"Arn": iam._groups[name]["Arn"]}


def _update(name: str, old: Properties, new: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    _reconcile(name, old, new)
    return name, {"Arn": iam._groups[name]["Arn"]}


def _delete(name: str, properties: Properties) -> None:
    group = iam._groups.get(name)
    if group is None:
        return
    if group["Users"]:
        raise ValueError(
            f"Cannot delete entity, must remove users from group first: {name} "
            "(Service: Iam, Status Code: 409, Error Code: DeleteConflict)"
        )
    for policy in list(group["AttachedPolicies"]):
        iam.detach_managed_policy(group, policy)
    call_iam(iam._delete_group, GroupName=name)


def _reconcile(name: str, old: Properties, new: Properties) -> None:
    """Brings attached and inline policies from the old template to the new."""
    before, after = (set(p.get("ManagedPolicyArns") or ()) for p in (old, new))
    for policy in sorted(before - after):
        call_iam(iam._detach_group_policy, GroupName=name, PolicyArn=policy)
    for policy in sorted(after - before):
        call_iam(iam._attach_group_policy, GroupName=name, PolicyArn=policy)
    inline_before, inline_after = _inline(old), _inline(new)
    for policy in sorted(inline_before.keys() - inline_after.keys()):
        call_iam(iam._delete_group_policy, GroupName=name, PolicyName=policy)
    for policy, document in inline_after.items():
        call_iam(iam._put_group_policy, GroupName=name, PolicyName=policy, PolicyDocument=document)


def _inline(properties: Properties) -> dict[str, str]:
    return {
        policy["PolicyName"]: json.dumps(policy["PolicyDocument"])
        for policy in properties.get("Policies") or ()
    }


HANDLERS = {"create": _create, "update": _update, "delete": _delete}
"""What CloudFormation calls for a resource of the type."""
