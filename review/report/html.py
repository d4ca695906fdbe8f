"""The review as one self-contained page, for a screen of any size and for paper."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from review.access.evaluation import Decision
from review.access.grants import Access
from review.access_review import AccountReview, Review
from review.alike_accounts import PLACEHOLDER, grouped
from review.escalation import attribution
from review.invariants.invariant import Invariant, Verdict
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
from review.report.visible_text import escape

_STYLE = Path(__file__).resolve().parent / "page.css"
_CLASSES = {
    Verdict.HOLDS: "holds",
    Verdict.EXCEPTED: "excepted",
    Verdict.VIOLATED: "violated",
    Verdict.UNDETERMINED: "undetermined",
}


def review_html(review: Review) -> str:
    """The whole review as an HTML document that loads nothing."""
    body = "\n".join(
        [
            f"<h1>{TITLE}</h1>",
            *_accounts(review),
            "<h2>What this rests on</h2>",
            _list([*basis(review), attribution()]),
        ]
    )
    return page(TITLE, body)


def _accounts(review: Review) -> Iterator[str]:
    """The accounts, those that are alike once."""
    found = (
        (each.account.environment.account, "\n".join(_account(each)), each)
        for each in review.accounts
    )
    for text, members in grouped(found):
        yield from (f"<h2>{escape(environment_of(each))}</h2>" for each in members)
        if len(members) > 1:
            yield f"<p>{stands_for(len(members))}.</p>"
        yield text.replace(PLACEHOLDER, ACCOUNT)


def page(title: str, body: str) -> str:
    """A document that loads nothing, in the review's design; ``body`` is HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE.read_text('utf-8')}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _account(account: AccountReview) -> Iterator[str]:
    yield f"<p>{escape(verdicts(account))}. {escape(escalation_counted(account))}.</p>"
    yield '<ul class="invariants">'
    for invariant in account.invariants:
        yield _invariant(invariant)
    yield "</ul>"
    yield (
        f'<figure class="picture">{svg(account.picture)}'
        f"<figcaption>{legend(account.picture)}</figcaption></figure>"
    )
    for access in account.accesses:
        yield from _access(access)
    yield "<h3>Runbooks</h3>"
    body = "".join(
        _row(("runbook", "runs as", "calls", "limits"), [[runbook.name], *runbook_cells(runbook)])
        for runbook in account.account.runbooks
    )
    yield _table(("runbook", "runs as", "calls", "limits"), body)
    yield "<h3>Escalation paths</h3>"
    yield f"<p>{escape(escalation_counted(account))}.</p>"
    columns = ("way", "for whom", "as far as")
    body = "".join(
        _row(columns, [[w.name], [w.who], [w.reach]], code=False) for w in open_path_rows(account)
    )
    yield _table(columns, body)


def _invariant(invariant: Invariant) -> str:
    findings = _list(invariant.findings) if invariant.findings else ""
    return (
        f'<li class="{_CLASSES[invariant.verdict]}"><strong>{invariant.verdict.value}</strong> '
        f"{escape(invariant.sentence)}{findings}{_decisions(invariant.decisions)}</li>"
    )


def _decisions(decisions: tuple[Decision, ...]) -> str:
    if not decisions:
        return ""
    columns = ("decision", "action", "on", "who")
    body = "".join(
        _row(
            columns,
            [
                ["allowed" if decision.allowed else "denied"],
                [decision.action],
                [decision.resource, *(f"{key} {value}" for key, value in decision.context)],
                [decision.who.rsplit("/", 1)[-1]],
            ],
        )
        for decision in decisions
    )
    summary = f"<summary>decisions: {len(decisions)}</summary>"
    return f"<details>{summary}{_table(columns, body)}</details>"


def _access(access: Access) -> Iterator[str]:
    principal = access.principal
    yield f"<h3>{escape(principal.title)}</h3>"
    yield f"<p><code>{escape(principal.arn)}</code>: {escape(counted(access))}.</p>"
    if not principal.is_whole:
        yield f"<p>{NOT_WHOLE}.</p>"
    columns = ("may", "on", "where", "by")
    body = "".join(
        _row(columns, [row.actions, row.resources, [row.conditions or "always"], [row.by]])
        for row in rows(access)
    )
    if body:
        yield _table(columns, body)
    if access.cuts:
        columns = ("cut", "on", "allowed by", "by")
        body = "".join(
            _row(columns, [row.actions, row.resources, [row.by], [row.conditions]])
            for row in cut_rows(access)
        )
        summary = f"<summary>allowed and cut: {len(access.cuts)}</summary>"
        yield f"<details>{summary}{_table(columns, body)}</details>"


def _row(columns: Sequence[str], cells: Sequence[Sequence[str]], *, code: bool = True) -> str:
    """A row of a table; each cell names its column, which a phone shows instead of the head."""
    tag = "code" if code else "span"
    filled = (
        f'<td data-label="{column}">'
        + "<br>".join(f"<{tag}>{escape(text)}</{tag}>" for text in cell if text)
        + "</td>"
        for column, cell in zip(columns, cells, strict=True)
    )
    return f"<tr>{''.join(filled)}</tr>"


def _table(headings: Iterable[str], body: str) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"</table></div>"
    )


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
