"""``AWS::SSM::Document`` in CloudFormation, as AWS's handler behaves.

Source: the resource type's schema (createOnly and conditionalCreateOnly properties) and the public
handler aws-cloudformation-resource-providers-ssm, UpdateHandler.
"""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.shapes import check_request
from sandbox.ssm.documents import store
from sandbox.ssm.documents.content import parse
from sandbox.ssm.documents.descriptions import tag_map

TYPE = "AWS::SSM::Document"

CREATE_ONLY = ("Name", "DocumentType")
_CREATE_ONLY_UNDER_REPLACE = (
    "Content",
    "Attachments",
    "VersionName",
    "DocumentFormat",
    "TargetType",
    "Requires",
)
_VERSIONED = ("Content", "VersionName", "DocumentFormat", "TargetType")
"""What a new version carries under NewVersion."""

Properties = Mapping[str, Any]
Provisioned = tuple[str, dict[str, Any]]
"""Physical id (the document's name) and attributes (none)."""


def _needs_replacement(old: Properties, new: Properties) -> bool:
    if new.get("UpdateMethod", "Replace") != "Replace":
        return False
    return any(old.get(name) != new.get(name) for name in _CREATE_ONLY_UNDER_REPLACE)


def _check(properties: Properties) -> None:
    """Refuses what the resource type's schema and CreateDocument's model refuse."""
    if "Content" not in properties:
        raise ValueError("Properties validation failed: required key [Content] not found")
    method = properties.get("UpdateMethod", "Replace")
    if method not in ("Replace", "NewVersion"):
        raise ValueError(f"Properties validation failed: {method} is not a valid enum value")
    own = ("Name", "DocumentType", "DocumentFormat", "TargetType", "VersionName")
    given = {name: properties[name] for name in own if name in properties}
    _handled(check_request, "CreateDocument", {"Name": "Generated", "Content": "{}", **given})


def _create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    _check(properties)
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id)
    text, format_ = _text(properties), properties.get("DocumentFormat", "JSON")
    type_ = properties.get("DocumentType", "Command")
    _handled(
        store.create,
        name=name,
        text=text,
        content=_handled(parse, text, format_, type_),
        document_type=type_,
        document_format=format_,
        target_type=properties.get("TargetType"),
        version_name=properties.get("VersionName"),
        tags=tag_map(properties.get("Tags")),
    )
    return name, {}


def _update(
    name: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
) -> Provisioned:
    """A new version that becomes the default; tags in place. Unnamed under Replace: a new one."""
    _check(new)
    if _needs_replacement(old, new):
        created: Provisioned = provisioners._seeded_create(_create, logical_id or name, new, stack)
        provisioners._delete_predecessor(_delete, name, old)
        return created
    document = _handled(store.find, name)
    if any(old.get(key) != new.get(key) for key in _VERSIONED):
        text, format_ = _text(new), new.get("DocumentFormat", "JSON")
        version = _handled(
            store.update,
            document,
            text=text,
            content=_handled(parse, text, format_, document.type),
            document_format=format_,
            target_type=new.get("TargetType"),
            version_name=new.get("VersionName"),
        )
        document.default = version.number
    document.tags = tag_map(new.get("Tags"))
    return name, {}


def _delete(name: str, properties: Properties) -> None:
    try:
        store.delete(store.find(name))
    except ApiError:
        return  # already gone, which is what a deletion wants


def _text(properties: Properties) -> str:
    content = properties["Content"]
    return content if isinstance(content, str) else json.dumps(content)


def _handled(function: Any, *arguments: Any, **keywords: Any) -> Any:
    """The function's result; its API error as a handler reports it in a stack event."""
    try:
        return function(*arguments, **keywords)
    except ApiError as error:
        raise ValueError(
            f'Resource handler returned message: "{error.message} (Service: Ssm, Status Code: '
            f'400)" (HandlerErrorCode: {error.code})'
        ) from None


HANDLERS = {
    "create": _create,
    "update": _update,
    "update_with_logical_id": True,
    "delete": _delete,
}
"""What CloudFormation calls for a document."""
NAME_REPLACEMENT = {"name": "Name", "requires_replacement": _needs_replacement}
"""A document with a name of its own is never replaced."""
