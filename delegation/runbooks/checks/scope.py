"""What the references of one runbook may name: its parameters, variables and steps' outputs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.actions import actions
from delegation.runbooks.checks.findings import Findings, listed
from delegation.runbooks.checks.references import SYSTEM_VARIABLES, Reference
from delegation.runbooks.checks.rules import Rule

_STORED, _STORED_SECRET = "ssm:", "ssm-secure:"
"""Prefixes of references to Parameter Store."""
_PSEUDO_PARAMETERS = ("RESOURCE_ID", "TARGET_ID")
"""What stands for the instances of a maintenance window or a target.
Source: Systems Manager User Guide, aws:runCommand; Pseudo parameters of maintenance windows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step that has a name and an action, in ``mainSteps`` or within a loop."""

    name: str
    action: str
    definition: Mapping[str, Any]
    location: Location
    loop: str | None
    """The loop that it is a step of."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Its inputs; empty where they are no object."""
        inputs = self.definition.get("inputs")
        return inputs if isinstance(inputs, dict) else {}

    @property
    def declared_outputs(self) -> dict[str, str]:
        """Type by name of the outputs that the step itself declares."""
        outputs = self.definition.get("outputs")
        return {
            output["Name"]: str(output.get("Type", "String"))
            for output in (outputs if isinstance(outputs, list) else ())
            if isinstance(output, dict) and isinstance(output.get("Name"), str)
        }

    @property
    def outputs(self) -> dict[str, str]:
        """Type by name of all its outputs."""
        action = actions().get(self.action)
        return {**(action.outputs if action else {}), **self.declared_outputs}


@dataclass(slots=True)
class Scope:
    """The names that references of a document may use, and which of them are used."""

    parameters: dict[str, str]
    """Type by name."""
    variables: dict[str, str]
    """Type by name."""
    steps: dict[str, Step]
    used_parameters: set[str] = field(default_factory=set)

    def type_of(self, reference: Reference, findings: Findings) -> str | None:
        """The type behind a reference; None, with a finding, for one that names nothing."""
        name = reference.name
        if name.startswith((_STORED, _STORED_SECRET)):
            return self._type_of_stored(name, reference, findings)
        if name in _PSEUDO_PARAMETERS and self._takes_pseudo_parameters(reference.location):
            return "Any"
        if name in SYSTEM_VARIABLES:
            return SYSTEM_VARIABLES[name]
        if name.startswith("variable:"):
            return self._type_of_variable(name.removeprefix("variable:"), reference, findings)
        base, rest = _split(name)
        if base in self.steps and rest.startswith("."):
            return self._type_of_output(self.steps[base], rest[1:], reference, findings)
        if base in self.parameters:
            self.used_parameters.add(base)
            if not rest:
                return self.parameters[base]
            findings.add(
                Rule.UNKNOWN_REFERENCE,
                reference.location,
                f"{{{{ {name} }}}} reaches into parameter {base!r}",
                "a reference names a whole parameter; take it apart by a script or a selector",
            )
            return None
        findings.add(
            Rule.UNKNOWN_REFERENCE,
            reference.location,
            f"{{{{ {name} }}}} refers to nothing in this document",
            f"known: {listed(self._names(), most=12) or 'nothing'}",
            among=self._names(),
            like=name,
        )
        return None

    def _type_of_stored(self, name: str, reference: Reference, findings: Findings) -> str | None:
        """That of a value in Parameter Store, which SSM fills in in defaults of parameters alone.

        Source: Systems Manager User Guide, Automation system variables, Unsupported scenarios.
        """
        if name.startswith(_STORED) and reference.location[:1] == ("parameters",):
            return "String"
        findings.add(
            Rule.UNKNOWN_REFERENCE,
            reference.location,
            f"{{{{ {name} }}}} is not filled in here",
            "SSM fills in {{ssm:NAME}} in the default of a parameter alone; give a parameter that "
            "default and refer to the parameter"
            if name.startswith(_STORED)
            else "Automation does not read SecureString parameters; read it by a step",
        )
        return None

    def _takes_pseudo_parameters(self, location: Location) -> bool:
        """Whether a value stands in a default, or in a command's inputs."""
        return location[:1] == ("parameters",) or any(
            step.action == "aws:runCommand" and location[: len(step.location)] == step.location
            for step in self.steps.values()
        )

    def is_output(self, name: str) -> bool:
        """Whether a reference names a step's output, which Automation converts more freely."""
        return "." in name and _split(name)[0] in self.steps

    def _type_of_variable(self, name: str, reference: Reference, findings: Findings) -> str | None:
        base, rest = _split(name)
        if base in self.variables:
            return "Any" if rest else self.variables[base]
        findings.add(
            Rule.UNKNOWN_REFERENCE,
            reference.location,
            f"{{{{ variable:{name} }}}} refers to no variable",
            f"known: {listed(self.variables) or 'no variable'}",
            among=self.variables,
            like=name,
        )
        return None

    def _type_of_output(
        self, step: Step, path: str, reference: Reference, findings: Findings
    ) -> str | None:
        name, rest = _split(path)
        if step.action not in actions():  # reported where the action stands
            return "Any"
        if path in step.outputs:
            return step.outputs[path]
        if name in step.outputs and rest:
            return "Any"
        findings.add(
            Rule.UNKNOWN_REFERENCE,
            reference.location,
            f"step {step.name!r} ({step.action}) gives no output {name!r}",
            f"its outputs: {listed(step.outputs) or 'none'}",
            among=step.outputs,
            like=name,
        )
        return None

    def _names(self) -> list[str]:
        return [
            *self.parameters,
            *(f"variable:{name}" for name in self.variables),
            *(f"{step.name}.{output}" for step in self.steps.values() for output in step.outputs),
            *SYSTEM_VARIABLES,
        ]


def named_steps(content: Mapping[str, Any]) -> Iterator[Step]:
    """Every well-formed step of a document, those within loops after their loop."""
    yield from _named(content.get("mainSteps"), ("mainSteps",), None)


def by_name(steps: Iterable[Step]) -> dict[str, Step]:
    """Steps by their names; of equal names the first."""
    found: dict[str, Step] = {}
    for step in steps:
        found.setdefault(step.name, step)
    return found


def count_steps(content: Mapping[str, Any]) -> int:
    """How many steps a document has, well-formed or not, as far as loops are."""
    loops = [step for step in named_steps(content) if step.action == "aws:loop"]
    lists = [content.get("mainSteps"), *(loop.inputs.get("Steps") for loop in loops)]
    return sum(len(steps) for steps in lists if isinstance(steps, list))


def _named(steps: object, location: Location, loop: str | None) -> Iterator[Step]:
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        name, action = step.get("name"), step.get("action")
        if isinstance(name, str) and isinstance(action, str):
            found = Step(
                name=name, action=action, definition=step, location=(*location, index), loop=loop
            )
            yield found
            if action == "aws:loop":
                inner = (*location, index, "inputs", "Steps")
                yield from _named(found.inputs.get("Steps"), inner, name)


def _split(name: str) -> tuple[str, str]:
    """A name up to its first ``.`` or ``[``, and the rest with it."""
    for index, character in enumerate(name):
        if character in ".[":
            return name[:index], name[index:]
    return name, ""
