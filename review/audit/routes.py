"""What rules send where, taken apart: one route for each combination of what a pattern asks for."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from review.audit.recording import Recording, Rule, Target
from review.errors import ReviewError

_NAMING = (".detail.Definition", ".detail.requestParameters.")
"""Where a pattern names a runbook or resource."""
_MOST_ROUTES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Events that are sent to one target."""

    rule: str
    region: str
    asks: tuple[tuple[str, str], ...]
    """Paths in an event, each with one thing that a pattern asks for there, as JSON."""
    target: Target
    condition: str

    @property
    def anyones(self) -> "Route":
        """The same, whichever rule it is by."""
        return replace(self, rule="")

    def is_of(self, name: str) -> bool:
        """Whether it is about a runbook or resource of this name."""
        return any(
            _names(json.loads(value), name) for path, value in self.asks if path.startswith(_NAMING)
        )


def routes_of(recording: Recording) -> frozenset[Route]:
    """Every route of the rules that are on."""
    return frozenset(route for rule in recording.rules for route in _of_rule(rule))


def _of_rule(rule: Rule) -> Iterator[Route]:
    asked = list(_asked("", json.loads(rule.pattern)))
    if math.prod(map(len, asked)) > _MOST_ROUTES:
        raise ReviewError(
            f"rule {rule.name}: its pattern has more than {_MOST_ROUTES} alternatives"
        )
    for combination in product(*asked):
        for target in rule.targets:
            yield Route(
                rule=rule.name,
                region=rule.region,
                asks=combination,
                target=target,
                condition=rule.condition,
            )


def _asked(path: str, pattern: Any) -> Iterator[list[tuple[str, str]]]:
    """For each path of a pattern, the alternatives that it asks for."""
    if isinstance(pattern, dict):
        for key, value in sorted(pattern.items()):
            yield from _asked(f"{path}.{key}", value)
    else:
        values = pattern if isinstance(pattern, list) else [pattern]
        yield [(path, json.dumps(value, sort_keys=True)) for value in values]


def _names(value: Any, name: str) -> bool:
    text = value.get("suffix", "") if isinstance(value, dict) else value
    return isinstance(text, str) and text.replace(":", "/").rsplit("/", 1)[-1] == name
