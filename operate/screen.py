"""What is printed: tables, lines and colours on a terminal, plain text elsewhere."""

import contextlib
import csv
import io
import json
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operate.executions.statuses import Outcome, outcome
from pages.invisible import INVISIBLE

_BREAKS = re.compile(r"[\t\n\x0b\x0c\r\x85\u2028\u2029]+")
_DESCRIPTION = "description"
"""The column whose words may stand on several lines."""
_DESCRIPTION_WIDTH = 24
_GAP = _INDENT = "  "
_COLOURS = {
    Outcome.WELL: "green",
    Outcome.BAD: "red",
    Outcome.HELD: "yellow",
    Outcome.GOING: "",
}
_AFTER_SEPARATOR = re.compile(r"(;\s*\"?)(?=[=+@\uff1d\uff0b\uff20-]|\uff0d)")
_FORMULA = ("=", "+", "-", "@")
_BLANKS = ("\t", "\r", "\n")
_ANY_WIDTH = 1_000_000
_SHOWN_CHARACTERS = 2_000
_VALUES_A_LINE = 200
"""Characters of the values of a parameter that stand on one line."""
_NARROWEST = 20


class Screen(Console):
    """A terminal, on which no word is broken, or a stream, to which lines are written as they are.
    Text is never read as markup."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Leaves a closed pipe to the program, which would otherwise end here with status 1."""
        raise

    def write(self, text: str, style: str = "", *, is_cut: bool = True) -> None:
        """A line, on a terminal as many as its words need; the further ones are indented. What is
        endless is cut, unless all of it has to be seen."""
        for each in self.wrapped(text, is_cut=is_cut):
            self.print(each, style=style)

    def wrapped(self, text: str, *, is_cut: bool = True) -> list[str]:
        """The lines of a text: one, on a terminal as many as its words need."""
        shown = clean(text, is_cut=is_cut)
        if not self.is_terminal:
            return [shown]
        indent = shown[: len(shown) - len(shown.lstrip())]
        return textwrap.wrap(
            shown,
            max(self.width, _NARROWEST),
            subsequent_indent=f"{indent}{_INDENT}",
            drop_whitespace=True,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]

    def command(self, text: str) -> None:
        """A command to copy, on a line of its own: only the terminal itself breaks it."""
        self.print(clean(text))


def console(stream: IO[str] | None = None) -> Screen:
    """A screen on standard output or this stream."""
    return Screen(stream or sys.stdout)


def write_values(target: Screen, values: Mapping[str, Sequence[str]]) -> None:
    """The values of a start, whole: several a line each, and what holds several blanks or nothing
    in quotes, so that no value looks like another parameter."""
    for name, found in values.items():
        lines = [as_json(each) if not each or "  " in each else each for each in found]
        if sum(map(len, lines)) < _VALUES_A_LINE:
            lines = [", ".join(lines)]
        for number, line in enumerate(lines):
            target.write(f"  {'' if number else f'{name}: '}{line}", is_cut=False)


def clean(text: str, *, is_cut: bool = True) -> str:
    """A string of elsewhere as one line, without what would steer a terminal, and not endless."""
    shown = INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
    if is_cut and len(shown) > _SHOWN_CHARACTERS:
        return f"{shown[:_SHOWN_CHARACTERS]}… ({len(shown)} characters)"
    return shown


def print_table(target: Screen, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table: a line a row, but a description. On a terminal that is too narrow for it, each row
    as lines of a heading and its value."""
    cells = [[clean(cell) for cell in row] for row in rows]
    columns = zip(headings, zip(*cells, strict=True), strict=True) if cells else ()
    widths = [
        _DESCRIPTION_WIDTH if heading == _DESCRIPTION else max(map(cell_len, (heading, *column)))
        for heading, column in columns
    ]
    if target.is_terminal and sum(widths) + len(_GAP) * len(widths) > target.width:
        for row in cells:
            _print_record(target, headings, row)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        is_whole = heading != _DESCRIPTION or not target.is_terminal
        table.add_column(heading, no_wrap=is_whole)
    for row in cells:
        table.add_row(*(Text(cell, style=style_of(cell)) for cell in row))
    if target.is_terminal:
        target.print(table, soft_wrap=False)
        return
    text = io.StringIO()
    Console(file=text, width=_ANY_WIDTH).print(table)
    for line in text.getvalue().splitlines():
        print(line.rstrip(), file=target.file)


def _print_record(target: Screen, headings: Sequence[str], row: Sequence[str]) -> None:
    """A row as lines, each of as many headings with their values as it takes."""
    line = Text()
    for heading, cell in zip(headings, row, strict=True):
        if not cell:
            continue
        field = Text.assemble((f"{heading} ", "dim"), (cell, style_of(cell)))
        if line and line.cell_len + len(_GAP) + field.cell_len > target.width:
            target.print(line)
            line = Text(_INDENT)
        elif line:
            line.append(_GAP)
        if line.cell_len + field.cell_len > target.width:
            *whole, last = target.wrapped(f"{line.plain}{field.plain}")
            for each in whole:
                target.print(each)
            line = Text(last)
        else:
            line.append_text(field)
    target.print(line)


def style_of(status: str) -> str:
    """The colour of a status; none for any other text."""
    return _COLOURS[outcome(status)]


def who(arn: str) -> str:
    """A person by the end of an ARN: a user's name, or a role and its session."""
    name = arn.split(":", 5)[-1] if arn.count(":") >= 5 else arn
    return name.removeprefix("user/").removeprefix("assumed-role/")


def print_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as CSV on standard output; a cell is never a spreadsheet's formula, and shows every
    character that it holds."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)


def print_json(value: Any) -> None:
    """A value as JSON on standard output, with AWS's own names."""
    print(as_json(value, indent=2))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON, in which characters that do not show are escaped."""
    text = json.dumps(value, indent=indent, default=_plain, ensure_ascii=False)
    return INVISIBLE.sub(lambda match: "\n" if match[0] == "\n" else _escaped(match[0]), text)


def say(text: str) -> None:
    """A remark beside the result, of one line or several."""
    with contextlib.suppress(BrokenPipeError):
        screen = console(sys.stderr)
        for each in text.split("\n"):
            screen.write(each)


def _harmless(cell: str) -> str:
    """A cell of CSV that no spreadsheet takes for a formula, with what does not show escaped.

    Spreadsheets read the full-width signs as well. Source: OWASP, CSV Injection.
    """
    if cell[:1].isalnum() and cell.isascii() and cell.isprintable() and ";" not in cell:
        return cell
    first = unicodedata.normalize("NFKC", cell.lstrip()[:1])
    guarded = f"'{cell}" if first in _FORMULA or cell[:1] in _BLANKS else cell
    guarded = _AFTER_SEPARATOR.sub(r"\1'", guarded)  # where a list separator is a semicolon
    return INVISIBLE.sub(lambda match: _escaped(match[0]), guarded)


def _escaped(character: str) -> str:
    """A character as JSON escapes it."""
    return json.dumps(character)[1:-1]


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
