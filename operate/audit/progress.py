"""How far back the event history has been read."""

import sys
import time
from datetime import datetime
from typing import Self

from operate.screen import say
from operate.times import utc

_SHOW_SECONDS = 10
_SHOW_SECONDS_ON_A_TERMINAL = 0.2
_CLEARED = "\r\x1b[K"


class Progress:
    """Shows how far back the event history has been read: in place on a terminal, else by lines."""

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self._is_terminal = sys.stderr.isatty()
        self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_terminal:
            print(_CLEARED, end="", file=sys.stderr, flush=True)

    def __call__(self, at: datetime, count: int) -> None:
        """Receives the time of the oldest event so far, and how many events there were."""
        pause = _SHOW_SECONDS_ON_A_TERMINAL if self._is_terminal else _SHOW_SECONDS
        if time.monotonic() - self._shown < pause:
            return
        self._shown = time.monotonic()
        text = f"event history: {count} events, back to {utc(at)} of {utc(self._begin)}"
        if self._is_terminal:
            print(f"{_CLEARED}{text}", end="", file=sys.stderr, flush=True)
        else:
            say(text)
