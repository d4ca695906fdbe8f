"""Policy variables, as in ``user/${aws:username}``: the emulator compares them as text."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement

_VARIABLE = re.compile(r"\$\{([\w:/.-]+)\}")

_first_match = iam_evaluator._first_match


def first_match_with_variables(
    context: EvalContext, statements: Iterable[ParsedStatement], effect: str
) -> ParsedStatement | None:
    """Fills variables from the request before statements are compared with it."""
    filled = [
        replace(
            statement,
            resources=[_fill(text, context) for text in statement.resources],
            not_resources=[_fill(text, context) for text in statement.not_resources],
            conditions={
                operator: {key: _filled(value, context) for key, value in block.items()}
                for operator, block in statement.conditions.items()
            },
        )
        for statement in statements
    ]
    return _first_match(context, filled, effect)


def _filled(value: Any, context: EvalContext) -> Any:
    """A condition's value or values with their variables filled."""
    if isinstance(value, list):
        return [_filled(element, context) for element in value]
    return _fill(value, context) if isinstance(value, str) else value


def _fill(text: str, context: EvalContext) -> str:
    """The resource with each variable's value; one without a value stays and matches nothing."""

    def value(match: re.Match[str]) -> str:
        found = iam_evaluator._resolve_condition_key(match[1], context)
        return found if isinstance(found, str) else match[0]

    return _VARIABLE.sub(value, text) if "${" in text else text
