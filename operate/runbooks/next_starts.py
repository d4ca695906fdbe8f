"""When EventBridge Scheduler starts something next.

Source: EventBridge Scheduler User Guide, Schedule types; a rate counts from the start date, or from
the making of the schedule.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)", re.ASCII)
_CRON = re.compile(r"cron\(([^()]+)\)")
_AT = re.compile(r"at\(([^()]+)\)")


def next_starts(
    expression: str,
    *,
    zone: str,
    counted_from: datetime,
    begins: datetime | None,
    ends: datetime | None,
    after: datetime,
    most: int,
) -> list[datetime]:
    """The next starts, in UTC, the earliest first; ValueError for an expression or a time zone that
    is not understood."""
    try:
        clocks = ZoneInfo(zone)
    except (KeyError, OSError) as error:  # also of a name that is no file name
        raise ValueError(f"time zone {zone}") from error
    since = max(after, begins - timedelta(seconds=1)) if begins else after
    found = islice(_starts(expression, clocks, begins or counted_from, since), most)
    return [start for start in found if ends is None or start <= ends]


def _starts(
    expression: str, zone: ZoneInfo, counted_from: datetime, since: datetime
) -> Iterator[datetime]:
    if rate := _RATE.fullmatch(expression):
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        passed = max((since - counted_from) // step + 1, 0)
        while True:
            yield (counted_from + passed * step).astimezone(UTC)
            passed += 1
    elif cron := _CRON.fullmatch(expression):
        yield from _by_cron(cron[1], zone, since)
    elif at := _AT.fullmatch(expression):
        start = datetime.fromisoformat(at[1]).replace(tzinfo=zone).astimezone(UTC)
        yield from (each for each in (start,) if each > since)
    else:
        raise ValueError(f"expression {expression}")


def _by_cron(fields: str, zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    """By the clocks of a zone: a time that they leave out does not come, one that they show twice
    comes once."""
    cron = AwsCroniter(fields)
    shown = since.astimezone(zone).replace(tzinfo=UTC)  # as if the zone's clocks were those of UTC
    while (shown := cron.get_next(shown)[0]) is not None:
        start = shown.replace(tzinfo=zone).astimezone(UTC)
        if start > since and start.astimezone(zone).replace(tzinfo=UTC) == shown:
            yield start
