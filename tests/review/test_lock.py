"""The lock file of access: a ceiling, readable, and never passed unseen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.lock.ceiling import Comparison, compare
from review.lock.facts import facts_of
from review.lock.file import Accepted, read, rendered
from review.templates.assembly import Template, given_environment, read_templates
from tests.clone import EXAMPLE
from tests.review.conftest import DEFAULT, EVERYTHING, WITH_PIPELINE, Synthesize
from tests.review.mutants import (
    Mutants,
    additions,
    attacks,
    droppings,
    mutated,
    removals,
    template_of,
    widenings,
)
from tests.review.pipeline_mutants import of_pipelines
from tests.stacks.synthesis import written

Templates = tuple[Template, ...]


def _accepted(reviewed: Review) -> Accepted:
    return {account.heading: dict(account.rows) for account in facts_of(reviewed)}


def _against(accepted: Accepted, reviewed: Review) -> Comparison:
    return compare(accepted, facts_of(reviewed))


def test_lock_of_the_default_deployment(engine: Engine, tmp_path: Path) -> None:
    templates = read_templates(written(DEFAULT, tmp_path / "out"), given_environment())

    found = facts_of(review(engine, templates))

    assert rendered(found) == (EXAMPLE / "access.lock.md").read_text("ascii")


@pytest.mark.parametrize("wanted", [DEFAULT, EVERYTHING, WITH_PIPELINE], ids=str)
def test_file_says_all_that_was_accepted(
    engine: Engine, synthesize: Synthesize, tmp_path: Path, wanted: Any
) -> None:
    found = facts_of(review(engine, synthesize(wanted)))
    path = tmp_path / "access.lock.md"
    path.write_text(rendered(found), "ascii")

    accepted = read(path)

    assert accepted == {
        account.heading: {table: rows for table, rows in account.rows.items() if rows}
        for account in found
    }
    assert compare(accepted, found) == Comparison(gains=(), losses=())


@pytest.mark.parametrize(
    ("wanted", "stack", "kind"),
    [
        (EVERYTHING, "AdministrationStack", removals),
        (EVERYTHING, "AdministrationStack", widenings),
        (EVERYTHING, "AdministrationStack", droppings),
        (EVERYTHING, "AdministrationStack", additions),
        (EVERYTHING, "AdministrationStack", attacks),
        (WITH_PIPELINE, "PipelineStack", removals),
        (WITH_PIPELINE, "PipelineStack", widenings),
        (WITH_PIPELINE, "PipelineStack", droppings),
        (WITH_PIPELINE, "PipelineStack", of_pipelines),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_whatever_a_change_reports_as_gained_is_gained_against_the_lock(
    engine: Engine,
    synthesize: Synthesize,
    wanted: Any,
    stack: str,
    kind: Callable[[dict[str, Any]], Mutants],
) -> None:
    templates = synthesize(wanted)
    before = review(engine, templates)
    accepted = _accepted(before)

    unseen, invented = [], []
    for name, mutate in kind(template_of(stack, templates)).items():
        try:
            after = review(engine, mutated(templates, mutate, stack=stack))
        except ReviewError:
            continue
        changed, compared = change(before, after), _against(accepted, after)
        administrators = [each for each in changed.differences if each.is_administrators]
        if (changed.gains or administrators) and not compared.gains:
            unseen.append((name, changed.gains, administrators))
        if compared.gains and not changed.widens:
            invented.append((name, compared.gains))

    assert unseen == []
    assert invented == []
