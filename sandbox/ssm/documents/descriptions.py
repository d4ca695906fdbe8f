"""A document as the SSM API describes it."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.ssm.api.errors import ApiError, validation_error
from sandbox.ssm.api.operation import Parameters
from sandbox.ssm.api.shapes import without_none
from sandbox.ssm.documents import store
from sandbox.ssm.documents.references import as_text
from sandbox.ssm.documents.store import Document, Version

_MOST_TAGS = 50
"""Source: SSM API Reference, AddTagsToResource, TooManyTagsError."""
PLATFORMS = ["Windows", "Linux", "MacOS"]


def description(document: Document, version: Version) -> Parameters:
    """A ``DocumentDescription``."""
    parameters = version.content.get("parameters") or {}
    return without_none(
        {
            "Hash": version.hash,
            "HashType": "Sha256",
            "Name": document.name,
            "DisplayName": version.display_name,
            "VersionName": version.name,
            "Owner": document.owner,
            "CreatedDate": version.created,
            "Status": "Active",
            "DocumentVersion": str(version.number),
            "Description": version.content.get("description"),
            "Parameters": [_parameter(name, field) for name, field in parameters.items()],
            "PlatformTypes": PLATFORMS,
            "DocumentType": document.type,
            "SchemaVersion": str(version.content.get("schemaVersion")),
            "LatestVersion": str(document.latest.number),
            "DefaultVersion": str(document.default),
            "DocumentFormat": version.format,
            "TargetType": version.target_type,
            "Tags": tag_list(document.tags),
        }
    )


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_map(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags by key."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises ApiError for tags that a resource cannot have, all of its tags taken together."""
    for key in tags:
        if key.lower().startswith("aws:"):
            raise validation_error(f"Tag key {key} begins with aws:, which is reserved.")
    if len(tags) > _MOST_TAGS:
        raise ApiError("TooManyTagsError", f"A resource has at most {_MOST_TAGS} tags.")


def identifier(document: Document) -> Parameters:
    """A ``DocumentIdentifier``, of the default version."""
    version = document.version(store.DEFAULT)
    return without_none(
        {
            "Name": document.name,
            "CreatedDate": version.created,
            "DisplayName": version.display_name,
            "Owner": document.owner,
            "VersionName": version.name,
            "PlatformTypes": PLATFORMS,
            "DocumentVersion": str(version.number),
            "DocumentType": document.type,
            "SchemaVersion": str(version.content.get("schemaVersion")),
            "DocumentFormat": version.format,
            "TargetType": version.target_type,
            "Tags": tag_list(document.tags),
        }
    )


def _parameter(name: str, field: Mapping[str, Any]) -> Parameters:
    default = field.get("default")
    shown = None if default is None else as_text(default)
    return without_none(
        {
            "Name": name,
            "Type": "StringList" if "List" in str(field.get("type")) else "String",
            "Description": field.get("description"),
            "DefaultValue": shown,
        }
    )


def version_info(document: Document, version: Version) -> Parameters:
    """A ``DocumentVersionInfo``."""
    return without_none(
        {
            "Name": document.name,
            "DisplayName": version.display_name,
            "DocumentVersion": str(version.number),
            "VersionName": version.name,
            "CreatedDate": version.created,
            "IsDefaultVersion": version.number == document.default,
            "DocumentFormat": version.format,
            "Status": "Active",
        }
    )
