"""Findings: what is wrong with a runbook, each with its place, what is allowed and the nearest."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from delegation.files import FileError, Location, Source
from delegation.runbooks.checks.rules import Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One mistake in a runbook's file or sidecar."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    rule: Rule
    """The kind of mistake: docs/check.md."""
    step: str | None
    """The step that it is in; None outside steps."""
    field: str
    """The field in the step, else in the document: ``inputs.DesiredState``; empty for all of it."""
    found: str
    """What stands there."""
    allowed: str
    """What may stand there, or what to do."""
    nearest: str | None
    """The allowed value that looks most like what was found."""

    @property
    def message(self) -> str:
        """Where in the document, what was found, what is allowed, and the nearest: one line."""
        where = [f"step {self.step}" if self.step else "", self.field]
        nearest = f"; nearest: {self.nearest}" if self.nearest else ""
        text = ": ".join([*filter(None, where), self.found])
        return f"{text}; {self.allowed}{nearest}".replace("\n", "\\n")

    def __str__(self) -> str:
        """The finding as one line."""
        location = f"{self.file}:{self.line}:{self.column}".replace("\n", "\\n")
        return f"{location}: {self.message} [{self.rule.value}]"

    def as_json(self) -> dict[str, Any]:
        """The finding for ``--format json``."""
        return {**asdict(self), "rule": self.rule.value}


class Findings:
    """Collects what is found in one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: set[Finding] = set()

    def add(
        self,
        rule: Rule,
        location: Location,
        found: str,
        allowed: str,
        *,
        among: Iterable[str] = (),
        like: object = None,
        at_key: bool = False,
    ) -> None:
        """Notes a mistake at a place; ``like`` is the value whose nearest ``among`` is reported."""
        line, column = self._source.position(location, at_key=at_key)
        step, rest = self._step_of(location)
        nearest = (
            get_close_matches(like, list(map(str, among)), n=1) if isinstance(like, str) else []
        )
        self._found.add(
            Finding(
                file=self._source.file,
                line=line,
                column=column,
                rule=rule,
                step=step,
                field=_written(rest),
                found=found,
                allowed=allowed,
                nearest=nearest[0] if nearest else None,
            )
        )

    def add_unknown(self, rule: Rule, location: Location, what: str, known: Iterable[str]) -> None:
        """Notes a key, the last part of its place, that is none of those known."""
        known = tuple(known)
        self.add(
            rule,
            location,
            f"is not {_article(what)} {what}",
            f"known: {listed(known) or 'none'}",
            among=known,
            like=location[-1],
            at_key=True,
        )

    def add_misread(self, value: object, location: Location) -> bool:
        """Notes a number or truth value that YAML makes of a text with another spelling, where a
        string is wanted: ``012345670123``, ``1.10``, ``12:30``, ``yes``; whether it is one."""
        if not isinstance(value, int | float):
            return False
        written = self._source.written(location)
        is_truth = isinstance(value, bool) and str(written).lower() in ("true", "false")
        if written is None or is_truth or written == str(value):
            return False
        read = str(value).lower() if isinstance(value, bool) else str(value)
        self.add(
            Rule.DEPLOY, location, f"is {written}, which YAML reads as {read}", "put it in quotes"
        )
        return True

    def add_repeated_keys(self) -> None:
        """Notes every key of the file that its object has before."""
        for key, line, column in self._source.repeated_keys():
            self._found.add(
                Finding(
                    file=self._source.file,
                    line=line,
                    column=column,
                    rule=Rule.REPEATED_KEY,
                    step=None,
                    field="",
                    found=f"the key {key!r} stands twice in one object",
                    allowed="each key once; the last would win",
                    nearest=None,
                )
            )

    def sorted(self) -> list[Finding]:
        """All of them in the order of the file, each once."""
        return sorted(self._found, key=lambda f: (f.line, f.column, f.field, f.found))

    def _step_of(self, location: Location) -> tuple[str | None, Location]:
        """The innermost step around a place, and the place within it."""
        value: Any = self._source.content
        step, rest = None, location
        for index, part in enumerate(location):
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                break
            is_step = index > 0 and location[index - 1] in ("mainSteps", "Steps")
            if is_step and isinstance(part, int) and isinstance(value, dict):
                step = str(value.get("name") or f"number {part + 1}")
                rest = location[index + 1 :]
        return step, rest


def unreadable(error: FileError) -> Finding:
    """The finding of a file that could not be read."""
    return Finding(
        file=error.file,
        line=error.line,
        column=error.column,
        rule=Rule.UNREADABLE,
        step=None,
        field="",
        found=error.reason,
        allowed="a document is one JSON or YAML object",
        nearest=None,
    )


def shown_value(value: object) -> str:
    """A value as findings show it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]}…{text[-1]}"


def listed(values: Iterable[object], most: int = 30) -> str:
    """Allowed values in a line; of many the first."""
    texts = [str(value) for value in values]
    return ", ".join(texts) if len(texts) <= most else f"{', '.join(texts[:most])}, …"


def _written(location: Location) -> str:
    """``inputs.Filters[0].Name``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    text = text.lstrip(".")
    return text if len(text) <= 120 else f"{text[:100]}…"


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"
