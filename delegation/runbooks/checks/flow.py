"""The flow of a runbook's steps: where each goes, what is never reached, what runs in circles.

Source: Systems Manager User Guide, Properties shared by all actions, and aws:branch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.actions import actions
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.references import has_reference, references_in
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope, Step

_ON_FAILURE = ("Abort", "Continue", "step:NAME")
_ON_CANCEL = ("Abort", "step:NAME")


@dataclass(frozen=True, slots=True)
class _Jump:
    """A step's naming of another."""

    target: str
    location: Location


def check_flow(steps: list[Step], scope: Scope, findings: Findings) -> None:
    """Notes jumps to nowhere, steps that are never reached, circles, and outputs used too early.

    ``steps`` are those of ``mainSteps``, and after each loop those within it: a loop goes on to
    its first step and its steps may go to those outside, but no step goes into a loop.
    """
    ways = _ways_in_order(steps, findings)
    if not _add_jumps(ways, steps, findings) or any(s.action not in actions() for s in steps):
        return  # what follows from a mistake reported above is not a mistake of its own
    reached = _check_reached(steps, ways, findings)
    firsts = _first_steps(steps)
    for step in steps:
        if step.loop is not None:  # when a loop ends, what follows it may use its steps' outputs
            ways[step.name] |= ways[step.loop] - {firsts[step.loop]}
    before = _before(ways)
    _check_circles(steps, before, findings)
    _check_order([step for step in steps if step.name in reached], before, scope, findings)


def _ways_in_order(steps: list[Step], findings: Findings) -> dict[str, set[str]]:
    """For each step, the one that follows it in the document, and the first within a loop."""
    ways = {step.name: set[str]() for step in steps}
    for group in _groups(steps):
        for index, step in enumerate(group):
            following = group[index + 1].name if index + 1 < len(group) else None
            if following and not _goes_nowhere_else(step):
                ways[step.name].add(following)
            _check_end(step, findings)
    for loop, first in _first_steps(steps).items():
        ways[loop].add(first)
    return ways


def _first_steps(steps: list[Step]) -> dict[str, str]:
    """The first step within each loop, by the loop's name."""
    return {step.loop: step.name for step in reversed(steps) if step.loop is not None}


def _add_jumps(ways: dict[str, set[str]], steps: list[Step], findings: Findings) -> bool:
    """Adds the ways that steps name; whether all of them lead somewhere."""
    all_lead = True
    for step in steps:
        within = {other.name for other in steps if other.loop in (None, step.loop)}
        for jump in _jumps(step, findings):
            if jump.target in within:
                ways[step.name].add(jump.target)
                _check_cancellation(jump, steps, findings)
                continue
            all_lead = False
            findings.add(
                Rule.FLOW,
                jump.location,
                f"goes to {jump.target!r}, which is not a step here",
                f"steps: {listed(sorted(within))}",
                among=within,
                like=jump.target,
            )
    return all_lead


def _check_cancellation(jump: _Jump, steps: list[Step], findings: Findings) -> None:
    """Notes an ``onCancel`` that goes to a step whose action cannot follow a cancellation."""
    target = next(step for step in steps if step.name == jump.target)
    action = actions().get(target.action)
    if jump.location[-1] == "onCancel" and action is not None and not action.on_cancel_target:
        findings.add(
            Rule.FLOW,
            jump.location,
            f"goes to {jump.target!r}, a step of {target.action}",
            "after a cancellation only what ends soon may follow: no wait, image, stack or loop",
        )


def _groups(steps: list[Step]) -> Iterator[list[Step]]:
    """The steps of ``mainSteps``, and those of each loop."""
    for loop in dict.fromkeys(step.loop for step in steps):
        yield [step for step in steps if step.loop == loop]


