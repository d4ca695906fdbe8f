"""Follows a run to its end: refreshed in place on a terminal, appended line by line elsewhere."""

import time
from collections.abc import Iterator
from typing import Protocol

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from operate.command_name import command
from operate.connection import Connection
from operate.errors import Exit, OperateError
from operate.executions.execution import Run, StepRun, read_run
from operate.executions.statuses import NOT_BEGUN
from operate.executions.targets import Progress, Targets, step_with_targets
from operate.screen import clean, clock, style_of, took, who

_PAUSES = ((5, 0.4), (60, 1.0), (600, 3.0))
"""Up to so many seconds after the start, a look every so many; later every ten. AWS answers three
reads a second, of all users of a Region together.
Source: AWS General Reference, Systems Manager quotas."""
_PAUSE_WITH_TARGETS = 2.0
"""At least, where each look asks about targets as well."""
_LAST_PAUSE = 10.0
_BAR = 24


class View(Protocol):
    """Shows a run as it goes on."""

    def show(self, run: Run, progress: Progress | None) -> None:
        """What is known of the run now, and of its targets."""

    def close(self) -> None:
        """The last look has been shown."""


def follow(connection: Connection, execution_id: str, view: View) -> Run:
    """Shows the run until it has ended.

    Raises OperateError where AWS cannot be asked any more, and says how to watch again.
    """
    targets: Targets | None = None
    pauses = _pauses()
    try:
        while True:
            run = _look(connection, execution_id)
            if targets is None and step_with_targets(run):
                targets = Targets(connection, run)
            view.show(run, targets.progress(is_last=run.has_ended) if targets else None)
            if run.has_ended:
                return run
            time.sleep(max(next(pauses), _PAUSE_WITH_TARGETS if targets else 0))
    finally:
        view.close()


def watch_again(execution_id: str) -> str:
    """The command that watches a run."""
    return command("watch", execution_id)


def _pauses() -> Iterator[float]:
    begun = time.monotonic()
    while True:
        passed = time.monotonic() - begun
        yield next((pause for until, pause in _PAUSES if passed < until), _LAST_PAUSE)


def _look(connection: Connection, execution_id: str) -> Run:
    try:
        return read_run(connection, execution_id, status=Exit.UNKNOWN)
    except OperateError as error:
        if error.code.startswith("AutomationExecutionNotFound"):
            raise OperateError(str(error)) from None
        again = f"the run goes on; watch again: {watch_again(execution_id)}"
        raise OperateError(f"{error}\n{again}", status=error.status) from None


class Appended:
    """A line whenever a step begins, waits or ends, with time, state and outputs."""

    def __init__(self, target: Console) -> None:
        self._target = target
        self._shown: dict[str, str] = {}
        self._progress: Progress | None = None

    def show(self, run: Run, progress: Progress | None) -> None:
        """Prints what has changed since the last look."""
        for step in run.steps:
            if step.status in (NOT_BEGUN, self._shown.get(step.id)):
                continue
            self._shown[step.id] = step.status
            at = step.ended if step.has_ended else step.started
            self._target.print(" ".join([clock(at), _line(step)]))
            for line in details(run, step):
                self._target.print(f"          {line}")
        if progress not in (None, self._progress):
            self._progress = progress
            self._target.print(f"          {progress}")

    def close(self) -> None:
        """Nothing is left to do: every line stands."""


class InPlace:
    """All steps, refreshed in place; the last look stays on the screen."""

    def __init__(self, target: Console) -> None:
        self._live = Live(console=target, auto_refresh=False)
        self._is_open = False

    def show(self, run: Run, progress: Progress | None) -> None:
        """Draws the steps anew, and a bar of the targets."""
        if not self._is_open:
            self._live.start()
            self._is_open = True
        table = Table(box=None, pad_edge=False, show_header=False)
        for step in run.steps:
            status = Text(step.status, style=style_of(step.status))
            table.add_row(step.name, step.action, status, took(step.started, step.ended))
        found = [Text(f"  {line}") for step in run.steps for line in details(run, step)]
        bar = [_bar(progress)] if progress else []
        self._live.update(Group(table, *bar, *found), refresh=True)

    def close(self) -> None:
        """Leaves the last look where it is."""
        if self._is_open:
            self._live.stop()


def _bar(progress: Progress) -> Columns:
    """How far the targets are."""
    bar = ProgressBar(total=max(progress.total, 1), completed=progress.done, width=_BAR)
    return Columns([bar, Text(str(progress))])


def details(run: Run, step: StepRun) -> Iterator[str]:
    """What an ended step put out; for whom one waits."""
    if step.has_ended:
        for name, values in step.outputs.items():
            yield clean(f"{step.name}.{name}: {', '.join(values)}")
    elif step.approvers:
        who_ = ", ".join(map(who, step.approvers))
        yield clean(f"waits for an approval by {who_}; they say: {command('approve', run.id)}")


def _line(step: StepRun) -> str:
    line = f"{step.name} ({step.action}) {step.status}"
    return f"{line} after {took(step.started, step.ended)}" if step.has_ended else line
