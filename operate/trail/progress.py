"""How far back the event history has been read."""

import sys
import time
from datetime import datetime
from types import TracebackType
from typing import Self

from operate.screen import moment, say

_TELL_SECONDS = 10
_TELL_SECONDS_ON_A_TERMINAL = 0.2
_CLEARED = "\r\x1b[K"


class Progress:
    """Says how far back it is: in place on a terminal, a line now and then elsewhere."""

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self._is_terminal = sys.stderr.isatty()
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_terminal:
            print(_CLEARED, end="", file=sys.stderr, flush=True)

    def __call__(self, at: datetime, count: int) -> None:
        """Hears how far back a page went, and how many events there have been."""
        pause = _TELL_SECONDS_ON_A_TERMINAL if self._is_terminal else _TELL_SECONDS
        if time.monotonic() - self._told < pause:
            return
        self._told = time.monotonic()
        text = f"event history: {count} events, back to {moment(at)} of {moment(self._begin)}"
        if self._is_terminal:
            print(f"{_CLEARED}{text}", end="", file=sys.stderr, flush=True)
        else:
            say(text)
