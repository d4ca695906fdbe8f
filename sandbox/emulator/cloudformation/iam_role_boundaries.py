"""``PermissionsBoundary`` of ``AWS::IAM::Role`` in CloudFormation, which the emulator drops."""

from collections.abc import Mapping
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]


_EMULATED = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]


def _create(logical_id: str, properties: Properties, stack: str) -> Made:
    made: Made = _EMULATED["create"](logical_id, properties, stack)
    _bound(made[0], properties)
    return made


def _update(name: str, old: Properties, new: Properties, *rest: Any, **more: Any) -> Any:
    made = _EMULATED["update"](name, old, new, *rest, **more)
    _bound(made[0], new)
    return made


def _bound(role: str, properties: Properties) -> None:
    """Gives a role the boundary of its template, or none."""
    iam._roles[role]["PermissionsBoundary"] = properties.get("PermissionsBoundary")


HANDLERS = {**_EMULATED, "create": _create, "update": _update}
"""The emulator's handlers of roles, each followed by the boundary."""
