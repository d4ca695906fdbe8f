"""What a review of a change leaves behind for a gate: standard library alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import PipelineError

PAGE, DATA = "change.md", "change.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a gate has to know of a reviewed change."""

    digest: str
    """Of the assembly."""
    commit: str
    base: str
    widening: str
    """Names this very change of access, where anybody gains anything; empty where nobody does."""
    is_broken: bool
    """Whether a promise of the access review is broken."""

    def write(self, folder: Path) -> None:
        """Leaves it for the gate."""
        (folder / DATA).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")


def read_change(folder: Path) -> Change:
    """What a review has left in a folder; PipelineError where there was none."""
    path = folder / DATA
    try:
        return Change(**json.loads(path.read_text("utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise PipelineError(f"{path} cannot be read: {error}; run: make review BASE=…") from None
