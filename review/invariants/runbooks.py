"""Invariants of runbooks: the role that each runs as, and the steps that limit it."""

from collections.abc import Iterator

from review.access.evaluation import Evaluator
from review.invariants.invariant import Invariant, Proof, invariant
from review.model.account import Persona


def runbook_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about every runbook of the templates."""
    yield invariant(
        "runbooks-run-as-service-roles",
        "each runbook runs as a service role of these templates, never as the person who starts it",
        _roles(evaluator),
    )
    if any(limit.kind.stands_first for r in evaluator.account.runbooks for limit in r.limits):
        yield invariant(
            "runbooks-begin-with-their-limits",
            "each approval and calendar stands at the beginning of its runbook, and no run can go "
            "around it",
            _limits(evaluator),
        )


def _roles(evaluator: Evaluator) -> Proof:
    roles = {role.arn for role in evaluator.account.having(Persona.SERVICE_ROLE) if role.trust}
    findings = [
        f"{runbook.name} runs as {runbook.runs_as}"
        for runbook in evaluator.account.runbooks
        if runbook.role not in roles
    ]
    return Proof(tuple(findings), ())


def _limits(evaluator: Evaluator) -> Proof:
    findings = [
        f"a run of {runbook.name} can go around its {limit.what}"
        for runbook in evaluator.account.runbooks
        for limit in runbook.limits
        if limit.is_avoidable
    ]
    return Proof(tuple(findings), ())
