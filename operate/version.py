"""The version of this program."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from operate.command_name import NAME

_DISTRIBUTIONS = ("delegated-administration", "runbook-desk")
"""The product, and the operator CLI alone."""
_CHECKOUT = Path(__file__).resolve().parent / "pyproject.toml"


def shown() -> str:
    """``operate 1.2.3``."""
    for distribution in _DISTRIBUTIONS:
        try:
            return f"{NAME} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return f"{NAME} {tomllib.loads(_CHECKOUT.read_text('utf-8'))['project']['version']}"
