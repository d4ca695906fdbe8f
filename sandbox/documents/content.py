"""A document's content: read from JSON or YAML, checked as far as SSM checks it at creation."""

import json
from typing import Any

import yaml

from sandbox.ssm_api.errors import ApiError

MAXIMUM_BYTES = 64 * 1024
"""Largest content. Source: SSM API Reference, CreateDocument, MaxDocumentSizeExceeded."""
_SCHEMAS = {"Automation": ("0.3",), "Command": ("1.2", "2.0", "2.2")}
"""Schema versions by document type. Source: Systems Manager User Guide, SSM document schema."""

Content = dict[str, Any]


def parse(text: str, document_format: str, document_type: str) -> Content:
    """The content as an object; raises ApiError where SSM would refuse to create it."""
    if len(text.encode()) > MAXIMUM_BYTES:
        raise ApiError(
            "MaxDocumentSizeExceeded",
            f"The document is {len(text.encode())} bytes; the largest is {MAXIMUM_BYTES}.",
        )
    content = _read(text, document_format)
    schema = str(content.get("schemaVersion", ""))
    known = _SCHEMAS.get(document_type)
    if known and schema not in known:
        raise ApiError(
            "InvalidDocumentSchemaVersion",
            f"Schema version {schema!r} is not supported by documents of type {document_type}; "
            f"supported: {', '.join(known)}.",
        )
    if document_type == "Automation":
        _check_steps(content.get("mainSteps"))
    return content


def render(content: Content, document_format: str) -> str:
    """The content as text in a format, for GetDocument."""
    if document_format == "YAML":
        return yaml.safe_dump(content, sort_keys=False)
    return json.dumps(content)


def _read(text: str, document_format: str) -> Content:
    try:
        content = yaml.safe_load(text) if document_format == "YAML" else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ApiError(
            "InvalidDocumentContent", f"The content is not valid {document_format}: {error}"
        ) from None
    if not isinstance(content, dict):
        raise ApiError("InvalidDocumentContent", "The content is not an object.")
    return content


def _check_steps(steps: Any) -> None:
    if not isinstance(steps, list) or not steps:
        raise ApiError("InvalidDocumentContent", "mainSteps is not a list of at least one step.")
    seen: set[str] = set()
    for step in steps:
        if not isinstance(step, dict) or not all(
            isinstance(step.get(key), str) and step[key] for key in ("name", "action")
        ):
            raise ApiError("InvalidDocumentContent", "Every step needs a name and an action.")
        if step["name"] in seen:
            raise ApiError("InvalidDocumentContent", f"Step name {step['name']} is not unique.")
        seen.add(step["name"])