def _jumps(step: Step, findings: Findings) -> Iterator[_Jump]:
    definition = step.definition
    if isinstance(next_step := definition.get("nextStep"), str):
        yield _Jump(next_step, (*step.location, "nextStep"))
    for field, allowed in (("onFailure", _ON_FAILURE), ("onCancel", _ON_CANCEL)):
        value, location = definition.get(field), (*step.location, field)
        if isinstance(value, str) and value.startswith("step:"):
            yield _Jump(value.removeprefix("step:").strip(), location)
        elif value is not None and value not in allowed[:-1]:
            findings.add(
                Rule.FLOW,
                location,
                f"is {shown_value(value)}",
                f"allowed: {listed(allowed)}",
                among=allowed,
                like=value,
            )
    if step.action == "aws:branch":
        yield from _branches(step)


def _branches(step: Step) -> Iterator[_Jump]:
    location = (*step.location, "inputs")
    choices = step.inputs.get("Choices")
    for index, choice in enumerate(choices if isinstance(choices, list) else ()):
        target = choice.get("NextStep") if isinstance(choice, dict) else None
        if isinstance(target, str) and not has_reference(target):
            yield _Jump(target, (*location, "Choices", index, "NextStep"))
    if isinstance(default := step.inputs.get("Default"), str):
        yield _Jump(default, (*location, "Default"))


def _goes_nowhere_else(step: Step) -> bool:
    """Whether a step that succeeds does not go on to the one that follows it in the document."""
    is_branch = step.action == "aws:branch" and "Default" in step.inputs
    return "nextStep" in step.definition or _is_end(step.definition) or is_branch


def _check_end(step: Step, findings: Findings) -> None:
    if _is_end(step.definition) and "nextStep" in step.definition:
        findings.add(
            Rule.FLOW,
            (*step.location, "nextStep"),
            "stands beside isEnd",
            "one of the two: a step ends the runbook or goes on",
            at_key=True,
        )


def _is_end(definition: Mapping[str, Any]) -> bool:
    return str(definition.get("isEnd", False)).lower() == "true"


def _check_reached(steps: list[Step], ways: dict[str, set[str]], findings: Findings) -> set[str]:
    """The steps that are reached; notes those that are not."""
    reached: set[str] = set()
    queue = [steps[0].name] if steps else []
    while queue:
        name = queue.pop()
        if name not in reached:
            reached.add(name)
            queue += ways[name]
    for step in steps:
        if step.name not in reached:
            findings.add(
                Rule.UNREACHABLE,
                step.location,
                "is never reached",
                "no step goes on to it: see isEnd, nextStep, onFailure and branches before it",
            )
    return reached


def _before(ways: dict[str, set[str]]) -> dict[str, set[str]]:
    """For each step, every step that can have run before it."""
    before: dict[str, set[str]] = {name: set() for name in ways}
    changed = True
    while changed:
        changed = False
        for name, targets in ways.items():
            for target in targets:
                more = {name, *before[name]} - before[target]
                if more:
                    before[target] |= more
                    changed = True
    return before


def _check_circles(steps: list[Step], before: dict[str, set[str]], findings: Findings) -> None:
    for step in steps:
        if step.name in before[step.name]:
            circle = [
                s.name for s in steps if s.name in before[step.name] and step.name in before[s.name]
            ]
            findings.add(
                Rule.CIRCLE,
                step.location,
                f"runs in a circle: {' -> '.join(circle)}",
                "steps go forward; repeat by aws:loop or maxAttempts",
            )
            return


def _check_order(
    steps: list[Step], before: dict[str, set[str]], scope: Scope, findings: Findings
) -> None:
    """Notes references to the output of a step that cannot have run."""
    for step in steps:
        own = {
            k: v for k, v in step.definition.items() if step.action != "aws:loop" or k != "inputs"
        }
        for reference in references_in(own, step.location):
            source = scope.steps.get(reference.name.partition(".")[0])
            if source is None or "." not in reference.name or source.name == step.name:
                continue
            if source.name in before and source.name not in before[step.name]:
                findings.add(
                    Rule.TOO_EARLY,
                    reference.location,
                    f"{{{{ {reference.name} }}}} is an output of {source.name!r}",
                    "a step that has run before; that one cannot have",
                )
