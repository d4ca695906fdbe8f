"""Inputs with a grammar of their own: choices of ``aws:branch``, the condition of ``aws:loop``, the
name of ``aws:updateVariable``, the time of ``aws:sleep``, the handler of ``aws:executeScript``.

Source: Systems Manager User Guide, aws:branch, aws:loop and aws:updateVariable.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.actions import Input
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.references import has_reference, references_in, whole_reference
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope, Step
from delegation.runbooks.checks.values import check_input

_OPERATORS = {
    "StringEquals": Input(type="String"),
    "EqualsIgnoreCase": Input(type="String"),
    "StartsWith": Input(type="String"),
    "EndsWith": Input(type="String"),
    "Contains": Input(type="String"),
    "NumericEquals": Input(type="Integer"),
    "NumericGreater": Input(type="Integer"),
    "NumericGreaterOrEquals": Input(type="Integer"),
    "NumericLesser": Input(type="Integer"),
    "NumericLesserOrEquals": Input(type="Integer"),
    "BooleanEquals": Input(type="Boolean"),
}
_GROUPS = ("And", "Or", "Not")
_LEAST_MEMBERS = {"And": 2, "Or": 2, "Not": 1}
"""Comparisons that a group joins at least.
Source: SSM's refusal, in awsdocs/aws-systems-manager-user-guide, pull request 186."""


def check_grammar(step: Step, scope: Scope, findings: Findings) -> None:
    """Notes what is wrong with a branch's choices, a loop's condition or a variable's name."""
    location = (*step.location, "inputs")
    if step.action == "aws:branch":
        choices = step.inputs.get("Choices")
        for index, choice in enumerate(choices if isinstance(choices, list) else ()):
            own = (*location, "Choices", index)
            if not isinstance(choice, dict):
                findings.add(Rule.BRANCH, own, f"is {shown_value(choice)}", "an object of a choice")
                continue
            if not isinstance(choice.get("NextStep"), str):
                findings.add(Rule.BRANCH, own, "lacks NextStep", "the step that the choice goes to")
            rest = {key: value for key, value in choice.items() if key != "NextStep"}
            _check_condition(rest, own, scope, findings)
    elif step.action == "aws:loop" and isinstance(step.inputs.get("LoopCondition"), dict):
        own = (*location, "LoopCondition")
        _check_condition(step.inputs["LoopCondition"], own, scope, findings)
    elif step.action in _BY_ACTION:
        _BY_ACTION[step.action](step, findings)
    elif step.action == "aws:updateVariable" and isinstance(step.inputs.get("Name"), str):
        own, name = (*location, "Name"), step.inputs["Name"]
        if name.removeprefix("variable:") not in scope.variables:
            findings.add(
                Rule.UNKNOWN_REFERENCE,
                own,
                f"{name!r} is not a variable",
                f"known: {listed(f'variable:{each}' for each in scope.variables) or 'none'}",
                among=[f"variable:{each}" for each in scope.variables],
                like=name,
            )


def _check_approval(step: Step, findings: Findings) -> None:
    """Notes an approval that can never be given, and a topic that Automation does not publish to.

    Source: Systems Manager User Guide, aws:approve.
    """
    location = (*step.location, "inputs")
    approvers, least = step.inputs.get("Approvers"), step.inputs.get("MinRequiredApprovals", 1)
    named = approvers if isinstance(approvers, list) else []
    is_written = bool(named) and not any(map(has_reference, named))
    if is_written and re.fullmatch(r"[0-9]{1,9}", str(least)) and int(str(least)) > len(named):
        findings.add(
            Rule.VALUE,
            (*location, "MinRequiredApprovals"),
            f"is {least}",
            f"at most {len(named)}, the number of Approvers",
        )
    topic = step.inputs.get("NotificationArn")
    if isinstance(topic, str) and not has_reference(topic):
        name = topic.rsplit(":", 1)[-1]
        if topic.startswith("arn:") and not name.startswith("Automation"):
            findings.add(
                Rule.VALUE,
                (*location, "NotificationArn"),
                f"is {topic!r}",
                "a topic whose name begins with Automation",
            )


def _check_sleep(step: Step, findings: Findings) -> None:
    """Notes a duration or time that is none."""
    for name, pattern, example in _TIMES:
        value = step.inputs.get(name)
        if not isinstance(value, str) or has_reference(value):
            continue
        location = (*step.location, "inputs", name)
        match = pattern.fullmatch(value)
        if not match:
            findings.add(Rule.VALUE, location, f"is {value!r}", f"ISO 8601, as {example}")
        elif name == "Duration" and _seconds(match) > _LONGEST_SLEEP:
            findings.add(Rule.VALUE, location, f"is {value!r}", "at most 604,799 seconds, 7 days")


