"""What somebody has in one review and not in another, reported from either side."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Aspect(StrEnum):
    """What a gain is about."""

    RUNBOOK = "runbook"
    """A runbook, by its name."""
    STATEMENT = "statement"
    """What a statement does to a principal: its name, and the statement as ``POLICY/SID``."""
    SCHEDULE = "schedule"
    """What a schedule starts: its name and Region."""
    TRUST = "trust"
    """Whom a role trusts: the role's name, and the principal as the trust names it."""


About = tuple[Aspect, str, str]
"""An aspect, a name, and where the aspect has one, a second."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain where it is new, and the loss that it is from the other side."""

    reported: str
    lost: str = ""
    """Empty where the other side is a gain as well."""
    about: frozenset[About] = frozenset()
    """Empty for what is of the account as a whole."""


def provided(conditions: Iterable[str]) -> str:
    """Conditions as the end of a sentence."""
    joined = " and ".join(conditions)
    return f" where {joined}" if joined else ""


def but(exceptions: Iterable[str]) -> str:
    """Exceptions as the end of a sentence."""
    joined = ", ".join(exceptions)
    return f" but {joined}" if joined else ""
