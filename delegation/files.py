"""JSON and YAML files, read so that what is reviewed is what is deployed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from delegation.errors import DelegationError

_ROOT = Path(__file__).resolve().parent.parent
_DEEPEST = 100
"""Levels of nesting that a document may have; far more than any action's inputs."""
_LARGEST_INTEGER = 2**53
"""Above it, JavaScript and so CDK would deploy another number."""


def read_mapping(path: Path) -> dict[str, Any]:
    """The JSON or YAML object in a file; what JSON cannot hold is refused."""
    file = shown(path)
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise DelegationError(f"{file}: is not UTF-8 text ({error.reason})") from None
    kind = "JSON" if path.suffix == ".json" or path.name == ".json" else "YAML"
    try:
        loaded = _load(text, kind)
        if not isinstance(loaded, dict):
            raise DelegationError(f"{file}: holds {type(loaded).__name__}, not an object of fields")
        json.dumps(loaded, allow_nan=False)
    except DelegationError:
        raise
    except json.JSONDecodeError as error:
        raise DelegationError(
            f"{file}:{error.lineno}:{error.colno}: is not JSON: {error.msg.lower()}"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise DelegationError(f"{file}{where}: is not YAML: {error.problem}") from None
    except TypeError:
        raise DelegationError(
            f"{file}: holds a date or other value that JSON lacks; put it in quotes"
        ) from None
    except (ValueError, KeyError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DelegationError(f"{file}: cannot be read as {kind}: {reason}") from None
    return loaded


def refuse_what_cloudformation_reads(content: dict[str, Any], file: str) -> None:
    """Raises DelegationError for what CDK or CloudFormation would read instead of deploying it."""
    for where, depth, value in _walk(content):
        if depth > _DEEPEST:
            raise DelegationError(f"{file}: is nested deeper than {_DEEPEST} levels")
        if value is None:
            raise DelegationError(f"{file}: {where} is null, which CDK drops; remove it")
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            raise DelegationError(f"{file}: {where} is {value}, too large; put it in quotes")
        if isinstance(value, str) and ("{{resolve:" in value or "${Token[" in value):
            raise DelegationError(
                f"{file}: {where} is {value!r}, which CloudFormation would fill in; a runbook "
                f"reads secrets and parameters by its steps"
            )
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise DelegationError(
                        f"{file}: {where} has the key {key!r}, which is no text; put it in quotes"
                    )
                if key in ("Ref", "__proto__") or key.startswith("Fn::"):
                    raise DelegationError(
                        f"{file}: {where} has the key {key!r}, which CloudFormation would read"
                    )


def shown(path: Path) -> str:
    """A path as messages show it: below the project, else as given."""
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else str(path)


def _load(text: str, kind: str) -> Any:
    if kind == "JSON":
        return json.loads(text, parse_constant=_refuse_constant)
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _walk(content: object) -> Iterator[tuple[str, int, object]]:
    """Every value with its place, as ``mainSteps[0].inputs``, and its depth."""
    queue: list[tuple[str, int, object]] = [("", 0, content)]
    while queue:
        where, depth, value = queue.pop()
        yield where or "the document", depth, value
        if isinstance(value, dict):
            for key, element in value.items():
                queue.append((f"{where}.{key}".lstrip("."), depth + 1, element))
        elif isinstance(value, list):
            for index, element in enumerate(value):
                queue.append((f"{where}[{index}]", depth + 1, element))
