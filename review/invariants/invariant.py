"""Invariants of an account, each proved to hold or shown to be violated."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from review.access.evaluation import Decision, Evaluator
from review.access.grants import Access, Grant
from review.model.account import Persona


class Verdict(StrEnum):
    """What became of an invariant."""

    HOLDS = "holds"
    EXCEPTED = "holds with exceptions"
    VIOLATED = "violated"
    UNDETERMINED = "cannot be determined from the templates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """A sentence about the account, with what proves or breaks it."""

    id: str
    sentence: str
    verdict: Verdict
    findings: tuple[str, ...]
    """What breaks it, or what the templates do not show."""
    decisions: tuple[Decision, ...]
    """The single questions asked for it, allows and their denied twins."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What an invariant rests on."""

    findings: tuple[str, ...]
    decisions: tuple[Decision, ...]
    undetermined: tuple[str, ...] = ()
    excepted: str = ""
    """Whom or what the sentence leaves out; empty where it holds as it stands."""


def invariant(id_: str, sentence: str, proof: Proof) -> Invariant:
    """The invariant with its verdict: each unexpected decision is a finding as well."""
    unexpected = [_as_finding(d) for d in proof.decisions if not d.is_as_expected]
    findings = _cut(tuple(dict.fromkeys((*proof.findings, *unexpected))))
    kept = Verdict.EXCEPTED if proof.excepted else Verdict.HOLDS
    verdict = Verdict.VIOLATED if findings else Verdict.UNDETERMINED if proof.undetermined else kept
    return Invariant(
        id=id_,
        sentence=f"{sentence}; except: {proof.excepted}" if proof.excepted else sentence,
        verdict=verdict,
        findings=findings or proof.undetermined,
        decisions=proof.decisions,
    )


def _as_finding(decision: Decision) -> str:
    may = "may" if decision.allowed else "may not"
    context = "".join(f", {key} {value}" for key, value in decision.context)
    return f"{_short(decision.who)} {may} {decision.action} on {decision.resource}{context}"


def _short(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.rsplit("/", 1)[-1]


def joined(parts: Iterable[str]) -> str:
    """A list for a sentence; ``nothing`` where it is empty."""
    return ", ".join(parts) or "nothing"


def as_findings(access: Access, grants: Iterable[Grant]) -> list[str]:
    """What a principal may do, as findings."""
    return [
        f"{access.principal.name} may {grant.action} on {grant.resource} (by {', '.join(grant.by)})"
        for grant in grants
    ]


def of_actions(access: Access, *actions: str) -> list[str]:
    """What a principal may do of these actions, as findings."""
    return as_findings(access, (grant for action in actions for grant in access.on(action)))


def anything_but(access: Access, actions: Collection[str]) -> list[str]:
    """What a principal may do beside these actions, as findings."""
    return of_actions(access, *(name for name in access.allowed_actions if name not in actions))


def denied_whatever_else(evaluator: Evaluator, persona: Persona, *actions: str) -> Proof:
    """That everybody of a part is denied actions on everything, whatever else grants them."""
    people = evaluator.account.having(persona)
    resources = [evaluator.execution(region=region) for region in evaluator.account.regions]
    resources += evaluator.account.runbook_arns
    known = evaluator.engine.actions()
    decisions = [
        evaluator.evaluate(principal, action, resource, expected=False, whatever_else=True)
        for principal in people
        for action in actions
        for resource in resources
        if (found := known.get(action)) and found.takes(resource)
    ]
    findings = [
        f"{principal.name} is denied {action} under conditions only, or on some resources only"
        for principal in people
        for action in actions
        if not any(
            not statement.allows
            and not statement.conditions
            and not statement.but_resources
            and "*" in statement.resources
            and statement.speaks_of(action)
            for policy in principal.held
            for statement in policy.statements
        )
    ]
    return Proof(tuple(findings), tuple(decisions))


_MOST_FINDINGS = 20


def _cut(findings: tuple[str, ...]) -> tuple[str, ...]:
    """The findings; where they are many, the first, and how many more there are."""
    more = len(findings) - _MOST_FINDINGS
    return (*findings[:_MOST_FINDINGS], f"and {more} more") if more > 0 else findings
