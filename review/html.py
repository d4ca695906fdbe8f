"""The review as one self-contained page, for a screen of any size and for paper."""

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from review.escalation import attribution, escalation_paths
from review.grants import Access
from review.judge import Decision
from review.picture import svg
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

_STYLE = Path(__file__).resolve().parent / "page.css"
_CLASSES = {Verdict.KEPT: "kept", Verdict.BROKEN: "broken", Verdict.UNTOLD: "untold"}


def review_html(review: Review) -> str:
    """The whole review as an HTML document that loads nothing."""
    body = "\n".join(
        [
            f"<h1>{TITLE}</h1>",
            *(part for account in review.accounts for part in _account(account)),
            "<h2>What this rests on</h2>",
            _list([*basis(review), attribution()]),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>\n{_STYLE.read_text('utf-8')}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _account(account: AccountReview) -> Iterator[str]:
    yield f"<h2>{escape(place_of(account))}</h2>"
    yield f"<p>{escape(verdicts(account))}.</p>"
    yield '<ul class="promises">'
    for promise in account.promises:
        yield _promise(promise)
    yield "</ul>"
    yield f'<figure class="picture">{svg(account.picture)}</figure>'
    for access in account.accesses:
        yield from _access(access)
    yield "<h3>Known ways to more power</h3>"
    led = len({way.path.id for way in account.openings})
    yield f"<p>{len(escalation_paths())} asked, {led} lead somewhere:</p>"
    yield _list(
        f"{way.path.name} ({way.path.id}, {way.path.source}): {opening(way)}"
        for way in account.openings
    )


def _promise(promise: Promise) -> str:
    findings = _list(promise.findings) if promise.findings else ""
    return (
        f'<li class="{_CLASSES[promise.verdict]}"><strong>{promise.verdict.value}</strong> '
        f"{escape(promise.sentence)}{findings}{_decisions(promise.decisions)}</li>"
    )


def _decisions(decisions: tuple[Decision, ...]) -> str:
    if not decisions:
        return ""
    body = "".join(
        f"<tr><td>{'allowed' if d.allowed else 'denied'}</td><td><code>{escape(d.action)}</code>"
        f"</td><td><code>{escape(d.resource)}</code>{_context(d)}</td>"
        f"<td>{escape(d.who.rsplit('/', 1)[-1])}</td></tr>"
        for d in decisions
    )
    return (
        f"<details><summary>{len(decisions)} decisions asked</summary>"
        f"{_table(('decision', 'action', 'on', 'who'), body)}</details>"
    )


def _context(decision: Decision) -> str:
    return "".join(f"<br>{escape(key)} {escape(value)}" for key, value in decision.context)


def _access(access: Access) -> Iterator[str]:
    principal = access.principal
    yield f"<h3>{escape(principal.title)}</h3>"
    yield f"<p><code>{escape(principal.arn)}</code>: {escape(counted(access))}.</p>"
    if not principal.is_whole:
        yield f"<p>It {NOT_WHOLE}.</p>"
    if access.grants:
        body = "".join(
            f"<tr><td>{', '.join(f'<code>{escape(a)}</code>' for a in row.actions)}</td>"
            f"<td>{'<br>'.join(f'<code>{escape(r)}</code>' for r in row.resources)}</td>"
            f"<td>{escape(row.conditions)}</td>"
            f"<td>{escape(row.by)}</td></tr>"
            for row in rows(access)
        )
        yield _table(("may", "on", "where", "by"), body)


def _table(headings: Iterable[str], body: str) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"</table></div>"
    )


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
