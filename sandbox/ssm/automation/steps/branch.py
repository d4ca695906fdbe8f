"""``aws:branch``, and the conditions that ``aws:loop`` shares with it."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed


class Branch(Action):
    """Goes on to the step of the first choice that is true, else to ``Default``.

    Source: Systems Manager User Guide, aws:branch.
    """

    name = "aws:branch"

    def run(self) -> Outputs:
        """Sets the step that follows."""
        for choice in self.required("Choices"):
            condition = {key: value for key, value in choice.items() if key != "NextStep"}
            if is_true(condition):
                self.next_step = str(choice["NextStep"])
                return {}
        if "Default" in self.inputs:
            self.next_step = str(self.inputs["Default"])
        return {}


def is_true(condition: Mapping[str, Any]) -> bool:
    """Whether a condition of comparisons, And, Or and Not holds; references are resolved."""
    if "And" in condition:
        return all(map(is_true, condition["And"]))
    if "Or" in condition:
        return any(map(is_true, condition["Or"]))
    if "Not" in condition:
        nested = condition["Not"]
        return not any(map(is_true, nested if isinstance(nested, list) else [nested]))
    operators = [key for key in condition if key != "Variable"]
    if len(operators) != 1 or operators[0] not in _OPERATORS:
        raise StepFailed(
            f"A choice compares by {', '.join(operators) or 'nothing'}; "
            f"one of {', '.join(_OPERATORS)}"
        )
    compare, value = _OPERATORS[operators[0]], condition.get("Variable")
    try:
        return compare(value, condition[operators[0]])
    except (TypeError, ValueError):
        raise StepFailed(f"{operators[0]} cannot compare {value!r}") from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda a, b: _text(a) == _text(b),
    "EqualsIgnoreCase": lambda a, b: _text(a).lower() == _text(b).lower(),
    "StartsWith": lambda a, b: _text(a).startswith(_text(b)),
    "EndsWith": lambda a, b: _text(a).endswith(_text(b)),
    "Contains": lambda a, b: b in a if isinstance(a, list) else _text(b) in _text(a),
    "NumericEquals": lambda a, b: float(a) == float(b),
    "NumericGreater": lambda a, b: float(a) > float(b),
    "NumericGreaterOrEquals": lambda a, b: float(a) >= float(b),
    "NumericLesser": lambda a, b: float(a) < float(b),
    "NumericLesserOrEquals": lambda a, b: float(a) <= float(b),
    "BooleanEquals": lambda a, b: _text(a).lower() == _text(b).lower(),
}
