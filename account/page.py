"""The findings as one page that loads nothing, in the access review's design."""

from collections.abc import Iterator, Mapping, Sequence

from account.findings import Finding, Harm
from review.report.html import page
from review.report.visible_text import escape

_CLASSES = {Harm.ACCESS: "violated", Harm.UNKNOWN: "undetermined", Harm.NOTE: "holds"}


def findings_page(date: str, of_accounts: Mapping[str, Sequence[Finding]]) -> str:
    """The page of the accounts' findings on a date, the worst of each first."""
    is_one = len(of_accounts) == 1
    title = f"Account {next(iter(of_accounts))}" if is_one else f"{len(of_accounts)} accounts"
    parts = []
    for account, findings in of_accounts.items():
        counts = f"<p>{escape(date)}. {escape(counted(findings))}.</p>"
        parts += [f"<h1>Account {account}</h1>", counts, *_sections(findings)]
    return page(title, "\n".join(parts))


def counted(findings: Sequence[Finding]) -> str:
    """How many there are of each harm: ``2 access, 1 record``."""
    numbers = {harm: sum(each.harm is harm for each in findings) for harm in Harm}
    return ", ".join(f"{n} {harm}" for harm, n in numbers.items() if n) or "nothing found"


def _sections(findings: Sequence[Finding]) -> Iterator[str]:
    for harm in Harm:
        mine = [each for each in findings if each.harm is harm]
        if mine:
            items = "".join(map(_item, mine))
            yield f'<h2>{harm.value.capitalize()}</h2>\n<ul class="invariants">\n{items}</ul>'


def _item(finding: Finding) -> str:
    class_ = _CLASSES.get(finding.harm, "excepted")
    return (
        f'<li class="{class_}"><strong>{escape(finding.what)}</strong>'
        f"<p>Cause: {escape(finding.cause)}.</p><p>Fix: {escape(finding.fix)}.</p></li>\n"
    )
