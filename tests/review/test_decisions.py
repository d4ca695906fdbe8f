"""Named decisions: each allow, and each denied twin one fact away."""

import pytest

from review.iam.engine import Engine
from tests.review.conftest import EVERYTHING, Synthesize
from tests.review.decisions import Named, decided, named_decisions


@pytest.fixture(scope="module")
def answers(engine: Engine, synthesize: Synthesize) -> dict[Named, bool | None]:
    """What the templates of EVERYTHING say to each."""
    return decided(engine, synthesize(EVERYTHING))


def test_decisions_are_many_and_of_both_kinds() -> None:
    allowed = [named.allowed for named in named_decisions()]

    assert allowed.count(True) > 30
    assert allowed.count(False) > 60


def test_each_is_decided_as_named(answers: dict[Named, bool | None]) -> None:
    wrong = {named: answer for named, answer in answers.items() if answer != named.allowed}

    assert wrong == {}
