"""Files that are there as a whole, or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from operate.errors import OperateError


@contextmanager
def whole_file(path: str | None) -> Iterator[IO[str] | None]:
    """A string file that replaces what was there once it is complete; None without a path.

    It is made at once, beside its place, so that what cannot be written is known before hours of
    look-ups, and only its owner can read it. Raises OperateError where no file can be written.
    """
    if path is None:
        yield None
        return
    try:
        target = Path(path).resolve()
    except (OSError, RuntimeError):  # links that lead to each other
        raise OperateError(f"{path}: cannot be followed to a file") from None
    draft = _draft_of(target, path)
    try:
        with draft:
            yield draft
        Path(draft.name).replace(target)
    finally:
        Path(draft.name).unlink(missing_ok=True)


def _draft_of(target: Path, path: str) -> IO[str]:
    if target.exists() and not target.is_file():
        raise OperateError(f"{path}: is not a file")
    try:
        return tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=".", delete=False
        )
    except OSError as error:
        raise OperateError(f"{path}: cannot be written: {error.strerror}") from None
