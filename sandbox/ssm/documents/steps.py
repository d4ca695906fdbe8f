"""The steps of an Automation document: their actions, where they lead, what they refer to."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sandbox.ssm.documents.references import names_in

ACTIONS = frozenset(
    f"aws:{name}"
    for name in (
        *("approve", "assertAwsResourceProperty", "branch", "changeInstanceState", "copyImage"),
        *("createImage", "createStack", "createTags", "deleteImage", "deleteStack"),
        *("executeAutomation", "executeAwsApi", "executeScript", "executeStateMachine"),
        *("invokeLambdaFunction", "invokeWebhook", "loop", "pause", "runCommand"),
        *("runInstances", "sleep", "updateVariable", "waitForAwsResourceProperty"),
    )
)
"""Source: Systems Manager User Guide, Systems Manager Automation actions reference."""
_SYSTEM = {
    *("global:ACCOUNT_ID", "global:AWS_PARTITION", "global:DATE", "global:DATE_TIME"),
    *("global:REGION", "automation:EXECUTION_ID"),
}
"""Source: Systems Manager User Guide, Automation system variables."""
_OF_TARGETS = {"RESOURCE_ID", "TARGET_ID"}
"""Names that Run Command and maintenance windows fill in, in parameters and command inputs."""
_GROUPS = ("And", "Or")

Step = Mapping[str, Any]


def all_steps(steps: list[Step]) -> Iterator[Step]:
    """The steps, and those within their loops."""
    for step in steps:
        yield step
        yield from all_steps(_steps_of_loop(step))


def step_faults(steps: Any, where: str = "mainSteps") -> Iterator[str]:
    """What is wrong with single steps."""
    if not isinstance(steps, list) or not steps:
        yield f"{where} is not a list of at least one step."
        return
    for step in steps:
        if not isinstance(step, dict) or not all(
            isinstance(step.get(key), str) and step[key] for key in ("name", "action")
        ):
            yield "Every step needs a name and an action."
            return
        yield from _field_faults(step)
        if step["action"] == "aws:loop":
            yield from step_faults(step.get("inputs", {}).get("Steps"), f"Steps of {step['name']}")


def _field_faults(step: Step) -> Iterator[str]:
    where = f"Step {step['name']}"
    if step["action"] not in ACTIONS:
        yield f"{where} has action {step['action']}, which does not exist."
    if not isinstance(step.get("inputs", {}), dict):
        yield f"{where} has inputs that are no object."
    if not isinstance(step.get("outputs", []), list):
        yield f"{where} has outputs that are no list."
    for output in step.get("outputs", ()):
        if not isinstance(output, dict) or not {"Name", "Selector"} <= output.keys():
            yield f"{where} has an output without Name and Selector."
    on_failure = str(step.get("onFailure", "Abort"))
    if not on_failure.startswith("step:") and on_failure not in ("Abort", "Continue"):
        yield f"{where} has onFailure {on_failure}; known: Abort, Continue, step:NAME."
    if step["action"] == "aws:branch":
        choices = step.get("inputs", {}).get("Choices")
        if not isinstance(choices, list) or not all(isinstance(c, dict) for c in choices):
            yield f"{where} has Choices that are no list of objects."
        yield from _group_faults(choices, step["name"])


def _group_faults(value: Any, step: str) -> Iterator[str]:
    """Groups of a branch with too few members, in AWS's words (their spelling too)."""
    if isinstance(value, list):
        for element in value:
            yield from _group_faults(element, step)
    elif isinstance(value, dict):
        for key, members in value.items():
            if key in _GROUPS and (not isinstance(members, list) or len(members) < 2):
                count = len(members) if isinstance(members, list) else 1
                yield (
                    f"Expect at lease two expressions for operator: {key} in step: {step}. "
                    f"Provided: {count}"
                )
            yield from _group_faults(members, step)


def flow_faults(steps: list[Step]) -> Iterator[str]:
    """Names that are not unique, ways to no step, and ways that never end."""
    names: set[str] = set()
    for step in all_steps(steps):
        if step["name"] in names:
            yield f"Step name {step['name']} is not unique."
        names.add(step["name"])
    yield from _way_faults(steps, frozenset())


