"""The lock file as a ceiling: what a review has beyond what was accepted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review.alike_accounts import grouped, listed
from review.diff.runbooks import is_as_tight
from review.iam.patterns import covers
from review.lock.facts import AccountFacts, Effect, Row, Table
from review.lock.file import Accepted, number_of
from review.model.account import Limit, LimitKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What differs from what was accepted, a sentence each."""

    gains: tuple[str, ...]
    losses: tuple[str, ...]


def compare(accepted: Accepted, found: Iterable[AccountFacts]) -> Comparison:
    """What everybody gains and loses against the lock file, in each account."""
    gains: list[tuple[str, str]] = []
    losses: list[tuple[str, str]] = []
    accounts = {account.heading: account for account in found}
    headings = dict.fromkeys((*accepted, *accounts))
    for heading in headings:
        old, account = accepted.get(heading, {}), accounts.get(heading)
        for table in Table:
            before = old.get(table, frozenset())
            after = account.rows[table] if account else frozenset()
            subjects = account.subjects if account else frozenset()
            for row in _beyond(table, before, after):
                reported = losses if table.effect is Effect.RESTRAINT else gains
                reported.append((heading, _said(table, row)))
            for row in _beyond(table, after, before):
                is_freed = table.effect is Effect.RESTRAINT and row[0][0] in subjects
                reported = gains if is_freed or table.effect is Effect.EITHER else losses
                reported.append((heading, f"no longer: {_said(table, row)}"))
    is_one = len(headings) == 1
    return Comparison(
        gains=tuple(_once(gains, is_one=is_one)), losses=tuple(_once(losses, is_one=is_one))
    )


def _once(found: Iterable[tuple[str, str]], *, is_one: bool) -> Iterator[str]:
    """The sentences, each with the account that it is about, or once with those that it is."""
    for text, headings in grouped((number_of(each), said, each) for each, said in found):
        if is_one:
            yield text
        elif len(headings) == 1:
            yield f"{headings[0]}: {text}"
        else:
            yield f"{len(headings)} accounts ({listed(map(number_of, headings))}): {text}"


def _beyond(table: Table, known: frozenset[Row], rows: frozenset[Row]) -> Iterator[Row]:
    """The rows that no known row covers, in their order."""
    for row in sorted(rows - known):
        if not any(_covers(table, each, row) for each in known):
            yield row


def _covers(table: Table, one: Row, other: Row) -> bool:
    """Whether one row says all that another says, or, of limits, holds to as much."""
    if table is Table.GRANTS:
        return (
            one[:2] == other[:2]
            and covers(one[2][0], other[2][0])
            and set(one[3]) <= set(other[3])
            and set(one[4]) <= set(other[4])
        )
    if table is Table.TRUST:
        return one[:3] == other[:3] and set(one[3]) <= set(other[3])
    if table is Table.LIMITS and one[:3] == other[:3]:
        return is_as_tight(_limit(other), _limit(one))
    return False


def _limit(row: Row) -> Limit:
    _, (kind,), (of,), (value,), around = row
    return Limit(kind=LimitKind(kind), of=of, value=value, is_avoidable=bool(around))


_SENTENCES = {
    Table.PRINCIPALS: ("", " exists: ", ", with ", ", bounded by "),
    Table.GRANTS: ("", " can do ", " on ", " but not on ", " where "),
    Table.DENIALS: ("", " cannot do ", " on ", " where "),
    Table.TRUST: ("", " trusts ", " to ", " where "),
    Table.TRUST_DENIALS: ("", " denies ", " to ", " where "),
    Table.RUNBOOKS: ("runbook ", " runs as ", " in "),
    Table.ACTIONS: ("runbook ", " does "),
    Table.LIMITS: ("runbook ", " is limited by ", " of ", ": ", ", but "),
    Table.SCHEDULES: ("schedule ", " in ", " starts ", " at ", ", between "),
    Table.ESCALATION: ("escalation path ", ", open to ", ", as far as "),
    Table.EXCEPTIONS: ("invariant: ", ": ", ": "),
    Table.RECEIVED: ("", " is sent to "),
    Table.RECEIVERS: ("", " "),
    Table.DEPLOYERS: ("", ": what ", ": "),
    Table.UNEVALUATED: ("", ", of type ", ", has ", " "),
}
"""What stands before each cell in a sentence, and is left out with an empty one."""


def _said(table: Table, row: Row) -> str:
    """A row as a sentence."""
    parts = zip(_SENTENCES[table], row, strict=True)
    return "".join(f"{before}{' and '.join(cell)}" for before, cell in parts if cell)
