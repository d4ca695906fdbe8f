"""Values in a file of this process: there may be more than memory should hold."""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

Value = TypeVar("Value")


class Spool(Generic[Value]):
    """Keeps values in the order in which they were added; its file has no name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def add(self, value: Value) -> None:
        """Adds a value; not while they are read."""
        pickle.dump(value, self._file)
        self._count += 1

    def __iter__(self) -> Iterator[Value]:
        self._file.seek(0)
        for _ in range(self._count):
            yield pickle.load(self._file)  # noqa: S301 - what this process wrote
