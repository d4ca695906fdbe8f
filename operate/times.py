"""Points in time: as people give and read them, as files keep them, as filters take them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

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


def utc(time: datetime | None) -> str:
    """A time to the second, in ISO 8601 and UTC, as files keep it and filters of executions take
    it; empty where there is none.

    Source: Systems Manager User Guide, Creating formatted date and time strings.
    """
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if time else ""


def local(time: datetime | None, zone: tzinfo | None = None) -> str:
    """A time to the second, in ISO 8601, by the clocks of its reader or of this zone, with their
    distance from UTC."""
    if time is None:
        return ""
    return time.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def took(started: datetime | None, ended: datetime | None) -> str:
    """How long something took, until now if it has not ended."""
    if started is None:
        return ""
    seconds = max(((ended or datetime.now(UTC)) - started).total_seconds(), 0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
