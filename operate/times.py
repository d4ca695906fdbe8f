"""Points in time as people give them, and as Automation's filters take them."""

import re
from datetime import UTC, datetime, timedelta

from operate.errors import OperateError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Before AWS."""


def time_of(text: str) -> datetime:
    """The time that ``7d``, ``12h``, ``30m``, ``2w`` ago was, or an ISO 8601 time (UTC without an
    offset). Raises OperateError for any other text, and for a time before AWS."""
    try:
        if match := re.fullmatch(r"(\d{1,5})([mhdw])", text, re.ASCII):
            at = datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        else:
            at = datetime.fromisoformat(text)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if at >= _EARLIEST:
            return at
    except (ValueError, OverflowError):
        pass
    raise OperateError(
        f"{text!r} is not a time: as 7d, 12h, 30m, 2w, 2026-11-26 or 2026-11-26T08:00:00+01:00"
    )


def as_filter(time: datetime) -> str:
    """A time as filters of executions take it. Source: Systems Manager User Guide, Creating
    formatted date and time strings."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
