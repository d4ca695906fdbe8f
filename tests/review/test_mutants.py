"""Teeth: whatever is taken from the templates or slipped into them, a decision flips."""

from collections.abc import Callable
from typing import Any

import pytest

from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.lock.ceiling import compare
from review.lock.facts import facts_of
from review.model.account import Persona
from review.templates.assembly import Template
from tests.review.conftest import EVERYTHING, WITH_PIPELINE, Synthesize
from tests.review.decisions import decided, named_decisions
from tests.review.mutants import (
    Mutants,
    additions,
    attacks,
    droppings,
    mutated,
    of_bounded_policies,
    removals,
    template_of,
    widenings,
)
from tests.review.pipeline_mutants import of_pipelines

_GAIN_NOTHING = {
    "operator joins the approvers",  # whose policy denies him every start
    "operator loses Start",
    "somebody else appears",  # with nothing, yet
    *(
        f"{role}Boundary/{sid} without aws:TagKeys"  # a Deny without its condition denies more
        for role in ("AutomationServiceRole", "AutomationImageRole")
        for sid in ("NeverChangeLimitTag", "NeverRemoveEveryTag")
    ),
}
_EXPECTED = {named: named.allowed for named in named_decisions()}


@pytest.fixture(scope="module")
def templates(synthesize: Synthesize) -> tuple[Template, ...]:
    """Those that are mutated."""
    return synthesize(EVERYTHING)


@pytest.fixture(scope="module")
def before(engine: Engine, templates: tuple[Template, ...]) -> Review:
    """Their review."""
    return review(engine, templates)


def _is_noticed(engine: Engine, templates: tuple[Template, ...], reviewed: Review) -> bool:
    """Whether an invariant breaks or a named decision flips."""
    (account,) = reviewed.accounts
    if any(invariant.verdict is not Verdict.HOLDS for invariant in account.invariants):
        return True
    return decided(engine, templates) != _EXPECTED


def _spared(
    before: Review,
    mutants: dict[str, tuple[Template, ...]],
    engine: Engine,
    *,
    most_gain: bool,
    is_noticed: Callable[[tuple[Template, ...], Review], bool],
) -> tuple[list[str], list[str]]:
    """The mutants that nothing notices, and those that a change does not show."""
    survivors, silent = [], []
    accepted = {account.heading: dict(account.rows) for account in facts_of(before)}
    for name, mutant in mutants.items():
        try:
            reviewed = review(engine, mutant)
        except ReviewError:
            continue  # what cannot be evaluated is refused
        if not is_noticed(mutant, reviewed):
            survivors.append(name)
        changed = change(before, reviewed)
        if not (changed.gains if most_gain else changed.gains or changed.losses):
            silent.append(name)
        gains_access = changed.gains or any(d.is_administrators for d in changed.differences)
        locked = compare(accepted, facts_of(reviewed))
        if gains_access and not locked.gains:
            survivors.append(f"{name}: not gained against the lock")
        if locked.gains and not changed.widens:
            survivors.append(f"{name}: gained against the lock alone")
    return survivors, silent


@pytest.mark.parametrize(
    ("kind", "most_gain"),
    [(removals, False), (widenings, True), (droppings, True), (additions, True), (attacks, True)],
    ids=["removals", "widenings", "droppings", "additions", "attacks"],
)
def test_all_mutants_die(
    engine: Engine,
    templates: tuple[Template, ...],
    before: Review,
    kind: Callable[[dict[str, Any]], Mutants],
    most_gain: bool,
    record_property: Callable[[str, object], None],
) -> None:
    mutants = kind(template_of("AdministrationStack", templates))

    survivors, silent = _spared(
        before,
        {name: mutated(templates, mutate) for name, mutate in mutants.items()},
        engine,
        most_gain=most_gain,
        is_noticed=lambda mutant, reviewed: _is_noticed(engine, mutant, reviewed),
    )

    assert len(mutants) > 15
    assert survivors == []
    assert set(silent) <= _GAIN_NOTHING
    record_property("proof", f"mutants, {kind.__name__}: {len(mutants)}, all killed")


@pytest.mark.parametrize(
    ("kind", "most_gain"),
    [(removals, False), (widenings, True), (droppings, True), (of_pipelines, True)],
    ids=["removals", "widenings", "droppings", "additions"],
)
def test_all_mutants_of_the_pipelines_roles_violate_an_invariant(
    engine: Engine,
    synthesize: Synthesize,
    kind: Callable[[dict[str, Any]], Mutants],
    most_gain: bool,
    record_property: Callable[[str, object], None],
) -> None:
    templates = synthesize(WITH_PIPELINE)
    before = review(engine, templates)
    mutants = kind(template_of("PipelineStack", templates))

    survivors, silent = _spared(
        before,
        {n: mutated(templates, mutate, stack="PipelineStack") for n, mutate in mutants.items()},
        engine,
        most_gain=most_gain,
        is_noticed=lambda _, reviewed: bool(reviewed.violated),
    )

    assert len(mutants) > 10
    assert survivors == []
    assert silent == []
    record_property("proof", f"mutants of PipelineStack, {kind.__name__}: {len(mutants)}, killed")


def test_boundary_holds_against_whatever_a_role_is_given(
    engine: Engine, templates: tuple[Template, ...], before: Review
) -> None:
    mutants = of_bounded_policies(template_of("AdministrationStack", templates))

    assert list(mutants) == ["AutomationServiceRoleNeeds"]
    for mutate in mutants.values():
        reviewed = review(engine, mutated(templates, mutate))
        assert _grants_of_roles(reviewed) == _grants_of_roles(before)


def _grants_of_roles(reviewed: Review) -> dict[str, set[tuple[str, str, tuple[str, ...]]]]:
    """What each service role can do, by whichever statement."""
    return {
        access.principal.name: {(g.action, g.resource, g.conditions) for g in access.grants}
        for access in reviewed.accounts[0].accesses
        if access.principal.persona is Persona.SERVICE_ROLE
    }
