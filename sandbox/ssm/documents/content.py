"""A document's content: read from JSON or YAML, checked as far as SSM checks it at creation."""

import json
from typing import Any

import yaml

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.documents import calendars
from sandbox.ssm.documents.runbook import check_runbook

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
    if document_type == calendars.TYPE:
        calendars.read_calendar(text)
        return {}
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
        check_runbook(content)
    return content


def render(content: Content, document_format: str) -> str:
    """The content as text in a format, for GetDocument."""
    if document_format == "YAML":
        return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False))
    return json.dumps(content)


def _read(text: str, document_format: str) -> Content:
    try:
        if document_format == "YAML":
            content = yaml.load(text, Loader=_YamlLoader)  # noqa: S506 (a safe loader)
            _refuse_alias_bomb(content)
        else:
            content = json.loads(text)
        json.dumps(content, allow_nan=False)
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ApiError(
            "InvalidDocumentContent", f"The content is not valid {document_format}: {error}"
        ) from None
    if not isinstance(content, dict):
        raise ApiError("InvalidDocumentContent", "The content is not an object.")
    return content


def _refuse_alias_bomb(content: Any) -> None:
    """Raises ValueError where aliases stand for more than a document may hold."""
    sizes: dict[int, int] = {}

    def size(value: Any) -> int:
        if id(value) not in sizes:
            parts = value.values() if isinstance(value, dict) else value
            is_group = isinstance(value, dict | list)
            sizes[id(value)] = 1 + sum(map(size, parts)) if is_group else len(str(value))
        return sizes[id(value)]

    if size(content) > MAXIMUM_BYTES:
        raise ValueError(f"its aliases stand for more than {MAXIMUM_BYTES} bytes")


_Loader, _Dumper = (
    (yaml.CSafeLoader, yaml.CSafeDumper)
    if yaml.__with_libyaml__
    else (yaml.SafeLoader, yaml.SafeDumper)
)
"""In C, the largest document takes a tenth of the time: meanwhile no other request is answered."""


class _YamlLoader(_Loader):  # type: ignore[valid-type, misc]
    """YAML whose dates stay text, as SSM reads it."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
