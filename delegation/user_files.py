"""Where the user's files are: in the working directory, as of every command of this project."""

import json
import sys
from pathlib import Path
from typing import Any

from delegation.errors import DelegationError

DEFAULT_QUALIFIER = "hnb659fds"
"""The qualifier of ``cdk bootstrap``, unless one is named. Source: CDK, bootstrap template."""
_QUALIFIER = "@aws-cdk/core:bootstrapQualifier"


def documents() -> Path:
    """The folder of runbooks."""
    return Path.cwd() / "documents"


def lock_file() -> Path:
    """The record of what the service roles may do, as the administrator accepted it."""
    return Path.cwd() / "permissions.lock.json"


def shown(path: Path) -> str:
    """A path as messages show it: from the working directory, where it is in it."""
    folder = Path.cwd()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def bootstrap_qualifier() -> str:
    """The qualifier of ``cdk bootstrap`` that the context of cdk.json names, else CDK's own."""
    context = _cdk_settings().get("context")
    named = context.get(_QUALIFIER) if isinstance(context, dict) else None
    return str(named or DEFAULT_QUALIFIER)


def cdk_tags() -> tuple[tuple[Any, Any], ...]:
    """The keys and values of the tags that cdk.json names, which the CDK CLI would set from a
    workstation alone; DelegationError for what are none."""
    listed = _cdk_settings().get("tags") or []
    if not isinstance(listed, list) or not all(
        isinstance(tag, dict) and tag.keys() == {"Key", "Value"} for tag in listed
    ):
        raise DelegationError(
            f'tags of cdk.json are {listed!r}, not of the form [{{"Key": "…", "Value": "…"}}]'
        )
    return tuple((tag["Key"], tag["Value"]) for tag in listed)


def _cdk_settings() -> dict[str, Any]:
    """What cdk.json says; DelegationError for one that cannot be read."""
    path = Path.cwd() / "cdk.json"
    try:
        settings: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DelegationError(f"cdk.json cannot be read: {error}") from None
    return settings if isinstance(settings, dict) else {}


def make_importable() -> None:
    """Lets ``import deployments`` find the user's file, however the program was started."""
    folder = str(Path.cwd())
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
