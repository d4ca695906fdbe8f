"""The clock of EventBridge Scheduler: it shows the time, or one that a test has moved it on to."""

import threading
from datetime import UTC, datetime, timedelta

from ministack.core.responses import request_scope
from ministack.services import scheduler

from sandbox.emulator.scheduler.delivery import deliver
from sandbox.emulator.scheduler.occurrences import due

SECONDS = 1
"""How often the clock is looked at."""

_turn = threading.Lock()
_moved = timedelta()
_done_until = datetime.now(UTC)


def now() -> datetime:
    """What the clock shows."""
    return datetime.now(UTC) + _moved


def move(on: timedelta) -> int:
    """Moves the clock on, and starts whatever is due on the way, in its order; how many starts."""
    global _moved
    with _turn:
        _moved += on
        return _start_due()


def start_due() -> int:
    """Starts what has become due since the last time; how many starts."""
    with _turn:
        return _start_due()


def _start_due() -> int:
    global _done_until
    until = now()
    starts = sorted(
        (
            (at, key)
            for key, record in list(scheduler._schedules._data.items())
            for at in due(record, _done_until, until)
        ),
        key=lambda start: start[0],
    )
    _done_until = until
    for at, (account, region, name) in starts:
        with request_scope(account, region):
            deliver(scheduler._schedules._data[account, region, name], at)
    return len(starts)
