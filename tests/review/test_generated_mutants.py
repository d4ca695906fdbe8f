"""No mutant of the templates that an operator makes survives unexplained.

The whole of the default deployment, and of the full one a fixed part: all of it is thousands of
reviews, which ``make mutants`` runs.
"""

import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pytest

from delegation.model import Deployment
from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.templates.assembly import Template
from tests.review.conftest import (
    DEFAULT,
    EVERYTHING,
    FLEETS,
    SCHEDULED,
    WITH_PIPELINE,
    Synthesize,
)
from tests.review.generated_mutants import Mutant, mutants
from tests.review.test_trail import AUDITED

_ALL = bool(os.environ.get("ALL_MUTANTS"))
"""Whether every mutant is reviewed: ``make mutants``."""

EXPLAINED = {
    r"(remove|rename) .*/Statement/\d+/Sid": "a Sid names a statement and decides nothing",
    r"(remove|rename) .*/Targets/\d+/Id": "an Id names a target and decides nothing",
    r"extend .*/Statement/\d+/Resource": "a star beside a star widens nothing",
    r"remove .*/State": "a rule, and a schedule, is on by default",
    r"(remove|extend|rename) .*/DependsOn(/\d+)?": "it orders what is made",
    r"duplicate .*Stack/Resources/(Runs|BadEnds|DocumentChanges|AccessChanges)Rule\w+": (
        "a second rule sends the same events once more"
    ),
    r"remove AdministrationStack/Resources/\w+Password\w+": "a secret that is gone gives nothing",
    r"remove \w+Stack/Outputs/\w+": "an output that is gone shows nothing",
    r"(widen|extend) .*RoleNeeds\w+/Properties/PolicyDocument/Statement/\d+/Action(/\d+)?": (
        "of what a service role's policy allows, its boundary leaves what it left before"
    ),
}
"""Survivors that change nothing for anybody, each with the reason."""


def _chosen(found: Iterable[Mutant], one_in: int) -> Iterator[Mutant]:
    """One mutant in so many, the same ones each time."""
    for mutant in found:
        if _ALL or zlib.crc32(str(mutant).encode()) % one_in == 0:
            yield mutant


def _outcome(engine: Engine, before: Review, templates: tuple[Template, ...]) -> str:
    """What becomes of a mutant."""
    try:
        after = review(engine, templates)
    except ReviewError:
        return "refused"
    changed = change(before, after)
    if changed.gains:
        return "gain"
    if changed.losses or changed.violated:
        return "loss or broken invariant"
    return "listed" if changed.differences else "survived"


@pytest.mark.parametrize(
    ("deployment", "one_in", "at_least"),
    [
        (DEFAULT, 4, 100),
        (FLEETS, 40, 20),
        (SCHEDULED, 40, 20),
        (AUDITED, 50, 15),
        (EVERYTHING, 60, 30),
        (WITH_PIPELINE, 60, 15),
    ],
    ids=["default", "fleets", "schedules", "audited", "everything", "pipeline"],
)
def test_no_mutant_survives_unexplained(
    engine: Engine,
    synthesize: Synthesize,
    deployment: Deployment,
    one_in: int,
    at_least: int,
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    templates = synthesize(deployment)
    before = review(engine, templates)
    outcomes: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    survivors = []

    for mutant in _chosen(mutants(templates), one_in):
        outcome = _outcome(engine, before, mutant.templates)
        outcomes[outcome] += 1
        operators[mutant.operator] += 1
        if outcome == "survived" and not any(re.fullmatch(e, str(mutant)) for e in EXPLAINED):
            survivors.append(str(mutant))

    assert survivors == []
    assert outcomes.total() >= at_least
    kind = request.node.callspec.id
    counted = f"{_listed(outcomes)}; of them: {_listed(operators)}"
    record_property("proof", f"mutants by operators, {kind}: {counted}")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def test_every_explanation_is_one_of_this_deployments(synthesize: Synthesize) -> None:
    names = [str(each) for of in (AUDITED, FLEETS, SCHEDULED) for each in mutants(synthesize(of))]

    for pattern in EXPLAINED:
        assert any(re.fullmatch(pattern, name) for name in names), pattern
