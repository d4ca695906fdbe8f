"""Files of an assembly, read so that none can stall, exhaust or mislead anyone who reads it."""

import json
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from review.errors import ReviewError

_MOST_BYTES = 16 * 1024 * 1024
"""CloudFormation takes templates of 1 MB; a manifest is longer."""
_MOST_LEVELS = 60
"""How deep values may be nested; a runbook with loops within loops has about 20 levels."""


def read_bytes(path: Path) -> bytes:
    """The content of a regular file.

    Raises ReviewError at once for a link, a device, a pipe, or more than 16 MiB.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise ReviewError(f"{path} is a link; put the file itself there") from None
        raise ReviewError(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ReviewError(f"{path} is not a regular file")
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ReviewError(f"{path} is longer than {_MOST_BYTES // 1024**2} MiB")
    return content


def parse_json(where: Path | str, content: bytes | str) -> Any:
    """The value of the JSON of a file, or of a string in one.

    Raises ReviewError for what is not JSON, for what is nested deeper than 60 levels, and for a key
    that one object has twice: readers of JSON disagree on which of the two counts.
    """
    try:
        value = json.loads(content, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ReviewError(f"{where} cannot be read as JSON: {reason}") from None
    require_plain(where, value)
    return value


def require_plain(where: Path | str, value: Any) -> None:
    """Raises ReviewError for a value that is nested deeper than 60 levels, or is none of JSON's."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        for each in level:
            _require_plain(where, each)
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise ReviewError(f"{where} is nested deeper than {_MOST_LEVELS} levels")


def _require_plain(where: Path | str, value: Any) -> None:
    if not isinstance(value, _PLAIN) or (isinstance(value, float) and not math.isfinite(value)):
        raise ReviewError(f"{where}: {value!r} is not a value of JSON")
    for text in (value,) if isinstance(value, str) else value if isinstance(value, dict) else ():
        if not isinstance(text, str) or _SURROGATE.search(text):
            raise ReviewError(f"{where}: {text!r} is not a string of JSON")


_PLAIN = (str, int, float, dict, list, type(None))
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a value, keys of objects left out."""
    if isinstance(value, str):
        yield value
    for child in _children(value):
        yield from strings_in(child)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} appears twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")
