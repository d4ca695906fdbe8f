"""The review as one self-contained page, for a screen of any size and for paper."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pages.rendering import render
from review.access.evaluation import Decision
from review.access.grants import Access
from review.access_review import AccountReview, Review
from review.alike_accounts import PLACEHOLDER, grouped
from review.escalation import attribution
from review.invariants.invariant import Invariant, Verdict
from review.report.origin import commit
from review.report.picture import legend, svg
from review.report.texts import (
    ACCOUNT,
    NOT_WHOLE,
    TITLE,
    basis,
    counted,
    cut_rows,
    environment_of,
    escalation_counted,
    open_path_rows,
    rows,
    runbook_cells,
    stands_for,
    verdicts,
)

_FOLDER = Path(__file__).resolve().parent
_STATES = {
    Verdict.VIOLATED: "bad",
    Verdict.UNDETERMINED: "open",
    Verdict.EXCEPTED: "excepted",
    Verdict.HOLDS: "good",
}
"""How each verdict is shown, in the order of the page: what is violated first."""
_PARTS = {
    "invariants": "Invariants",
    "access": "Who can do what",
    "runbooks": "Runbooks",
    "escalation": "Escalation paths",
}
_SECTION = "section-of-the-account"
"""Stands for the id of an account's section: accounts that are alike have one text."""
_MOST_DECISIONS = 200
"""Of an invariant, those that are not as they should be first; python -m review --json has all."""
_FEW = 10
"""Longer lists are folded."""

Lines = list[tuple[str, str, str]]
"""Labels with their values and states."""


def review_html(review: Review) -> str:
    """The whole review as an HTML document that loads nothing."""
    sections = [*_sections(review)]
    parts = _PARTS if len(sections) == 1 else {}
    return render(
        _FOLDER,
        "review.html",
        title=TITLE,
        made=" · ".join(filter(None, (f"{datetime.now(UTC):%Y-%m-%d}", commit()))),
        contents=[
            *(heading for section in sections for heading in section["headings"]),
            *((f"account-0-{id_}", title) for id_, title in parts.items()),
            ("basis", "What this rests on"),
        ],
        sections=sections,
        basis=[*basis(review), attribution()],
    )


def _sections(review: Review) -> Iterator[dict[str, Any]]:
    """The accounts, those that are alike once."""
    found = ((a.account.environment.account, _account_text(a), a) for a in review.accounts)
    for number, (text, members) in enumerate(grouped(found)):
        headings = [
            (f"account-{number}{f'-{place}' if place else ''}", environment_of(each))
            for place, each in enumerate(members)
        ]
        yield {
            "headings": headings,
            "stands_for": stands_for(len(members)) if len(members) > 1 else "",
            "content": Markup(  # noqa: S704, of our template
                text.replace(PLACEHOLDER, ACCOUNT).replace(_SECTION, f"account-{number}")
            ),
        }


def _account_text(account: AccountReview) -> str:
    """What stands below the heading of an account."""
    verdict_groups = [
        {"state": state, "verdict": verdict.value, "invariants": [*map(_invariant, found)]}
        for verdict, state in _STATES.items()
        if (found := account.having(verdict))
    ]
    return render(
        _FOLDER,
        "account.html",
        summary=_summary(account),
        verdicts=verdict_groups,
        picture=Markup(_own_ids(svg(account.picture))),  # noqa: S704, ours, its texts escaped
        legend=legend(account.picture),
        personas=[*_personas(account.accesses)],
        runbooks=[
            [[runbook.name], *runbook_cells(runbook)] for runbook in account.account.runbooks
        ],
        escalation=escalation_counted(account),
        paths=[[[w.name], [w.who], [w.reach]] for w in open_path_rows(account)],
        few=_FEW,
        section=_SECTION,
        parts_of=_PARTS,
    )


def _own_ids(picture: str) -> str:
    """A picture whose arrowheads are those of its account's section: a page may have several."""
    return re.sub(r'(id="|url\(#)(head|bad)\b', rf"\1{_SECTION}-\2", picture)


def _summary(account: AccountReview) -> Lines:
    violated, open_ = account.having(Verdict.VIOLATED), account.having(Verdict.UNDETERMINED)
    state = "bad" if violated else "open" if open_ else "good"
    paths = open_path_rows(account)
    worst = [path for path in paths if path.reach.startswith("open")]
    people = ", ".join(f"{persona}: {len(each)}" for persona, each in _by_persona(account.accesses))
    return [
        ("invariants", verdicts(account), state),
        ("escalation paths", escalation_counted(account), "bad" if worst else "good"),
        ("principals", people, ""),
        ("runbooks", str(len(account.account.runbooks)), ""),
    ]


def _by_persona(accesses: Sequence[Access]) -> Iterator[tuple[str, list[Access]]]:
    for persona, found in groupby(accesses, key=lambda access: access.principal.persona):
        yield persona.value, [*found]


def _personas(accesses: Sequence[Access]) -> Iterator[dict[str, Any]]:
    for persona, found in _by_persona(accesses):
        yield {"persona": persona, "principals": [*map(_principal, found)]}


def _principal(access: Access) -> dict[str, Any]:
    principal = access.principal
    return {
        "title": principal.title,
        "arn": principal.arn,
        "counted": counted(access),
        "not_whole": "" if principal.is_whole else NOT_WHOLE,
        "rows": [
            [row.actions, row.resources, [row.conditions or "always"], [row.by]]
            for row in rows(access)
        ],
        "cuts": [
            [row.actions, row.resources, [row.by], [row.conditions]] for row in cut_rows(access)
        ],
        "cut_count": len(access.cuts),
    }


def _invariant(invariant: Invariant) -> dict[str, Any]:
    decisions = sorted(invariant.decisions, key=lambda decision: decision.is_as_expected)
    return {
        "sentence": invariant.sentence,
        "findings": invariant.findings,
        "decision_count": len(decisions),
        "decisions": [*map(_decision, decisions[:_MOST_DECISIONS])],
    }


def _decision(decision: Decision) -> list[list[str]]:
    return [
        ["allowed" if decision.allowed else "denied"],
        [decision.action],
        [decision.resource, *(f"{key} {value}" for key, value in decision.context)],
        [decision.who.rsplit("/", 1)[-1]],
    ]
