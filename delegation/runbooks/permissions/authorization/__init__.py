"""Which IAM actions authorize an AWS API, and on which resources: AWS's own reference, as data.

``operations/SERVICE.json`` gives for each API of a service, as botocore names them, the IAM actions
behind it; ``actions/PREFIX.json`` gives for each action the kinds of resources that it is judged
on, with the forms of their ARNs. ``README.md`` there says where both come from.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
PASS_ROLE = "iam:PassRole"


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorizing:
    """The IAM actions behind one API."""

    always: tuple[str, ...]
    sometimes: tuple[str, ...] = ()
    """Those that some calls need as well, by what they are given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedOn:
    """The kinds of resources that an IAM action is judged on; none of either: ``*`` alone."""

    required: tuple[str, ...]
    """Kinds that every call is judged on: ``instance``."""
    optional: tuple[str, ...]
    """Kinds that a call is judged on where it names one."""


def authorizing(service: str, operation: str) -> Authorizing | None:
    """The IAM actions behind an API; None where the data has none."""
    found = _read("operations", service).get(operation)
    if found is None:
        return None
    if isinstance(found, list):
        return Authorizing(always=tuple(found))
    return Authorizing(always=tuple(found["always"]), sometimes=tuple(found["sometimes"]))


def judged_on(action: str) -> JudgedOn | None:
    """What an IAM action, ``service:Action``, is judged on; None where the data lacks it."""
    prefix, name = action.split(":")
    found = _read("actions", prefix).get("actions", {}).get(name)
    if found is None:
        return None
    return JudgedOn(required=tuple(found["required"]), optional=tuple(found["optional"]))


def arn_forms(prefix: str, kind: str) -> tuple[str, ...]:
    """The forms of the ARNs of a kind of resource, with ``${Placeholders}``."""
    return tuple(_read("actions", prefix)["resources"][kind])


def stated_needs(service: str, api: str, given: Collection[str]) -> list[str]:
    """What AWS's own text of an API says that a call of it needs besides, a sentence each.

    ``given`` are the names of the members that the call gives.
    """
    return [
        f"{service} {api} also needs {', '.join(entry['actions'])}: {entry['says']}"
        for entry in _stated()
        if (entry["service"], entry["api"]) == (service, api)
        and entry.get("with", next(iter(given), "")) in (*given, "")
    ]


@cache
def _stated() -> tuple[dict[str, Any], ...]:
    loaded = json.loads((_FOLDER / "stated.json").read_text("utf-8"))
    return tuple(loaded["operations"])


@cache
def _read(folder: str, name: str) -> dict[str, Any]:
    path = _FOLDER / folder / f"{name}.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return loaded