def _way_faults(steps: list[Step], outside: frozenset[str]) -> Iterator[str]:
    """The same for the steps of one level, which may lead to those of the levels outside."""
    names = {step["name"] for step in steps}
    ways: dict[str, set[str]] = {}
    for position, step in enumerate(steps):
        following = steps[position + 1]["name"] if position + 1 < len(steps) else None
        ways[step["name"]] = set()
        for how, target in _ways(step, following):
            if target not in names | outside:
                yield f"Step {step['name']} {how.format(target)}, which is not a step."
            elif target in names:
                ways[step["name"]].add(target)
        yield from _way_faults(_steps_of_loop(step), outside | names)
    try:
        TopologicalSorter(ways).prepare()
    except CycleError as error:
        yield f"The steps run in an infinite loop: {' -> '.join(reversed(error.args[1]))}."


def _ways(step: Step, following: str | None) -> Iterator[tuple[str, str]]:
    """How and where a step may go on."""
    on_failure, on_cancel = str(step.get("onFailure", "")), str(step.get("onCancel", ""))
    if on_failure.startswith("step:"):
        yield "goes to {} on failure", on_failure.removeprefix("step:").strip()
    if on_cancel.startswith("step:"):
        yield "goes to {} when cancelled", on_cancel.removeprefix("step:").strip()
    branches = list(_branches(step))
    for target in branches:
        yield "branches to {}", target
    has_default = bool(branches) and "Default" in step["inputs"]
    if "nextStep" in step:
        yield "goes on to {}", str(step["nextStep"])
    elif following and not flag(step, "isEnd") and not has_default:
        yield "goes on to {}", following


def _branches(step: Step) -> Iterator[str]:
    """The steps that an ``aws:branch`` names."""
    if step["action"] == "aws:branch":
        for choice in step["inputs"]["Choices"]:
            if not list(names_in(choice.get("NextStep"))):
                yield str(choice.get("NextStep"))
        if "Default" in step["inputs"]:
            yield str(step["inputs"]["Default"])


def flag(fields: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """A truth value of a step or its inputs, such as ``isEnd``, which may be a string."""
    return str(fields.get(name, default)).lower() == "true"


def reference_faults(content: Mapping[str, Any]) -> Iterator[str]:
    """References to what the document does not declare, in AWS's words."""
    parameters, variables = content.get("parameters") or {}, content.get("variables") or {}
    steps = {step["name"] for step in all_steps(content["mainSteps"])}
    declared = {*_SYSTEM, *parameters, *(f"variable:{name}" for name in variables)}
    for name in names_in([parameters, variables]):
        if name not in declared | _OF_TARGETS and not name.startswith("ssm:"):
            yield _undeclared(name)
    texts = [content.get("assumeRole"), *map(_without_code, content["mainSteps"])]
    outputs = [str(output).strip("{} ") for output in content.get("outputs", ())]
    for name in (*names_in(texts), *outputs):
        base, _, output_name = name.partition(".")
        if base not in declared and not (base in steps and output_name):
            yield _undeclared(name)


def _undeclared(name: str) -> str:
    return f'Parameter "{name}" is not declared.'


def holds_code(action: str, name: str) -> bool:
    """Whether an input may hold doubled braces of another language: a script, or commands."""
    return name == "Script" or (action, name) == ("aws:runCommand", "Parameters")


def _without_code(step: Step) -> Any:
    """A step without the inputs that hold code, and with the steps of its loop beside it."""
    inputs = {
        name: value
        for name, value in step.get("inputs", {}).items()
        if name != "Steps" and not holds_code(step["action"], name)
    }
    return {**step, "inputs": inputs, "steps": [*map(_without_code, _steps_of_loop(step))]}


def _steps_of_loop(step: Step) -> list[Step]:
    steps = step.get("inputs", {}).get("Steps") if step["action"] == "aws:loop" else None
    return steps if isinstance(steps, list) else []