_LONGEST_SLEEP = 604_799
"""Seconds. Source: Systems Manager User Guide, aws:sleep."""
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def _seconds(duration: re.Match[str]) -> float:
    return sum(float(duration[name] or 0) * unit for name, unit in _UNITS.items())


_TIMES = (
    (
        "Duration",
        re.compile(
            r"P(?=[0-9T])((?P<weeks>[0-9]+)W)?((?P<days>[0-9]+)D)?(T(?=[0-9])"
            r"((?P<hours>[0-9]+)H)?((?P<minutes>[0-9]+)M)?((?P<seconds>[0-9]+([.][0-9]+)?)S)?)?"
        ),
        "PT10M",
    ),
    (
        "Timestamp",
        re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{5,8}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
        ),
        "2030-01-31T09:00:00Z",
    ),
)


def _check_script(step: Step, findings: Findings) -> None:
    """Notes a Python script without its handler."""
    runtime, handler = step.inputs.get("Runtime"), step.inputs.get("Handler")
    if not str(runtime).startswith("python"):
        return
    location, script = (*step.location, "inputs"), step.inputs.get("Script")
    if handler is None:
        findings.add(
            Rule.REQUIRED, location, "lacks Handler", "a Python script has one", at_key=True
        )
    elif isinstance(script, str) and isinstance(handler, str) and "Attachment" not in step.inputs:
        name = handler.rsplit(".", 1)[-1]
        defined = re.findall(r"^(?:async )?def (\w+)|^(\w+) *=", script, re.MULTILINE)
        names = [first or second for first, second in defined]
        if name not in names:
            findings.add(
                Rule.VALUE,
                (*location, "Handler"),
                f"is {handler!r}, which the script does not define",
                f"defined: {listed(names) or 'nothing'}",
                among=names,
                like=name,
            )


def _check_condition(
    condition: Mapping[str, Any], location: Location, scope: Scope, findings: Findings
) -> None:
    groups = [name for name in _GROUPS if name in condition]
    if len(groups) > 1 or (groups and len(condition) > 1):
        findings.add(
            Rule.BRANCH, location, f"joins {listed(condition)}", "one of And, Or and Not alone"
        )
        return
    if not groups:
        _check_comparison(condition, location, scope, findings)
        return
    nested_here = list(_nested(condition[groups[0]], (*location, groups[0])))
    least = _LEAST_MEMBERS[groups[0]]
    if len(nested_here) < least:
        findings.add(
            Rule.BRANCH,
            (*location, groups[0]),
            f"joins {len(nested_here) or 'no'} comparison{'s' if len(nested_here) != 1 else ''}",
            f"at least {least}" if least > 1 else "at least one comparison",
        )
    for own, nested in nested_here:
        if isinstance(nested, dict):
            _check_condition(nested, own, scope, findings)
        else:
            findings.add(Rule.BRANCH, own, f"is {shown_value(nested)}", "an object of a comparison")


def _nested(value: object, location: Location) -> Iterator[tuple[Location, object]]:
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield (*location, index), element
    else:
        yield location, value


def _check_comparison(
    comparison: Mapping[str, Any], location: Location, scope: Scope, findings: Findings
) -> None:
    operators = [key for key in comparison if key != "Variable"]
    known = ("Variable", *_OPERATORS)
    for key in operators:
        if key not in _OPERATORS:
            findings.add(
                Rule.BRANCH,
                (*location, str(key)),
                "is not an operator",
                f"known: {listed(_OPERATORS)}",
                among=known,
                like=key,
                at_key=True,
            )
        else:
            check_input(comparison[key], _OPERATORS[key], (*location, key), scope, findings)
    if len(operators) != 1:
        found = f"compares by {listed(operators)}" if operators else "compares with nothing"
        findings.add(
            Rule.BRANCH, location, found, "one operator with what the Variable is compared to"
        )
    variable = comparison.get("Variable")
    own = (*location, "Variable")
    if not isinstance(variable, str) or not any(references_in(variable)):
        found = f"is {shown_value(variable)}" if "Variable" in comparison else "is missing"
        findings.add(Rule.BRANCH, own, found, "a reference, as {{ step.Output }}")
    elif whole_reference(variable):
        for reference in references_in(variable, own):
            scope.type_of(reference, findings)


_BY_ACTION: dict[str, Callable[[Step, Findings], None]] = {
    "aws:approve": _check_approval,
    "aws:executeScript": _check_script,
    "aws:sleep": _check_sleep,
}
