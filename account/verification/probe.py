"""A probe: an assumption, how AWS is asked, and what it answers if the assumption holds."""

from collections.abc import Callable
from dataclasses import dataclass

from account.verification.lab import Lab


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Something that is assumed of AWS."""

    id: str
    """A few words, hyphenated."""
    assumption: str
    """What this project and its sandbox take for granted."""
    source: str
    """The page or data that it is inferred from."""
    call: str
    """What is called, in short."""
    expected: str
    """The answer if it holds."""
    ask: Callable[[Lab], str]
    """Asks, and returns the answer in the same words."""
    minutes: int = 1
    """How long it may take on AWS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a probe found."""

    probe: Probe
    actual: str

    @property
    def holds(self) -> bool:
        """Whether the assumption holds."""
        return self.actual == self.probe.expected
