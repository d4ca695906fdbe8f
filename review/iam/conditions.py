"""Conditions as texts: as statements say them, and as the engine shows what it needs."""

import json
from collections.abc import Iterable
from typing import Any

from review.iam.statements import Statement


def conditions_as_text(statement: Statement) -> list[str]:
    """The conditions of a statement, a string each."""
    return [f"{key} {operator} {', '.join(v)}" for operator, key, v in statement.conditions]


def conditions_of(expressions: Iterable[Any]) -> tuple[str, ...]:
    """What must hold, one string for each condition; several kinds of resource are alternatives."""
    reported = list(dict.fromkeys(json.dumps(e, sort_keys=True) for e in expressions))
    if len(reported) == 1:
        return tuple(sorted(set(_all_of(json.loads(reported[0])))))
    alternatives = sorted({" and ".join(_all_of(json.loads(e))) for e in reported})
    return () if "" in alternatives else (" or ".join(f"({a})" for a in alternatives),)


def _all_of(expression: Any) -> list[str]:
    kind = expression["conditionType"]
    if kind == "always":
        return []
    if kind == "condition":
        values = ", ".join(expression["values"])
        return [f"{expression['key']} {expression['op']} {values}"]
    if kind == "group" and expression["operator"] == "and":
        return [text for part in expression["conditions"] for text in _all_of(part)]
    if kind == "group":
        parts = [" and ".join(_all_of(part)) for part in expression["conditions"]]
        return [] if "" in parts else ["(" + " or ".join(parts) + ")"]
    return [json.dumps(expression, sort_keys=True)]
