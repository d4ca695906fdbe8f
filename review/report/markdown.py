"""The review and a change of it as Markdown, for a pull request or a file."""

import re
from collections.abc import Iterable, Iterator

from pages.rendering import visible
from review.access.grants import Access
from review.access_review import AccountReview, Review
from review.alike_accounts import PLACEHOLDER, grouped, listed
from review.diff.changes import Change
from review.diff.differences import Difference
from review.escalation import attribution
from review.invariants.invariant import Invariant, Verdict
from review.report.picture import mermaid
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

_MARKS = {
    Verdict.HOLDS: "✅",
    Verdict.EXCEPTED: "☑️",
    Verdict.VIOLATED: "❌",
    Verdict.UNDETERMINED: "❔",
}


def review_markdown(review: Review) -> str:
    """The whole review."""
    lines = [f"# {TITLE}"]
    accounts = (
        (each.account.environment.account, "\n".join(_account(each)), each)
        for each in review.accounts
    )
    for text, members in grouped(accounts):
        lines += ["", *(f"## {environment_of(each)}" for each in members), ""]
        if len(members) > 1:
            lines += [f"{stands_for(len(members))}.", ""]
        lines.append(text.replace(PLACEHOLDER, ACCOUNT))
    lines += ["", "## What this rests on", "", *(f"- {_escaped(text)}" for text in basis(review))]
    lines += [f"- {attribution()}", ""]
    return "\n".join(lines)


def _account(account: AccountReview) -> Iterator[str]:
    yield f"{verdicts(account)}. {escalation_counted(account)}."
    yield ""
    for invariant in account.invariants:
        yield from _invariant(invariant)
    yield ""
    yield "```mermaid"
    yield mermaid(account.picture)
    yield "```"
    for access in account.accesses:
        yield ""
        yield from _access(access)
        yield from _cuts(access)
    yield ""
    yield "### Runbooks"
    yield ""
    yield "| runbook | runs as | calls | limits |"
    yield "|---|---|---|---|"
    for runbook in account.account.runbooks:
        cells = ("<br>".join(map(code, cell)) for cell in runbook_cells(runbook))
        yield f"| {code(runbook.name)} | {' | '.join(cells)} |"
    yield ""
    yield "### Escalation paths"
    yield ""
    yield f"{escalation_counted(account)}."
    yield ""
    yield "| way | for whom | as far as |"
    yield "|---|---|---|"
    for way in open_path_rows(account):
        yield f"| {_escaped(way.name)} | {_escaped(way.who)} | {_escaped(way.reach)} |"


def _invariant(invariant: Invariant) -> Iterator[str]:
    asked = f" (decisions: {len(invariant.decisions)})" if invariant.decisions else ""
    sentence = _escaped(invariant.sentence)
    yield f"- {_MARKS[invariant.verdict]} **{invariant.verdict.value}**: {sentence}{asked}"
    for finding in invariant.findings:
        yield f"  - {_escaped(finding)}"


def _access(access: Access) -> Iterator[str]:
    principal = access.principal
    yield f"### {_escaped(principal.title)}"
    yield ""
    yield f"{code(principal.arn)}: {counted(access)}."
    if not principal.is_whole:
        yield f"{NOT_WHOLE}."
    if not access.grants:
        return
    yield ""
    yield "| may | on | where | by |"
    yield "|---|---|---|---|"
    for row in rows(access):
        actions = ", ".join(map(code, row.actions))
        condition = code(row.conditions) if row.conditions else ""
        resources = "<br>".join(map(code, row.resources))
        yield f"| {actions} | {resources} | {condition} | {_escaped(row.by)} |"


def _cuts(access: Access) -> Iterator[str]:
    """What statements allow and something takes back, folded: it is long and grants nothing."""
    if not access.cuts:
        return
    yield ""
    yield f"<details><summary>allowed and cut: {len(access.cuts)}</summary>"
    yield ""
    yield "| cut | on | allowed by | by |"
    yield "|---|---|---|---|"
    for row in cut_rows(access):
        resources = "<br>".join(map(code, row.resources))
        actions = ", ".join(map(code, row.actions))
        yield f"| {actions} | {resources} | {_escaped(row.by)} | {_escaped(row.conditions)} |"
    yield ""
    yield "</details>"


def _escaped(text: str) -> str:
    """The text with nothing that Markdown takes for markup, a mention or the end of a cell."""
    shown = visible(" ".join(text.splitlines()))
    return _MARKUP.sub(lambda match: _ESCAPES.get(match[0], f"\\{match[0]}"), shown)


_MARKUP = re.compile(r"\*(?=\S)|[|`<@\\&\[\]#!~]|(?<!\w)_|_(?!\w)")
_ESCAPES = {"<": "&lt;", "@": "&#64;", "&": "&amp;", "#": "&#35;"}


def code(text: str) -> str:
    """The text as code, in a cell of a table."""
    return "`" + visible(" ".join(text.split())).replace("|", "\\|").replace("`", "'") + "`"


def change_markdown(change: Change) -> str:
    """What a change does to access."""
    lines = ["## What this change does to access", ""]
    owned = [each for each in change.differences if each.is_administrators]
    authors = [each for each in change.differences if not each.is_administrators]
    reported = (change.gains, change.losses, change.violated, change.restored, change.withdrawn)
    if not any((*reported, owned)):
        lines += ["Nobody gains or loses anything.", ""]
    for title, sentences in (
        ("Gains", change.gains),
        ("Losses", change.losses),
        ("Invariants that it violates", change.violated),
        ("Invariants restored", change.restored),
        ("Invariants withdrawn", change.withdrawn),
        ("Not evaluated, in stacks of the administrator: counts as a gain", _once(owned)),
        ("Not evaluated, in stacks of the authors", _once(authors)),
    ):
        lines += _section(title, sentences)
    return "\n".join(lines).rstrip() + "\n"


def _once(differences: Iterable[Difference]) -> Iterator[str]:
    """The differences, those that are the same in several accounts once."""
    found = ((each.where.split(",")[0], str(each), each.where) for each in differences)
    for text, places in grouped(found):
        accounts = [place.split(",")[0] for place in places]
        several = f" ({len(places)} accounts: {listed(accounts)})" if len(places) > 1 else ""
        yield f"{text}{several}"


def _section(title: str, sentences: Iterable[str]) -> list[str]:
    listed = [f"- {_escaped(sentence)}" for sentence in sentences]
    return [f"**{title}**", "", *listed, ""] if listed else []
