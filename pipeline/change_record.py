"""What a review of a change leaves behind for a gate: standard library alone."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from review.templates.cloud_assembly import Assembly

PAGE, _DATA = "change.md", "change.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRecord:
    """What a gate has to know of a reviewed change."""

    digest: str
    """SHA-256 of the assembly, by which a deployment knows it."""
    commit: str
    base: str
    gains_access: bool
    """Whether anybody gains access."""
    violates_invariants: bool
    """Whether an invariant of the access review is violated."""

    def write(self, folder: Path) -> None:
        """Leaves it for the gate."""
        (folder / _DATA).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")


def read_record(folder: Path) -> ChangeRecord:
    """What a review has left beside the assembly in a folder.

    PipelineError where there was none, or where it was one of another assembly.
    """
    path = folder / _DATA
    try:
        record = ChangeRecord(**json.loads(path.read_text("utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise PipelineError(f"{path} cannot be read: {error}; run: make review BASE=…") from None
    if record.digest != Assembly(folder).digest:
        raise PipelineError(f"{path} is of another assembly; run: make review BASE=…")
    return record


def forget(folder: Path) -> None:
    """Removes what a former review left: a review that fails leaves nothing."""
    for name in (PAGE, _DATA):
        (folder / name).unlink(missing_ok=True)
