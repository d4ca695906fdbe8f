"""What is promised of runbooks: the role that each runs as, and the steps that limit it."""

from collections.abc import Iterator

from review.access.evaluation import Judge
from review.invariants.invariant import Promise, Proof, promise
from review.model.account import Part


def runbook_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about every runbook of the templates."""
    yield promise(
        "runbooks-run-as-service-roles",
        "each runbook runs as a service role of these templates, never as the person who starts it",
        _roles(judge),
    )
    if any(limit.is_step for runbook in judge.account.runbooks for limit in runbook.limits):
        yield promise(
            "runbooks-begin-with-their-limits",
            "each approval and calendar stands at the beginning of its runbook, and no run can go "
            "around it",
            _limits(judge),
        )


def _roles(judge: Judge) -> Proof:
    roles = {role.arn for role in judge.account.having(Part.SERVICE_ROLE) if role.trust}
    findings = [
        f"{runbook.name} runs as {runbook.runs_as}"
        for runbook in judge.account.runbooks
        if runbook.role not in roles
    ]
    return Proof(tuple(findings), ())


def _limits(judge: Judge) -> Proof:
    findings = [
        f"a run of {runbook.name} can go around its {limit.what}"
        for runbook in judge.account.runbooks
        for limit in runbook.limits
        if limit.is_dodged
    ]
    return Proof(tuple(findings), ())
