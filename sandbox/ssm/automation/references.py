"""References in a document, ``{{ name }}``: parameters, step outputs, system variables."""

import json
import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class UnknownReference(ValueError):
    """A reference to what the execution does not have."""


def resolve(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with its references filled, also in nested values.

    A string that is one reference takes the referred value with its type; within a longer text the
    value is written out, a list or map as JSON. Raises UnknownReference.
    """
    if isinstance(value, dict):
        return {key: resolve(element, known) for key, element in value.items()}
    if isinstance(value, list):
        return [resolve(element, known) for element in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value.strip()):
        return _known(whole[1], known)
    return _REFERENCE.sub(lambda match: _written(_known(match[1], known)), value)


def _known(name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UnknownReference(
            f"{{{{ {name} }}}} refers to nothing that this execution has; "
            f"known: {', '.join(sorted(known))}"
        )
    return known[name]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
