"""The automation actions as SSM takes them: inputs, outputs, what their steps may do.

The data is ``actions.json`` beside this module, gathered from the Systems Manager User Guide,
Systems Manager Automation actions reference.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("actions.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One input of an action."""

    type: str
    """``String``, ``StringList``, ``Integer``, ``Boolean``, ``StringMap``, ``MapList``, ``Any``."""
    also: tuple[str, ...] = ()
    """Further types that it takes."""
    required: bool = False
    values: tuple[str, ...] = ()
    """The values it takes; empty for any."""
    min: int | None = None
    max: int | None = None
    max_chars: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One action of Automation."""

    name: str
    inputs: dict[str, Input]
    outputs: dict[str, str]
    """Type by name of the outputs that it gives by itself."""
    is_open: bool = False
    """Whether further inputs are the parameters of an AWS API."""
    timeout_max: int | None = None
    """Most seconds that a step of it may run; None for any."""
    on_cancel_target: bool = True
    """Whether a step of it may follow a cancellation."""
    exactly_one: tuple[tuple[str, ...], ...] = ()
    """Groups of inputs of which one is given."""
    at_least_one: tuple[tuple[str, ...], ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()
    needs_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Inputs that mean nothing without one of others."""


@cache
def actions() -> dict[str, Action]:
    """Every action by name."""
    data: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))["actions"]
    return {
        name: Action(
            name=name,
            **{**entry, "outputs": entry.get("outputs", {}), "inputs": _inputs(entry["inputs"])},
        )
        for name, entry in data.items()
    }


def _inputs(entries: dict[str, Any]) -> dict[str, Input]:
    return {
        name: Input(**{**entry, "also": tuple(entry.get("also", ()))})
        for name, entry in entries.items()
    }
