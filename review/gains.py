"""What somebody has in one review and not in another, told from either side."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Aspect(StrEnum):
    """What of somebody or something a gain is about."""

    GRANTS = "grants"
    TRUST = "trust"
    RUNBOOK = "runbook"


About = tuple[Aspect, str]
"""An aspect, and the name of the principal or runbook."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain where it is new, and the loss that it is from the other side."""

    told: str
    lost: str = ""
    """Empty where the other side is a gain as well."""
    about: About | None = None
    """None for what is of the account as a whole."""


def provided(conditions: Iterable[str]) -> str:
    """Conditions as the end of a sentence."""
    joined = " and ".join(conditions)
    return f" where {joined}" if joined else ""


def but(exceptions: Iterable[str]) -> str:
    """Exceptions as the end of a sentence."""
    joined = ", ".join(exceptions)
    return f" but {joined}" if joined else ""
