"""Shows the story as it goes: in place on a terminal, in plain lines otherwise."""

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rehearsal.report import Outcome

_FRAMES = "|/-\\"
_FRAME_SECONDS = 0.1
_WIDEST = 200


class Narrator:
    """Prints scenes, what is going on, and outcomes."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._terminal = stream.isatty()

    def scene(self, number: int, person: str, title: str) -> None:
        """Opens a scene."""
        self._print(f"\n{number}. {person}: {title}")

    def outcome(self, outcome: Outcome) -> None:
        """An expectation and what came of it, with AWS's own words where it refused."""
        mark = "ok " if outcome.agrees else "NOT"
        text = f"   {mark} {outcome.what}: {outcome.happened}"
        self._print(text if outcome.agrees else f"{text}, expected {outcome.expected}")
        if outcome.detail:
            self._print(f"       {outcome.detail}")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._print(text)

    @property
    def width(self) -> int:
        """The columns of the terminal; in a pipe, as many as a table can need."""
        return shutil.get_terminal_size().columns if self._terminal else _WIDEST

    def busy(self, what: str) -> "Busy":
        """Shows, while the block runs, what is going on and for how long."""
        return Busy(what, self._stream, terminal=self._terminal)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Busy:
    """A line that says what is going on: refreshed on a terminal, printed once otherwise."""

    def __init__(self, what: str, stream: TextIO, *, terminal: bool) -> None:
        self._what, self._stream, self._terminal = what, stream, terminal
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        if self._terminal:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._done.set()
            self._thread.join()
            self._stream.write("\r\033[K")
        seconds = time.monotonic() - self._started
        print(f"       {self._what} ({seconds:.1f} s)", file=self._stream, flush=True)

    def _turn(self) -> None:
        frame = 0
        while not self._done.wait(_FRAME_SECONDS):
            seconds = time.monotonic() - self._started
            line = f"     {_FRAMES[frame % len(_FRAMES)]} {self._what} ({seconds:.0f} s)"
            self._stream.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
            self._stream.flush()
            frame += 1
