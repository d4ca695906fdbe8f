"""What is the same in many accounts is shown once, and what differs in one is seen."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from delegation.model import IamUser
from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.lock.ceiling import compare
from review.lock.facts import facts_of
from review.lock.file import parse, rendered
from review.report.html import review_html
from review.report.markdown import change_markdown, review_markdown
from review.templates.assembly import given_environment, read_templates
from tests.stacks.synthesis import app_of, deployment

_ALIKE = ("111111111111", "222222222222", "333333333333", "444444444444")
_OTHER = "555555555555"
_REGIONS = ("eu-west-1",)


def _reviewed(engine: Engine, folder: Path, *, everybody: tuple[IamUser, ...] = ()) -> Review:
    """The review of four accounts that are alike and one with another operator."""
    same = [deployment(account=each, regions=_REGIONS) for each in _ALIKE]
    other = deployment(account=_OTHER, regions=_REGIONS, operators=(IamUser("other"),))
    wanted = [
        replace(each, operators=(*each.operators, *everybody), teams=()) if everybody else each
        for each in (*same, other)
    ]
    app_of(*wanted, folder=folder).synth()
    return review(engine, read_templates(folder, given_environment()))


@pytest.fixture(scope="module")
def reviewed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Review:
    """The review of the five accounts."""
    return _reviewed(engine, tmp_path_factory.mktemp("many") / "assembly")


def test_lock_holds_the_facts_of_alike_accounts_once_and_accepts_them_for_each(
    reviewed: Review,
) -> None:
    found = facts_of(reviewed)
    text = rendered(found)

    assert text.count("### Runbooks") == 2
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        f"## account {each}, eu-west-1 (aws)" for each in (*_ALIKE, _OTHER)
    ]
    assert "role/AutomationServiceRole`" in text.replace("<account>", "")
    assert parse("access.lock.md", text) == {
        each.heading: {table: rows for table, rows in each.rows.items() if rows} for each in found
    }


def test_account_that_leaves_the_others_is_seen_alone(reviewed: Review) -> None:
    text = rendered(facts_of(reviewed))
    without = text.replace(f"## account {_ALIKE[1]}, eu-west-1 (aws)\n", "")

    gains = compare(parse("access.lock.md", without), facts_of(reviewed)).gains

    assert gains
    assert all(gain.startswith(f"account {_ALIKE[1]}, eu-west-1 (aws): ") for gain in gains)


def test_gain_of_alike_accounts_is_one_sentence(reviewed: Review) -> None:
    text = rendered(facts_of(reviewed))
    without = re.sub(
        r"\| `operator AutomationRestrictedOperator` \| `ssm:GetDocument` .*\n", "", text
    )

    gains = compare(parse("access.lock.md", without), facts_of(reviewed)).gains

    assert gains == (
        "4 accounts (111111111111, 222222222222, 333333333333 and 1 more): operator "
        "AutomationRestrictedOperator can do ssm:GetDocument on arn:aws:ssm:eu-west-1:<account>:"
        "document/Restart-EC2InstanceDemo",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<account>:role", "account:role"),
        ("<account>:role", "<account>x:role"),
        ("### Runbooks", "### Runbooks\n### Runbooks"),
    ],
)
def test_lock_that_is_not_as_it_was_written_accepts_nothing_else(
    reviewed: Review, old: str, new: str
) -> None:
    text = rendered(facts_of(reviewed))
    changed = text.replace(old, new, 1)
    assert changed != text

    try:
        accepted = parse("access.lock.md", changed)
    except ReviewError:
        return
    assert compare(accepted, facts_of(reviewed)).gains


def test_pages_show_alike_accounts_once_with_every_number(reviewed: Review) -> None:
    for page in (review_markdown(reviewed), review_html(reviewed).replace("<wbr>", "")):
        assert page.count("Escalation paths") == 2
        assert page.count("ACCOUNT stands for the number of each of these 4 accounts.") == 1
        assert all(number in page for number in (*_ALIKE, _OTHER))
        assert "arn:aws:iam::ACCOUNT:role/AutomationServiceRole" in page
        assert f"arn:aws:iam::{_OTHER}:role/AutomationServiceRole" in page
        assert "<account>" not in page


def test_change_of_every_account_is_one_sentence(
    engine: Engine, reviewed: Review, tmp_path: Path
) -> None:
    after = _reviewed(engine, tmp_path / "assembly", everybody=(IamUser("newcomer"),))

    found = change(reviewed, after)

    gained = [gain for gain in found.gains if "ssm:StartAutomationExecution" in gain]
    assert gained
    assert all(
        gain.endswith(" (5 accounts: 111111111111, 222222222222, 333333333333 and 2 more)")
        for gain in gained
    )
    page = change_markdown(found)
    assert len(page.splitlines()) < 60


def test_review_of_an_alike_account_is_the_one_that_it_has_alone(
    engine: Engine, reviewed: Review, tmp_path: Path
) -> None:
    app_of(deployment(account=_ALIKE[2], regions=_REGIONS), folder=tmp_path / "alone").synth()
    templates = read_templates(tmp_path / "alone", given_environment())

    (alone,) = review(engine, templates).accounts

    (shared,) = [a for a in reviewed.accounts if a.account.environment.account == _ALIKE[2]]
    assert shared == alone


def test_what_differs_in_one_account_is_reviewed_there(
    engine: Engine, reviewed: Review, tmp_path: Path
) -> None:
    folder = tmp_path / "assembly"
    wanted = [deployment(account=each, regions=_REGIONS) for each in _ALIKE]
    app_of(*wanted, folder=folder).synth()
    templates = []
    for each in read_templates(folder, given_environment()):
        text = json.dumps(each.body)
        if each.environment.account == _ALIKE[3]:
            text = text.replace("ssm:GetDocument", "ssm:DeleteDocument")
        templates.append(replace(each, body=json.loads(text)))

    found = review(engine, templates)

    assert {
        account.account.environment.account
        for account in found.accounts
        if account.having(Verdict.VIOLATED)
    } == {_ALIKE[3]}


def test_account_that_trusts_another_of_them_is_not_taken_for_it(
    engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "assembly"
    wanted = [
        deployment(account=each, regions=_REGIONS, authors=(f"arn:aws:iam::{each}:role/Author",))
        for each in _ALIKE[:2]
    ]
    app_of(*wanted, folder=folder).synth()
    templates = [
        replace(each, body=json.loads(json.dumps(each.body).replace(_ALIKE[1], _ALIKE[0])))
        for each in read_templates(folder, given_environment())
    ]

    found = review(engine, templates)

    trusts = [
        value
        for account in found.accounts
        for principal in account.account.principals
        for _, value in principal.trusted
        if value.endswith("role/Author")
    ]
    assert set(trusts) == {f"arn:aws:iam::{_ALIKE[0]}:role/Author"}
    second = found.accounts[1]
    assert f"arn:aws:iam::{_ALIKE[0]}:role/Author" in repr(second.accesses)
