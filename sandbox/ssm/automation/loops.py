"""The iterations of ``aws:loop``: over values, or as long as a condition holds.

Source: Systems Manager User Guide, aws:loop.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ssm.automation.steps.base import StepFailed
from sandbox.ssm.automation.steps.branch import is_true
from sandbox.ssm.documents.references import UnknownReference, as_text, resolve

_MOST_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """One round of a loop."""

    number: int
    """From 1."""
    value: Any = None
    """The iterator's value; None where a condition drives the loop."""

    @property
    def written(self) -> str:
        """The value as text."""
        return as_text(self.value)

    def values(self, loop: str) -> dict[str, Any]:
        """What the loop's steps may refer to."""
        return {
            f"{loop}.CurrentIteration": self.number,
            f"{loop}.CurrentIteratorValue": self.value,
        }


def iterations(definition: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Iteration]:
    """The rounds of a loop; a condition is asked after each, with what is then known."""
    inputs = definition.get("inputs") or {}
    if "Iterators" in inputs:
        values = _resolved(inputs["Iterators"], known)
        if not isinstance(values, list) or len(values) > _MOST_ITERATIONS:
            raise StepFailed(
                f"Iterators are {values!r}, not a list of at most {_MOST_ITERATIONS} values"
            )
        for number, value in enumerate(values, start=1):
            yield Iteration(number=number, value=value)
        return
    if "LoopCondition" not in inputs:
        raise StepFailed("The loop has neither Iterators nor a LoopCondition")
    most = int(_resolved(inputs.get("MaxIterations", _MOST_ITERATIONS), known))
    for number in range(1, most + 1):
        yield Iteration(number=number)
        if not is_true(_resolved(inputs["LoopCondition"], known)):
            return


def _resolved(value: Any, known: Mapping[str, Any]) -> Any:
    try:
        return resolve(value, known)
    except UnknownReference as error:
        raise StepFailed(str(error)) from None
