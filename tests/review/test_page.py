"""The review's page: what a reader sees first, what is folded, and where its links lead."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from review.access_review import Review, review
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.report.html import review_html
from tests.review.conftest import EVERYTHING, Synthesize


@pytest.fixture(scope="module")
def reviewed(engine: Engine, synthesize: Synthesize) -> Review:
    """The review of a deployment with everything."""
    return review(engine, synthesize(EVERYTHING))


def _with(reviewed: Review, *verdicts: Verdict) -> Review:
    """The review with the first invariants changed to these verdicts."""
    (account,) = reviewed.accounts
    changed = tuple(
        replace(each, verdict=verdict)
        for each, verdict in zip(account.invariants, verdicts, strict=False)
    )
    invariants = (*changed, *account.invariants[len(changed) :])
    return replace(reviewed, accounts=(replace(account, invariants=invariants),))


def test_links_lead_to_one_place_each(reviewed: Review) -> None:
    page = review_html(reviewed)

    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    targets = re.findall(r'href="#([^"]+)"', page)
    assert [target for target in targets if ids[target] != 1] == []
    assert {"content", "basis", "account-0", "account-0-escalation"} <= set(targets)


def test_what_is_violated_stands_first_and_each_state_has_its_words(reviewed: Review) -> None:
    given = (Verdict.EXCEPTED, Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNDETERMINED)

    page = review_html(_with(reviewed, *given))

    shown = re.findall(r'<li class="is-(\w+)"><strong class="\w+">([^<]+)</strong>', page)
    assert shown[:4] == [
        ("bad", "violated"),
        ("open", Verdict.UNDETERMINED.value),
        ("excepted", Verdict.EXCEPTED.value),
        ("good", "holds"),
    ]
    assert '<dt>invariants</dt><dd class="bad">' in page


def test_many_that_hold_are_folded_and_few_are_not(reviewed: Review) -> None:
    (account,) = reviewed.accounts
    few = replace(reviewed, accounts=(replace(account, invariants=account.invariants[:3]),))
    folded = '<details class="group"><summary><span class="good">'

    assert f"{folded}{len(account.invariants)} hold</span>" in review_html(reviewed)
    assert folded not in review_html(few)


def test_principals_stand_below_their_persona(reviewed: Review) -> None:
    page = review_html(reviewed)

    personas = re.findall(r"<h4>([^<]+)</h4>", page)
    assert personas == ["operator", "approver", "auditor", "author", "author role", *personas[5:]]
    (account,) = reviewed.accounts
    assert page.count("<details open><summary>") == len(account.accesses)


def test_many_decisions_of_an_invariant_are_cut_with_their_number(reviewed: Review) -> None:
    (account,) = reviewed.accounts
    first = next(each for each in account.invariants if each.decisions)
    wrong = replace(first.decisions[0], expected=not first.decisions[0].allowed, action="ssm:Odd")
    many = replace(first, decisions=(*first.decisions * 300, wrong))
    page = review_html(replace(reviewed, accounts=(replace(account, invariants=(many,)),)))

    assert f"decisions: {len(many.decisions)}, of which 200 are shown" in page
    assert (
        re.findall('<td role="cell" data-label="action"><code>([^/]+)</code>', page)[0]
        == "ssm:<wbr>Odd"
    )
