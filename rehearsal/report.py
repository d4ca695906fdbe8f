"""What a rehearsal expected and what happened."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One expectation and what came of it."""

    scene: int
    """The scene of the story, from 1."""
    person: str
    what: str
    expected: str
    happened: str
    detail: str = ""
    """What AWS said, where it refused."""

    @property
    def agrees(self) -> bool:
        """Whether what happened is what was expected."""
        return self.expected == self.happened


class SceneFailed(Exception):
    """A scene went so wrong that the story cannot go on."""


@dataclass(kw_only=True)
class Report:
    """The outcomes of a rehearsal, in order."""

    show: Callable[[Outcome], None]
    """Called with each outcome as it comes."""
    scene: int = 0
    person: str = ""
    outcomes: list[Outcome] = field(default_factory=list)

    def note(self, what: str, *, expected: object, happened: object, detail: str = "") -> None:
        """Records an outcome."""
        outcome = Outcome(
            scene=self.scene,
            person=self.person,
            what=what,
            expected=str(expected),
            happened=str(happened),
            detail=detail,
        )
        self.outcomes.append(outcome)
        self.show(outcome)

    @property
    def agrees(self) -> bool:
        """Whether everything happened as expected."""
        return bool(self.outcomes) and all(outcome.agrees for outcome in self.outcomes)

    def table(self, width: int = 200) -> str:
        """Every outcome as a row of a table, with the sum of them below.

        ``width`` is that of the screen, in columns: a cell that does not fit is folded.
        """
        table = Table(box=None, pad_edge=False, header_style="")
        for column in ("", "who", "what", "expected", "happened"):
            table.add_column(column, overflow="fold")
        for o in self.outcomes:
            cells = ("ok" if o.agrees else "NOT", o.person, o.what, o.expected, o.happened)
            table.add_row(*map(Text, cells))
        console = Console(width=width, color_system=None, file=io.StringIO())
        with console.capture() as captured:
            console.print(table)
        lines = [line.rstrip() for line in captured.get().splitlines()]
        agreed = sum(outcome.agrees for outcome in self.outcomes)
        return "\n".join([*lines, "", f"{agreed} of {len(self.outcomes)} as expected"])

    def write_json(self, path: Path) -> None:
        """The same as data: ``{"agrees": …, "outcomes": [{…}]}``."""
        data = {
            "agrees": self.agrees,
            "outcomes": [{**asdict(o), "agrees": o.agrees} for o in self.outcomes],
        }
        path.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
