"""The lock file of access: a ceiling, readable, and never passed unseen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.access_review import Review, review
from review.errors import ReviewError
from review.iam.engine import Engine
from review.lock.ceiling import Comparison, compare
from review.lock.facts import Table, facts_of
from review.lock.file import HEADER, Accepted, line_of, parse, read, rendered
from review.templates.assembly import Template, given_environment, read_templates
from tests.clone import EXAMPLE
from tests.review.conftest import DEFAULT, EVERYTHING, WITH_PIPELINE, Synthesize
from tests.review.mutants import with_runbook
from tests.stacks.synthesis import written

Templates = tuple[Template, ...]


def _accepted(reviewed: Review) -> Accepted:
    return {account.heading: dict(account.rows) for account in facts_of(reviewed)}


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


_RUNBOOK = "Restart-EC2InstanceDemo"


def _edited(engine: Engine, templates: Templates, edit: Callable[[dict[str, Any]], Any]) -> Review:
    return review(engine, with_runbook(templates, _RUNBOOK, edit))


def test_steps_within_the_accepted_actions_change_nothing_of_the_lock(
    engine: Engine, synthesize: Synthesize
) -> None:
    templates = synthesize(EVERYTHING)
    accepted = _accepted(review(engine, templates))

    after = _edited(
        engine,
        templates,
        lambda content: content["mainSteps"][-1].update(timeoutSeconds=900, maxAttempts=2),
    )

    assert compare(accepted, facts_of(after)) == Comparison(gains=(), losses=())


def test_another_action_of_a_runbook_is_a_gain_and_its_reverse_a_loss(
    engine: Engine, synthesize: Synthesize
) -> None:
    templates = synthesize(EVERYTHING)
    before = review(engine, templates)

    def terminate(content: dict[str, Any]) -> None:
        content["mainSteps"][-1]["inputs"]["DesiredState"] = "terminated"

    after = _edited(engine, templates, terminate)
    there = compare(_accepted(before), facts_of(after))
    back = compare(_accepted(after), facts_of(before))

    assert f"runbook {_RUNBOOK} does ec2:TerminateInstances" in there.gains
    assert f"no longer: runbook {_RUNBOOK} does ec2:StartInstances" in there.losses
    assert f"runbook {_RUNBOOK} does ec2:StartInstances" in back.gains


def test_limit_that_is_loosened_is_a_gain_and_one_that_is_tightened_a_notice(
    engine: Engine, synthesize: Synthesize
) -> None:
    templates = synthesize(EVERYTHING)
    accepted = _accepted(review(engine, templates))

    def holding(most: int) -> Comparison:
        edit = lambda content: content["parameters"]["InstanceId"].update(maxItems=most)  # noqa: E731
        return compare(accepted, facts_of(_edited(engine, templates, edit)))

    assert holding(50).gains == (
        f"no longer: runbook {_RUNBOOK} is limited by maxItems of InstanceId: 5",
    )
    assert holding(1) == Comparison(
        gains=(), losses=(f"runbook {_RUNBOOK} is limited by maxItems of InstanceId: 1",)
    )


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("# Accepted", "# Excepted"), "does not begin as `make accept`"),
        (lambda text: text + "<<<<<<< HEAD\n", "it is not a line of this file"),
        (lambda text: text + "### Secrets\n", "there is no table 'Secrets'"),
        (lambda text: text + "| `one` |\n", "it has not 4 cells"),
        (lambda text: text.replace("| `ssm:GetDocument` |", "|  `ssm:GetDocument` |"), "it is not"),
    ],
    ids=["header", "merge", "table", "cells", "spaces"],
)
def test_file_that_is_not_as_it_was_written_is_refused(
    tmp_path: Path, edit: Callable[[str], str], message: str
) -> None:
    path = tmp_path / "access.lock.md"
    path.write_text(edit((EXAMPLE / "access.lock.md").read_text("ascii")), "ascii")

    with pytest.raises(ReviewError) as caught:
        read(path)

    assert message in str(caught.value)
    assert str(caught.value).endswith("the administrator writes it anew: make accept")


def test_missing_file_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(ReviewError) as caught:
        read(tmp_path / "access.lock.md")

    assert str(caught.value) == "access.lock.md does not exist; the administrator runs: make accept"


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_no_two_values_are_written_alike(values: list[str]) -> None:
    row = (("runbook",), tuple(values))
    text = f"{HEADER}\n## any account\n\n### {Table.ACTIONS.value}\n\n{line_of(row)}\n"

    assert parse("access.lock.md", text) == {"any account": {Table.ACTIONS: frozenset({row})}}
