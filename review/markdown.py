"""The review and a change of it as Markdown, for a pull request or a file."""

import re
from collections.abc import Iterable, Iterator

from review.changes import Change
from review.escalation import attribution, escalation_paths
from review.grants import Access
from review.picture import mermaid
from review.promises import Promise, Verdict
from review.reviews import AccountReview, Review
from review.texts import (
    NOT_WHOLE,
    TITLE,
    basis,
    counted,
    opening,
    place_of,
    rows,
    verdicts,
)

_MARKS = {Verdict.KEPT: "✅", Verdict.BROKEN: "❌", Verdict.UNTOLD: "❔"}


def review_markdown(review: Review) -> str:
    """The whole review."""
    lines = [f"# {TITLE}"]
    for account in review.accounts:
        lines += ["", *_account(account)]
    lines += ["", "## What this rests on", "", *(f"- {text}" for text in basis(review))]
    lines += [f"- {attribution()}", ""]
    return "\n".join(lines)


def _account(account: AccountReview) -> Iterator[str]:
    yield f"## {place_of(account)}"
    yield ""
    yield f"{verdicts(account)}."
    yield ""
    for promise in account.promises:
        yield from _promise(promise)
    yield ""
    yield "```mermaid"
    yield mermaid(account.picture)
    yield "```"
    for access in account.accesses:
        yield ""
        yield from _access(access)
    yield ""
    yield "### Known ways to more power"
    yield ""
    listed = len({way.path.id for way in account.openings})
    yield f"{len(escalation_paths())} asked, {listed} lead somewhere:"
    yield ""
    for way in account.openings:
        yield f"- {way.path.name} ({way.path.id}, {way.path.source}): {opening(way)}"


def _promise(promise: Promise) -> Iterator[str]:
    asked = f" ({len(promise.decisions)} decisions asked)" if promise.decisions else ""
    yield f"- {_MARKS[promise.verdict]} **{promise.verdict.value}**: {promise.sentence}{asked}"
    for finding in promise.findings:
        yield f"  - {_escaped(finding)}"


def _access(access: Access) -> Iterator[str]:
    principal = access.principal
    yield f"### {principal.title}"
    yield ""
    yield f"`{principal.arn}`: {counted(access)}."
    if not principal.is_whole:
        yield f"It {NOT_WHOLE}."
    if not access.grants:
        return
    yield ""
    yield "| may | on | where | by |"
    yield "|---|---|---|---|"
    for row in rows(access):
        actions = ", ".join(f"`{action}`" for action in row.actions)
        condition = f"`{row.conditions}`" if row.conditions else ""
        resources = "<br>".join(f"`{resource}`" for resource in row.resources)
        yield f"| {actions} | {resources} | {condition} | {_escaped(row.by)} |"


def _escaped(text: str) -> str:
    """The text with nothing that Markdown takes for emphasis or the end of a cell."""
    return re.sub(r"\*(?=\S)", r"\*", text.replace("|", "\\|"))


def change_markdown(change: Change) -> str:
    """What a change does to access."""
    lines = ["## What this change does to access", ""]
    if not (change.gains or change.losses or change.broken or change.mended):
        lines.append("Nobody gains or loses anything.")
    for title, sentences in (
        ("Gains", change.gains),
        ("Losses", change.losses),
        ("Promises broken by it", change.broken),
        ("Promises kept again", change.mended),
    ):
        lines += _section(title, sentences)
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, sentences: Iterable[str]) -> list[str]:
    listed = [f"- {_escaped(sentence)}" for sentence in sentences]
    return [f"**{title}**", "", *listed, ""] if listed else []
