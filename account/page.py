"""The findings of the doctor as one page that loads nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from account.findings import Finding, Harm
from pages.rendering import render

_STATES = {
    Harm.ACCESS: "bad",
    Harm.RECORD: "warning",
    Harm.FUNCTION: "warning",
    Harm.UNKNOWN: "open",
    Harm.NOTE: "note",
}


def findings_page(date: str, of_accounts: Mapping[str, Sequence[Finding]]) -> str:
    """The page of the accounts' findings on a date, the worst of each first."""
    is_one = len(of_accounts) == 1
    contents = [(f"account-{account}", f"Account {account}") for account in of_accounts]
    return render(
        Path(__file__).resolve().parent,
        "findings.html",
        title=f"Account {next(iter(of_accounts))}" if is_one else f"{len(of_accounts)} accounts",
        made=date,
        contents=[] if is_one else contents,
        accounts=[
            {
                "number": account,
                "summary": [
                    (str(harm), str(len(found)), _STATES[harm])
                    for harm, found in _by_harm(findings)
                ]
                or [("found", "nothing", "good")],
                "harms": [(str(harm), _STATES[harm], found) for harm, found in _by_harm(findings)],
            }
            for account, findings in of_accounts.items()
        ],
    )


def counted(findings: Sequence[Finding]) -> str:
    """How many there are of each harm: ``2 access, 1 record``."""
    numbers = (f"{len(found)} {harm}" for harm, found in _by_harm(findings))
    return ", ".join(numbers) or "nothing found"


def _by_harm(findings: Sequence[Finding]) -> list[tuple[Harm, list[Finding]]]:
    """The findings of each harm, the worst first."""
    found = ((harm, [each for each in findings if each.harm is harm]) for harm in Harm)
    return [(harm, mine) for harm, mine in found if mine]
