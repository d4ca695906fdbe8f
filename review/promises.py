"""What the project promises about an account, each promise proved or broken by the judge."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from review.judge import Decision, Judge


class Verdict(StrEnum):
    """What became of a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    UNTOLD = "not told by the templates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A sentence about the account, with what proves or breaks it."""

    id: str
    sentence: str
    verdict: Verdict
    findings: tuple[str, ...]
    """What breaks it, or what the templates do not tell."""
    decisions: tuple[Decision, ...]
    """The single questions asked for it, allows and their denied twins."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a promise rests on."""

    findings: tuple[str, ...]
    decisions: tuple[Decision, ...]
    untold: tuple[str, ...] = ()


Prove = Callable[[Judge], Proof]


def promise(id_: str, sentence: str, proof: Proof) -> Promise:
    """The promise with its verdict: each unexpected decision is a finding as well."""
    unexpected = [_as_finding(d) for d in proof.decisions if not d.is_as_expected]
    findings = tuple(dict.fromkeys((*proof.findings, *unexpected)))
    verdict = Verdict.BROKEN if findings else Verdict.UNTOLD if proof.untold else Verdict.KEPT
    return Promise(
        id=id_,
        sentence=sentence,
        verdict=verdict,
        findings=findings or proof.untold,
        decisions=proof.decisions,
    )


def _as_finding(decision: Decision) -> str:
    may = "may" if decision.allowed else "may not"
    context = "".join(f", {key} {value}" for key, value in decision.context)
    return f"{short(decision.who)} {may} {decision.action} on {decision.resource}{context}"


def short(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.rsplit("/", 1)[-1]


def joined(parts: Iterable[str]) -> str:
    """A list for a sentence; ``nothing`` where it is empty."""
    return ", ".join(parts) or "nothing"


def cut(findings: Iterator[str] | list[str], what: str, most: int = 12) -> tuple[str, ...]:
    """At most so many findings, and how many more there are."""
    listed = list(findings)
    more = len(listed) - most
    return (*listed[:most], f"and {more} more {what}") if more > 0 else tuple(listed)
