"""A command's wall time and the peak memory of its process tree, from outside."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One run of a command."""

    seconds: float
    """Wall time."""
    megabytes: float
    """Peak of the summed resident memory of the process and all its descendants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command that is measured."""

    name: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self) -> Sample:
        """Runs it once; raises RuntimeError with its output if it fails."""
        with tempfile.TemporaryFile() as output:  # a pipe that nobody reads would stop it
            started = time.perf_counter()
            process = subprocess.Popen(
                self.arguments,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            peak = 0.0
            while process.poll() is None:
                peak = max(peak, tree_megabytes(process.pid))
                time.sleep(_POLL_SECONDS)
            seconds = time.perf_counter() - started
            if process.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{self.name}: {output.read().decode('utf-8', 'replace')}")
        return Sample(seconds=seconds, megabytes=peak)


def alternately(commands: Sequence[Command], runs: int) -> dict[str, list[Sample]]:
    """Runs the commands in turn, once unmeasured and then ``runs`` times."""
    for command in commands:
        command.run()
    samples: dict[str, list[Sample]] = {command.name: [] for command in commands}
    for _ in range(runs):
        for command in commands:
            samples[command.name].append(command.run())
    return samples


def seconds_of(action: Callable[[], object], runs: int) -> list[float]:
    """Wall times of an action of this process, after one unmeasured."""
    action()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return times


def median(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def tree_megabytes(root: int) -> float:
    """The resident memory of a process and its descendants now (Linux)."""
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        resident[int(entry.name)] = int(fields[21]) * _PAGE
    total, queue = 0, [root]
    while queue:
        pid = queue.pop()
        total += resident.get(pid, 0)
        queue += children.get(pid, ())
    return total / 1e6
