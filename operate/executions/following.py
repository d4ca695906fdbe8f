"""Follows a run to its end: refreshed in place on a terminal, appended line by line elsewhere."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Group, RenderableType
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
from operate.screen import Screen, style_of, who
from operate.times import local, took

_PAUSES = ((0.1, 0.1), (5, 0.4), (60, 1.0), (600, 3.0))
"""Up to so many seconds after the start, a look every so many; later every ten. AWS answers three
reads a second, of all users of a Region together.
Source: AWS General Reference, Systems Manager quotas."""
_PAUSE_WITH_TARGETS = 2.0
"""At least, where each look asks about targets as well."""
_LAST_PAUSE = 10.0
_BAR = 24
_GAP = 2


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

    def __init__(self, target: Screen) -> None:
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
            self._target.write(" ".join([local(at), _line(step)]))
            for line in details(step):
                self._target.write(f"  {line}")
            if step.approvers:
                self._target.command(f"  {_answer_it(run)}")
        if progress not in (None, self._progress):
            self._progress = progress
            self._target.write(f"  {progress}")

    def close(self) -> None:
        """Nothing is left to do: every line stands."""


class InPlace:
    """All steps, refreshed in place; the last look stays on the screen."""

    def __init__(self, target: Screen) -> None:
        self._target = target
        self._live = Live(console=target, auto_refresh=False)
        self._is_open = False
        self._waited: set[str] = set()
        self._shown: RenderableType = ""

    def show(self, run: Run, progress: Progress | None) -> None:
        """Draws the steps anew, and a bar of the targets."""
        with _drawn_whole():
            self._show(run, progress)

    def _show(self, run: Run, progress: Progress | None) -> None:
        if not self._is_open:
            self._live.start()
            self._is_open = True
        for step in run.steps:
            if step.approvers and step.id not in self._waited:
                self._waited.add(step.id)
                # Above what is refreshed: a command longer than a line is broken by the terminal.
                self._target.write(f"{step.name} is answered by:")
                self._target.command(_answer_it(run))
        found = [
            Text(line)
            for step in run.steps
            for detail in details(step)
            for line in self._target.wrapped(f"  {detail}")
        ]
        bar = [_bar(progress)] if progress else []
        self._shown = Group(self._steps(run), *bar, *found)
        # The cursor waits on a line of its own, where the terminal writes ^C.
        self._live.update(Group(self._shown, Text("")), refresh=True)

    def _steps(self, run: Run) -> RenderableType:
        """A line for each step, where the terminal is too narrow for it two."""
        rows = [
            (s.name, s.action, Text(s.status, style_of(s.status)), took(s.started, s.ended))
            for s in run.steps
        ]
        columns = [max(map(cell_len, map(str, column))) for column in zip(*rows, strict=True)]
        if sum(columns) + _GAP * len(columns) <= self._target.width:
            table = Table(box=None, pad_edge=False, show_header=False)
            for row in rows:
                table.add_row(*row)
            return table
        return Group(
            *(
                Text.assemble(f"{name}\n  ", status, f"  {lasted}  {action}")
                for name, action, status, lasted in rows
            )
        )

    def close(self) -> None:
        """Leaves the last look where it is."""
        if self._is_open:
            with _drawn_whole():
                self._live.update(self._shown)
                self._live.stop()


@contextmanager
def _drawn_whole() -> Iterator[None]:
    """Has Ctrl-C wait until what is drawn stands: half of it would be drawn again."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # Ctrl-C is ignored
        yield
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _bar(progress: Progress) -> Columns:
    """How far the targets are."""
    bar = ProgressBar(total=max(progress.total, 1), completed=progress.done, width=_BAR)
    return Columns([bar, Text(str(progress))])


def details(step: StepRun) -> Iterator[str]:
    """What an ended step put out; for whom one waits."""
    if step.has_ended:
        for name, values in step.outputs.items():
            yield f"{step.name}.{name}: {', '.join(values)}"
    elif step.approvers:
        yield f"waits for an approval by {', '.join(map(who, step.approvers))}"


def _answer_it(run: Run) -> str:
    """What an approver types."""
    return command("approve", run.id)


def _line(step: StepRun) -> str:
    line = f"{step.name} ({step.action}) {step.status}"
    return f"{line} after {took(step.started, step.ended)}" if step.has_ended else line
