"""CloudFormation acts as the role of a stack; the emulator acts as nobody.

A stack keeps the role that it was given last. The role is judged for each resource.
Source: CloudFormation User Guide, CloudFormation service role.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import iam
from ministack.services.cloudformation import provisioners

from sandbox.emulator import cloudtrail
from sandbox.emulator.call import Call
from sandbox.emulator.cloudformation.calls import SERVICE, stack_name
from sandbox.emulator.cloudformation.resource_handlers import Change, checks
from sandbox.emulator.cloudformation.strict_resources import require_accepted
from sandbox.emulator.sts.role_sessions import open_session
from sandbox.emulator.sts.role_trust import trusts_service

_TAKE_A_ROLE = ("CreateStack", "UpdateStack", "DeleteStack", "RollbackStack")

_roles = AccountRegionScopedDict()
"""The role of each stack, by its name."""
_to_be = AccountRegionScopedDict()
"""The role that a change set will give to its stack, by the names of both."""
_callers = AccountRegionScopedDict()
"""The access key of the caller who changed each stack last: without a role it acts as them."""


def note(call: Call) -> None:
    """Keeps the role that an allowed call gives to a stack: at once, or when its change set is
    executed. A stack that is made anew has none."""
    if call.service != "cloudformation":
        return
    stack, role = stack_name(call), call.form.get("RoleARN", [""])[0]
    change_set = call.form.get("ChangeSetName", [""])[0].split(":changeSet/")[-1].split("/")[0]
    if call.operation in (*_TAKE_A_ROLE, "ExecuteChangeSet"):
        _callers[stack] = call.access_key
    if call.operation == "CreateStack":
        _roles.pop(stack, None)
    if call.operation in _TAKE_A_ROLE and role:
        _roles[stack] = role
    if call.operation == "CreateChangeSet":
        if call.form.get("ChangeSetType") == ["CREATE"]:
            _roles.pop(stack, None)
        _to_be[f"{stack}/{change_set}"] = role
    if call.operation == "ExecuteChangeSet" and _to_be.get(f"{stack}/{change_set}"):
        _roles[stack] = _to_be[f"{stack}/{change_set}"]


def role_of(stack: str) -> str:
    """The ARN of a stack's role, by the stack's name; empty where it has none."""
    return str(_roles.get(stack) or "")


def _create(type_: str, logical_id: str, properties: Any, stack: str) -> Any:
    change = _change("Create", type_, properties, {}, f"{stack}-{logical_id}-x", stack)
    _judge(stack, change)
    require_accepted(type_, logical_id, properties)
    _record(stack, change)
    return _EMULATED["_provision_resource"](type_, logical_id, properties, stack)


def _update(type_: str, id_: str, old: Any, new: Any, stack: str, *rest: Any, **more: Any) -> Any:
    if old != new:
        change = _change("Update", type_, new, old, id_, stack)
        _judge(stack, change)
        require_accepted(type_, rest[0] if rest else id_, new, old)
        _record(stack, change)
    return _EMULATED["_update_resource"](type_, id_, old, new, stack, *rest, **more)


def _delete(type_: str, id_: str, properties: Any, stack: str | None = None, *rest: Any) -> Any:
    if stack:
        change = _change("Delete", type_, properties, {}, id_, stack)
        _judge(stack, change)
        _record(stack, change)
    return _EMULATED["_delete_resource"](type_, id_, properties, stack, *rest)


AUTHORIZED = {
    "_provision_resource": _create,
    "_update_resource": _update,
    "_delete_resource": _delete,
}
"""What CloudFormation calls for each resource, after the role of the stack is authorized."""
_EMULATED = {name: getattr(provisioners, name) for name in AUTHORIZED}


def _change(
    verb: str,
    type_: str,
    properties: Mapping[str, Any],
    old: Mapping[str, Any],
    id_: str,
    stack: str,
) -> Change:
    """A change of a resource; ``id_`` is its physical id, which may be an ARN. The emulator names a
    secret after its stack, CloudFormation after its logical id alone."""
    generated = id_.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
    if type_ == "AWS::SecretsManager::Secret":
        generated = generated.removeprefix(f"{stack}-")
    return Change(verb=verb, type=type_, properties=properties, old=old, generated=generated)


def _judge(stack: str, change: Change) -> None:
    """Raises ValueError, as a resource handler does, for what the stack's role may not do."""
    role_arn = _roles.get(stack)
    if role_arn is None:
        return
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or not trusts_service(role, SERVICE, {}):
        raise ValueError(f"Role {role_arn} is invalid or cannot be assumed")
    session = open_session(role, "AWSCloudFormation")
    for check in checks(change):
        service = check.action.split(":")[0]
        denied = iam_evaluator.enforce(
            session.access_key,
            check.action,
            service,
            "",
            resource_arn=check.resource,
            service_context=dict(check.context),
        )
        if denied is not None:
            raise ValueError(
                f'Resource handler returned message: "User: {role_arn} is not authorized to '
                f'perform: {check.action} on resource: {check.resource}" (HandlerErrorCode: '
                f"AccessDenied)"
            )


def _record(stack: str, change: Change) -> None:
    """Records how CloudFormation makes, changes or deletes the resource, as the caller who changes
    a stack that has no role; what its handler reads besides is left out."""
    if stack in _roles or stack not in _callers:
        return
    for check in checks(change):
        if check.action.split(":")[1].startswith(change.verb):
            cloudtrail.record_for_caller(_callers[stack], SERVICE, check.action, check.resource)
