"""When a schedule starts its target.

Source: EventBridge Scheduler User Guide, Schedule types, Time zones and daylight saving time.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aws_croniter import AwsCroniter

_EXPRESSION = re.compile(r"(?P<kind>rate|cron|at)\((?P<value>[^()]+)\)")
_RATE = re.compile(r"([1-9][0-9]*) (minute|hour|day)s?", re.ASCII)

Record = Mapping[str, Any]
"""A schedule as the emulator keeps it."""


def refusal(record: Record) -> str:
    """Why an expression or time zone is none; empty for one that is."""
    try:
        ZoneInfo(str(record.get("ScheduleExpressionTimezone") or "UTC"))
        next(_starts(record, datetime.now(UTC)), None)
    except (ValueError, KeyError, ZoneInfoNotFoundError):
        return "Invalid Schedule Expression or ScheduleExpressionTimezone."
    return ""


def due(record: Record, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times, in UTC, at which a schedule starts its target after one and until another."""
    if record.get("State", "ENABLED") != "ENABLED":
        return
    made = time_of(record["CreationDate"])
    begins = time_of(record.get("StartDate")) or made
    ends = time_of(record.get("EndDate"))
    since = max(after, made - timedelta(seconds=1), begins - timedelta(seconds=1))
    for start in _starts(record, since):
        if start > until or (ends is not None and start > ends):
            return
        yield start


def time_of(value: Any) -> Any:
    """A time of the API, which gives seconds, or of a template, which gives text."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value))


def _starts(record: Record, since: datetime) -> Iterator[datetime]:
    """The starts after a time, however late."""
    match = _EXPRESSION.fullmatch(str(record["ScheduleExpression"]))
    if match is None:
        raise ValueError(record["ScheduleExpression"])
    zone = ZoneInfo(str(record.get("ScheduleExpressionTimezone") or "UTC"))
    if match["kind"] == "rate":
        yield from _at_rate(match["value"], record, since)
    elif match["kind"] == "cron":
        yield from _by_cron(match["value"], zone, since)
    else:
        once = datetime.fromisoformat(match["value"]).replace(tzinfo=zone).astimezone(UTC)
        yield from (each for each in (once,) if each > since)


def _at_rate(value: str, record: Record, since: datetime) -> Iterator[datetime]:
    """From the start date on, or from the making of the schedule, which is its first start."""
    match = _RATE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    step = timedelta(**{f"{match[2]}s": int(match[1])})
    first = time_of(record.get("StartDate")) or time_of(record.get("CreationDate"))
    start = first or since
    if start <= since:
        start += step * ((since - start) // step + 1)
    while True:
        yield start
        start += step


def _by_cron(value: str, zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    """By the clocks of a zone: a time that they leave out does not come, one that they show twice
    comes once."""
    cron = AwsCroniter(value)
    shown = since.astimezone(zone).replace(tzinfo=UTC)  # as if the zone's clocks were those of UTC
    while (shown := cron.get_next(shown)[0]) is not None:
        start = shown.replace(tzinfo=zone).astimezone(UTC)
        is_shown = start.astimezone(zone).replace(tzinfo=UTC) == shown
        if is_shown and start > since:
            yield start
