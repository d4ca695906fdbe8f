"""``access.lock.md`` as text: Markdown with one table row for each fact, in a stable order.

Every character of a value is written so that no two values look alike: what is not printable ASCII,
and what Markdown or the file itself would take for a separator, is a ``\\uXXXX``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from review.alike_accounts import PLACEHOLDER, grouped
from review.errors import ReviewError
from review.lock.facts import AccountFacts, Cell, Row, Table

NAME = "access.lock.md"
HEADER = """# Accepted access

What everybody can do once this deployment stands, proved from its templates. `make check` fails
where the templates allow more than this. Do not edit: `make accept` writes it, and the owners of
this file in CODEOWNERS approve what it gains.
"""
_VALUES = "<br>"
_SPECIAL = re.compile(r"[\\|`<]|[^ -~]|^ | $")
_NUMBER = re.compile(r"account (\d{12}),", re.ASCII)
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")

Accepted = dict[str, dict[Table, frozenset[Row]]]
"""The rows of each table of each account, by its heading."""


def rendered(accounts: Iterable[AccountFacts]) -> str:
    """The text of the file."""
    found = ((each.number, "\n".join(_tables(each)), each) for each in accounts)
    lines = [HEADER]
    for text, members in grouped(found):
        lines += [*(f"## {_escaped(account.heading)}" for account in members), "", text]
    return "\n".join(lines)


def _tables(account: AccountFacts) -> Iterator[str]:
    for table in Table:
        rows = account.rows[table]
        if not rows:
            continue
        yield f"### {table.value}"
        yield ""
        yield f"| {' | '.join(table.columns)} |"
        yield "|" + "---|" * len(table.columns)
        yield from (line_of(row) for row in sorted(rows))
        yield ""


def line_of(row: Row) -> str:
    """A row of a table."""
    return f"| {' | '.join(map(_cell, row))} |"


def _cell(cell: Cell) -> str:
    return _VALUES.join(f"`{_escaped(value)}`" for value in cell)


def read(path: Path) -> Accepted:
    """What a lock file accepts; ReviewError where it is missing, or is not what was written."""
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise ReviewError(
            f"{path.name} does not exist; the administrator runs: make accept"
        ) from None
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path.name} cannot be read: {error}; {_ANEW}") from None
    return parse(path.name, text)


def parse(name: str, text: str) -> Accepted:
    """What the text of a lock file accepts; ReviewError where it is not as it was written."""
    if not text.startswith(HEADER):
        raise ReviewError(f"{name} does not begin as `make accept` writes it; {_ANEW}")
    accepted: Accepted = {}
    headings: list[str] = []
    table = None
    lines = text.removeprefix(HEADER).splitlines()
    for number, line in enumerate(lines, start=HEADER.count("\n") + 1):
        where = f"{name}:{number}"
        if line.startswith("## "):
            heading = _plain(line.removeprefix("## "))
            _refuse(heading in accepted, where, "the account stands there twice")
            # Accounts whose headings follow each other have what comes after them in common.
            headings, table = [*(headings if table is None else []), heading], None
            accepted[heading] = {}
        elif line.startswith("### "):
            table = _table(line.removeprefix("### "), where)
            is_new = headings and all(table not in accepted[each] for each in headings)
            _refuse(not is_new, where, "it is out of place")
            for each in headings:
                accepted[each][table] = frozenset()
        elif line.startswith("| `") or line.startswith("|  |"):
            _refuse(table is None, where, "it stands in no table")
            assert table is not None
            for each in headings:
                own = line.replace(PLACEHOLDER, number_of(each)) if len(headings) > 1 else line
                accepted[each][table] |= {_row(own, table, where)}
        elif line and not _is_frame(line, table):
            _refuse(True, where, "it is not a line of this file")
    return accepted


def number_of(heading: str) -> str:
    """The number of the account of a heading; empty where none is fixed."""
    match = _NUMBER.match(heading)
    return match[1] if match else ""


def accepted_before(path: Path) -> Accepted:
    """What a lock file accepts; nothing where it is missing, or left unreadable by a merge."""
    try:
        return read(path)
    except ReviewError:
        return {}


_ANEW = "the administrator writes it anew: make accept"


def _refuse(is_wrong: bool, where: str, why: str) -> None:
    if is_wrong:
        raise ReviewError(f"{where}: {why}; {_ANEW}")


def _table(title: str, where: str) -> Table:
    try:
        return Table(title)
    except ValueError:
        raise ReviewError(f"{where}: there is no table {title!r}; {_ANEW}") from None


def _is_frame(line: str, table: Table | None) -> bool:
    """Whether a line is the head of a table, or the rule below it."""
    if table is None:
        return False
    return line in (f"| {' | '.join(table.columns)} |", "|" + "---|" * len(table.columns))


def _row(line: str, table: Table, where: str) -> Row:
    cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
    _refuse(len(cells) != len(table.columns), where, f"it has not {len(table.columns)} cells")
    row = tuple(
        tuple(_plain(value.strip("`")) for value in cell.split(_VALUES)) if cell else ()
        for cell in cells
    )
    _refuse(line_of(row) != line, where, "it is not as `make accept` writes it")
    return row


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: _code(ord(match[0])), text)


def _code(point: int) -> str:
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
