"""References in a document, ``{{ name }}``: parameters, step outputs, system variables.

What other languages write between doubled braces, as ``{{.Names}}`` or ``{{ json . }}``, is no
reference and stays.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_-][^{}\s|]*)\s*\}\}")


class UnknownReference(Exception):
    """A reference to what the execution does not have."""


def names_in(value: Any) -> Iterator[str]:
    """The name of every reference in a value, also in nested ones."""
    if isinstance(value, dict):
        for element in value.values():
            yield from names_in(element)
    elif isinstance(value, list):
        for element in value:
            yield from names_in(element)
    elif isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            yield match[1]


def resolve(value: Any, known: Mapping[str, Any], *, keep_unknown: bool = False) -> Any:
    """The value with its references filled, also in nested values.

    A string that is one reference takes the referred value with its type, and within a list a
    list's elements take its place. Within a longer text the value is written out, a list or map as
    JSON. Raises UnknownReference, unless unknown references are to stay as they are.
    """
    if isinstance(value, dict):
        return {k: resolve(v, known, keep_unknown=keep_unknown) for k, v in value.items()}
    if isinstance(value, list):
        return list(_elements(value, known, keep_unknown))
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value.strip()):
        return _referred(whole, value, known, keep_unknown)
    return _REFERENCE.sub(
        lambda match: as_text(_referred(match, match[0], known, keep_unknown)), value
    )


def as_text(value: Any) -> str:
    """A value as it stands in a text and in the API's lists of strings."""
    return value if isinstance(value, str) else json.dumps(value)


def _elements(values: list[Any], known: Mapping[str, Any], keep_unknown: bool) -> Iterator[Any]:
    for value in values:
        filled = resolve(value, known, keep_unknown=keep_unknown)
        if isinstance(value, str) and isinstance(filled, list):
            yield from filled
        else:
            yield filled


def _referred(
    match: re.Match[str], written: str, known: Mapping[str, Any], keep_unknown: bool
) -> Any:
    """What a reference stands for: a known value, or what a known map or list holds."""
    name, parts = match[1], match[1].split(".")
    for length in range(len(parts), 0, -1):
        base = ".".join(parts[:length])
        if base in known:
            with contextlib.suppress(KeyError, IndexError, TypeError, ValueError):
                return _within(known[base], parts[length:])
            break
    if keep_unknown:
        return written
    raise UnknownReference(
        f"{{{{ {name} }}}} refers to nothing that this execution has; "
        f"known: {', '.join(sorted(known))}"
    )


def _within(value: Any, path: list[str]) -> Any:
    """What a value holds under these keys or positions."""
    for key in path:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value
