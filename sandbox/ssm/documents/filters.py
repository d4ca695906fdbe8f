"""The filters of ListDocuments."""

from collections.abc import Mapping
from typing import Any

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.documents.descriptions import PLATFORMS
from sandbox.ssm.documents.store import Document


def matches(document: Document, wanted: Mapping[str, Any]) -> bool:
    key, values = wanted["Key"], wanted.get("Values") or []
    if key == "Name":
        return any(document.name.startswith(value) for value in values)
    if key == "Owner":
        return any(value in ("Self", "Private", "All", document.owner) for value in values)
    if key == "DocumentType":
        return document.type in values
    if key == "TargetType":
        return document.latest.target_type in values
    if key == "PlatformTypes":
        return bool(set(values) & set(PLATFORMS))
    if key.startswith("tag:"):
        return document.tags.get(key.removeprefix("tag:")) in values
    if key == "SearchKeyword":
        return any(value.lower() in document.name.lower() for value in values)
    raise ApiError("InvalidFilterKey", f"Filter key {key} is not valid.")
