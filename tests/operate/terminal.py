"""The operator CLI as its user has it: a real process, on a terminal or in a pipe."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyte

from tests.clone import PROJECT

COLUMNS, ROWS = 100, 40
_SECONDS = 40


@dataclass(frozen=True)
class Printed:
    """What a command left behind."""

    status: int
    text: str
    """Standard output, or what stands on the terminal at the end."""
    errors: str = ""
    seen: tuple[str, ...] = ()
    """Every different screen of a terminal, in order."""


def in_a_pipe(
    environment: Mapping[str, str], *arguments: str, given: str = "", status: int | None = 0
) -> Printed:
    """Runs ``python -m operate`` without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "operate", *arguments],
        env={**base(), **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert status in (None, done.returncode), f"{done.returncode}\n{done.stdout}{done.stderr}"
    return Printed(done.returncode, done.stdout, done.stderr)


def on_a_terminal(
    environment: Mapping[str, str],
    *arguments: str,
    answers: Iterable[tuple[str, str | Callable[[], str]]] = (),
    status: int | None = 0,
    piped: bool = False,
    columns: int = COLUMNS,
    rows: int = ROWS,
) -> Printed:
    """Runs ``python -m operate`` on a terminal, its output in a pipe where ``piped``; whenever the
    next of the answers' texts stands on the screen, its answer is typed. The command finds the
    width as it is only once it is set: its process waits for that."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    process, master = pty.fork()
    if process == 0:  # pragma: no cover, the command's process
        while os.get_terminal_size().columns != columns:
            time.sleep(0.001)
        command = [sys.executable, "-m", "operate", *arguments]
        variables = {**base(), **environment, "TERM": "xterm-256color"}
        if piped:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execve(sys.executable, command, variables)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    pending, seen = list(answers), [""]
    deadline = time.monotonic() + _SECONDS
    with contextlib.suppress(OSError):  # the terminal is closed
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.05)[0]:
                data = os.read(master, 65536)
                if not data:
                    break
                stream.feed(data)
            if (now := _text(screen)) != seen[-1]:
                seen.append(now)
            if pending and pending[0][0] in now:
                typed = pending.pop(0)[1]
                os.write(master, (typed if isinstance(typed, str) else typed()).encode())
    if time.monotonic() >= deadline:
        os.kill(process, 9)
    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(master)
    printed = Printed(ended, _text(screen), seen=tuple(seen))
    assert "Traceback" not in printed.text
    assert status in (None, ended), f"{ended}\n{printed.text}"
    return printed


def _text(screen: pyte.Screen) -> str:
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def base() -> dict[str, str]:
    """The variables of the tests, without anything that is AWS's; with the project's packages,
    wherever a command is run."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "COLUMNS", "LINES"))}
    return {**kept, "PYTHONPATH": str(PROJECT)}
