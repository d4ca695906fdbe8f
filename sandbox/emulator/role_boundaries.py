"""``PermissionsBoundary`` of ``AWS::IAM::Role`` in CloudFormation, which the emulator drops."""

from collections.abc import Mapping
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

TYPE = "AWS::IAM::Role"

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]


def install() -> None:
    """Puts the boundary after the emulator's own handlers of roles."""
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    create, update = handlers["create"], handlers["update"]

    def create_bounded(logical_id: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical_id, properties, stack)
        _bound(made[0], properties)
        return made

    def update_bounded(name: str, old: Properties, new: Properties, *rest: Any, **more: Any) -> Any:
        made = update(name, old, new, *rest, **more)
        _bound(made[0], new)
        return made

    handlers.update(create=create_bounded, update=update_bounded)


def _bound(role: str, properties: Properties) -> None:
    """Gives a role the boundary of its template, or none."""
    boundary = properties.get("PermissionsBoundary")
    if boundary and boundary not in iam._policies:
        raise ValueError(
            f"Scope ARN: {boundary} does not exist or is not attachable. "
            "(Service: Iam, Status Code: 404, Error Code: NoSuchEntity)"
        )
    iam._roles[role]["PermissionsBoundary"] = boundary
