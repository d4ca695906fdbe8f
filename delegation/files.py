"""JSON and YAML files, read so that what is reviewed is what is deployed; every place is known."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import yaml

from delegation.errors import DelegationError
from delegation.user_files import shown

_MOST_VALUES = 100_000

Location = tuple[str | int, ...]
"""Where a value stands in a file: ``("mainSteps", 0, "inputs")``."""


class FileError(DelegationError):
    """A file that cannot be read as an object of fields, and where."""

    def __init__(self, file: str, line: int, column: int, reason: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {reason}")
        self.file, self.line, self.column, self.reason = file, line, column, reason


@dataclass(frozen=True)
class Source:
    """The JSON or YAML object of a file; line and column of a place are found when asked for."""

    file: str
    """The path as messages show it."""
    content: dict[str, Any]
    """What the file holds; of two equal keys the last."""
    text: str
    may_repeat_keys: bool
    """Whether some object has fewer keys than the file writes."""

    def position(self, location: Location, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of the value there, or of its key; of the nearest object around
        where the place itself is not in the file."""
        node = self._root
        mark = node.start_mark
        for index, part in enumerate(location):
            key, child = _child(node, part)
            if child is None:
                break
            last = index == len(location) - 1
            mark = (key if last and at_key and key is not None else child).start_mark
            node = child
        return mark.line + 1, mark.column + 1

    def written(self, location: Location) -> str | None:
        """A scalar as the file writes it without quotes; None for a quoted one, or none."""
        node = self._root
        for part in location:
            _, node = _child(node, part)
            if node is None:
                return None
        is_plain = isinstance(node, yaml.ScalarNode) and not node.style
        return str(node.value) if is_plain else None

    def repeated_keys(self) -> Iterator[tuple[str, int, int]]:
        """Every key that its object has before, with line and column."""
        queue = [self._root] if self.may_repeat_keys else []
        while queue:
            node = queue.pop()
            if isinstance(node, yaml.MappingNode):
                seen = set()
                for key, child in node.value:
                    if key.value in seen and key.value != "<<":
                        yield key.value, key.start_mark.line + 1, key.start_mark.column + 1
                    seen.add(key.value)
                    queue.append(child)
            elif isinstance(node, yaml.SequenceNode):
                queue += node.value

    @cached_property
    def _root(self) -> Any:
        text = self.text
        try:
            return yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError:  # JSON that YAML does not read: tabs, and some escapes
            plain = re.sub(r"\\u[0-9a-fA-F]{4}", "uuuuuu", text.replace("\t", " "))
            return yaml.compose(plain.replace("\\/", "//"), Loader=yaml.CSafeLoader)


def read_source(path: Path) -> Source:
    """The JSON or YAML object in a file; raises FileError for what JSON cannot hold."""
    file = shown(path)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(file, 1, 1, f"is not UTF-8 text ({error.reason})") from None
    except OSError as error:
        raise FileError(file, 1, 1, f"cannot be read: {error.strerror}") from None
    kind = "JSON" if path.suffix == ".json" or path.name == ".json" else "YAML"
    try:
        loaded, may_repeat_keys = _load_json(text) if kind == "JSON" else _load_yaml(text)
        _refuse_expansion(loaded)
        json.dumps(loaded, allow_nan=False, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg.lower()}"
        raise FileError(file, error.lineno, error.colno, reason) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise FileError(file, line, column, f"is not YAML: {_hinted(str(error.problem))}") from None
    except TypeError as error:
        raise FileError(file, 1, 1, f"holds what JSON lacks: {error}; put it in quotes") from None
    except UnicodeEncodeError:
        raise FileError(file, 1, 1, "holds half a character (\\ud800 to \\udfff)") from None
    except (ValueError, KeyError, RecursionError, yaml.YAMLError) as error:
        reason = _reason(error)
        raise FileError(file, 1, 1, f"cannot be read as {kind}: {reason}") from None
    if not isinstance(loaded, dict):
        found = f"holds {type(loaded).__name__}, not an object of fields"
        raise FileError(file, 1, 1, "is empty" if loaded is None else found)
    return Source(file=file, content=loaded, text=text, may_repeat_keys=may_repeat_keys)


_HINTS = {
    "unhashable key": "put a value that begins with braces in quotes, as '{{ name }}'",
    "tab character": "YAML takes no tab there; use spaces",
    "'\\t' that cannot start any token": "YAML takes no tab there; use spaces",
    "mapping values are not allowed": "put a value with a colon and a space in quotes",
}
"""Common mistakes, by what the reader says of them, and what to do."""


def _hinted(problem: str) -> str:
    hints = [hint for words, hint in _HINTS.items() if words in problem]
    return "; ".join([problem, *hints])


def _reason(error: Exception) -> str:
    """What is wrong, in a line without Python's own advice."""
    if "int string conversion" in str(error):
        return "holds a number of thousands of digits"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def no_source(path: Path) -> Source:
    """What stands for a file that need not be there: an empty object."""
    return Source(file=shown(path), content={}, text="{}", may_repeat_keys=False)


def _child(node: Any, part: str | int) -> tuple[Any, Any]:
    """Key and value nodes of a part; the last of equal keys, as the reader takes it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None, None


def _load_json(text: str) -> tuple[Any, bool]:
    repeated = False

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    loaded = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=object_of)
    return loaded, repeated


class Date(str):
    """What YAML takes for a date or time, as it is written: JSON has none."""


class _Loader(yaml.CSafeLoader):
    repeated = False

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping; remembers whether keys were lost."""
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        self.repeated = self.repeated or len(found) < len(node.value)
        return found


def _date(loader: _Loader, node: yaml.ScalarNode) -> Date:
    return Date(loader.construct_scalar(node))


def _no_json(loader: _Loader, node: yaml.Node) -> NoReturn:
    kind = node.tag.rsplit(":", 1)[-1]
    raise yaml.constructor.ConstructorError(
        None, None, f"holds a {kind}, which JSON lacks; put it in quotes", node.start_mark
    )


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)
for _kind in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _no_json)


def _load_yaml(text: str) -> tuple[Any, bool]:
    loader = _Loader(text)
    try:
        return loader.get_single_data(), loader.repeated
    finally:
        loader.dispose()


def _refuse_expansion(loaded: Any) -> None:
    """Raises ValueError for more values than a document of 64 KB can hold: aliases of aliases."""
    queue, count = [loaded], 0
    while queue:
        value = queue.pop()
        count += 1
        if count > _MOST_VALUES:
            raise ValueError(f"holds more than {_MOST_VALUES:,} values, aliases written out")
        if isinstance(value, dict):
            queue += value.values()
        elif isinstance(value, list):
            queue += value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
