"""What is printed: tables, lines and colours on a terminal, plain text elsewhere."""

import contextlib
import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operate.statuses import Outcome, outcome

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, which could move the cursor or turn text round."""
_BREAKS = re.compile(r"[\t\n\x0b\x0c\r\x85\u2028\u2029]+")
_WHOLE = ("run", "started", "version")
"""Columns that are copied or compared, and never folded."""
_COLOURS = {
    Outcome.WELL: "green",
    Outcome.BAD: "red",
    Outcome.HELD: "yellow",
    Outcome.GOING: "",
}
_ANY_WIDTH = 1_000_000
_SHOWN_CHARACTERS = 2_000


def console(stream: IO[str] | None = None) -> Console:
    """A console on standard output or this stream; text is never read as markup."""
    return Console(
        file=stream or sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True
    )


def clean(text: str) -> str:
    """A text of elsewhere as one line, without what would steer a terminal, and not endless."""
    shown = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
    if len(shown) > _SHOWN_CHARACTERS:
        return f"{shown[:_SHOWN_CHARACTERS]}… ({len(shown)} characters)"
    return shown


def print_table(target: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table: wrapped to a terminal's width, a line a row elsewhere."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        whole = heading in _WHOLE or not target.is_terminal
        table.add_column(heading, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(clean(cell), style=style_of(cell)) for cell in row))
    if target.is_terminal:
        target.print(table, soft_wrap=False)
        return
    text = io.StringIO()
    Console(file=text, width=_ANY_WIDTH).print(table)
    for line in text.getvalue().splitlines():
        print(line.rstrip(), file=target.file)


def style_of(status: str) -> str:
    """The colour of a status; none for any other text."""
    return _COLOURS[outcome(status)]


def moment(time: datetime | None) -> str:
    """A time to the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if time else ""


def clock(time: datetime | None) -> str:
    """A time of the day, in UTC."""
    return f"{time.astimezone(UTC):%H:%M:%S}Z" if time else ""


def took(started: datetime | None, ended: datetime | None) -> str:
    """How long something took, until now if it has not ended."""
    if started is None:
        return ""
    seconds = max(((ended or datetime.now(UTC)) - started).total_seconds(), 0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def who(arn: str) -> str:
    """A person by the end of an ARN: a user's name, or a role and its session."""
    return arn.split(":", 5)[-1].removeprefix("user/").removeprefix("assumed-role/")


def print_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as CSV on standard output; a cell is never a spreadsheet's formula."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)


def print_json(value: Any) -> None:
    """A value as JSON on standard output, with AWS's own names."""
    print(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def say(text: str) -> None:
    """A remark beside the result, of one line or several."""
    with contextlib.suppress(BrokenPipeError):
        print("\n".join(map(clean, text.split("\n"))), file=sys.stderr)


def _harmless(cell: str) -> str:
    """A cell of CSV that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
