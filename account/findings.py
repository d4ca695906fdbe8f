"""What is wrong in an account, each with its cause and fix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from account.errors import Unreadable


class Harm(StrEnum):
    """How bad a finding is, the worst first."""

    ACCESS = "access"
    """Somebody can do more, or is held back by less, than what was accepted."""
    RECORD = "record"
    """Something is not recorded or reported."""
    FUNCTION = "function"
    """Something does not work as synthesized."""
    UNKNOWN = "cannot be determined"
    """The caller may not read it, or the review does not understand it."""
    NOTE = "note"
    """Worth knowing; no fault."""


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """Something in the account that is not as it should be."""

    harm: Harm
    what: str
    """What was found, with the value and where it stands."""
    cause: str
    fix: str

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.harm is not Harm.NOTE

    def __str__(self) -> str:
        return f"{self.harm}: {self.what}\n  cause: {self.cause}\n  fix: {self.fix}"


def is_known(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is among those whose reach is accepted, ``*`` for any characters."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def unreadable(what: str, error: Exception) -> Finding:
    """That something could not be read."""
    return Finding(
        Harm.UNKNOWN,
        f"{what} could not be read: {error}",
        "the caller's policy lacks the action, a policy of the resource denies it, or AWS did not "
        "answer",
        "python -m account policy prints what the doctor reads; then run it again",
    )


def guarded(what: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of one thing; that it could not be read, where it could not."""
    try:
        yield from findings
    except Unreadable as error:
        yield unreadable(what, error)


def by_harm(findings: list[Finding]) -> list[Finding]:
    """The findings, the worst first, each once."""
    order = list(Harm)
    return sorted(dict.fromkeys(findings), key=lambda each: (order.index(each.harm), each.what))
