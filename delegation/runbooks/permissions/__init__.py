"""What a runbook's steps need of IAM, derived from each step's action and inputs.

A step whose calls cannot be seen from its action and inputs declares them in the sidecar beside
the document; undeclared, it is refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delegation.runbooks.checks.findings import Findings
from delegation.runbooks.checks.references import references_in
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.permissions.actions import derive
from delegation.runbooks.permissions.arns import arn
from delegation.runbooks.permissions.calls import Call, FixedValues
from delegation.runbooks.sidecar import DeclaredNeed


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One IAM action that one step needs."""

    step: str
    """The step's name."""
    action: str
    """``service:Action``."""
    resource: str
    """An ARN as an ``Fn::Sub`` string, or ``*``."""
    why: str
    """What the step calls it for."""
    source: str
    """Where that is documented, or the sidecar that declares it."""
    passed_to: str = ""
    """Of ``iam:PassRole``: the service that the role is passed to; empty for any."""

    @property
    def grant(self) -> str:
        """What is granted, as lock files and messages say it."""
        to = f" to {self.passed_to}" if self.passed_to else ""
        return f"{self.action} on {self.resource}{to}"


def needs_of(
    content: Mapping[str, Any],
    declared: Iterable[DeclaredNeed],
    findings: Findings,
    beside: Findings,
) -> tuple[Need, ...]:
    """What the steps of a document need, derived where the action shows, else as declared.

    Notes on ``findings`` what has to be declared and is not, and on those of the sidecar,
    ``beside``, what is declared without need.
    """
    by_step: dict[str, list[DeclaredNeed]] = {}
    for need in declared:
        by_step.setdefault(need.step, []).append(need)
    parameters = content.get("parameters")
    found = list(_of_defaults(parameters if isinstance(parameters, dict) else {}))
    values = FixedValues(parameters if isinstance(parameters, dict) else {})
    for step in named_steps(content):
        own = by_step.pop(step.name, [])
        derived = derive(step.action, Call(inputs=step.inputs, values=values))
        if derived.unseen and not own:
            findings.add(
                Rule.NEEDS,
                (*step.location, "action"),
                derived.unseen,
                f"declare what it needs in the {_SIDECAR} beside the document",
            )
        if own and not derived.unseen:
            beside.add(
                Rule.NEEDS,
                own[0].location,
                f"declares needs of step {step.name!r}",
                f"remove them: they are derived from its action {step.action}",
            )
        found += [
            Need(
                step=step.name,
                action=grant.action,
                resource=grant.resource,
                why=grant.why,
                source=grant.source,
                passed_to=grant.passed_to,
            )
            for grant in derived.grants
        ]
        found += _declared(step.name, own)
    steps = [step.name for step in named_steps(content)]
    for name, orphans in by_step.items() if steps else ():
        beside.add(
            Rule.NEEDS,
            (*orphans[0].location, "step"),
            f"is {name!r}, no step of the document",
            f"steps: {', '.join(steps)}",
            among=steps,
            like=name,
        )
    return tuple(dict.fromkeys(found))


_SIDECAR = ".delegation.yaml"


def _of_defaults(parameters: Mapping[str, Any]) -> Iterator[Need]:
    """What the defaults of a document need that name parameters of Parameter Store."""
    for name, field in parameters.items():
        default = field.get("default") if isinstance(field, dict) else None
        for reference in references_in(default):
            if not reference.name.startswith("ssm:"):
                continue
            stored = reference.name.removeprefix("ssm:").split(":")[0].lstrip("/")
            found = arn("ssm", "parameter", {"ParameterNameWithoutLeadingSlash": stored})
            if stored.startswith("aws/"):
                found = found.replace("${AWS::AccountId}", "")
            yield Need(
                step=f"parameter {name}",
                action="ssm:GetParameters",
                resource=found,
                why="SSM fills in the default of the parameter with the role's permissions",
                source="Systems Manager User Guide, Automation system variables",
            )


def _declared(step: str, declared: Iterable[DeclaredNeed]) -> list[Need]:
    return [
        Need(
            step=step,
            action=action,
            resource=resource,
            why=need.why,
            source="the sidecar",
            passed_to=need.passed_to,
        )
        for need in declared
        for action in need.actions
        for resource in need.resources
    ]
