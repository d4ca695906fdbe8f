"""Change calendars: documents of iCalendar text that say when changes may be made.

Source: Systems Manager User Guide, AWS Systems Manager Change Calendar; SSM API Reference,
GetCalendarState.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.ssm.api.errors import ApiError

TYPE = "ChangeCalendar"

_TYPES = {"DEFAULT_OPEN": True, "DEFAULT_CLOSED": False}
_PROPERTY = re.compile(r"([A-Z-]+)((?:;[^:]*)?):(.*)")


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Whether changes may be made by default, and the times when it is the other way round."""

    is_open_by_default: bool
    events: tuple[tuple[datetime, datetime], ...]

    def is_open(self, at: datetime) -> bool:
        """Whether changes may be made at a time."""
        is_event = any(start <= at < end for start, end in self.events)
        return self.is_open_by_default is not is_event


def read_calendar(text: str) -> Calendar:
    """The calendar of an iCalendar text; raises ApiError for what it cannot read."""
    kind: str | None = None
    events: list[tuple[datetime, datetime]] = []
    within: list[str] = []
    event: dict[str, datetime] = {}
    for name, parameters, value in _properties(text):
        if name == "BEGIN":
            within.append(value)
            event = {}
        elif name == "END":
            if within and within.pop() == "VEVENT":
                events.append(_times_of(event))
        elif name == "X-CALENDAR-TYPE":
            kind = value
        elif within and within[-1] == "VEVENT":
            _read_into(event, name, parameters, value)
    if kind not in _TYPES:
        raise _invalid(f"X-CALENDAR-TYPE is {kind}; one of {', '.join(_TYPES)}")
    return Calendar(is_open_by_default=_TYPES[kind], events=tuple(events))


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and value of each line, continued lines joined."""
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        if not line.strip():
            continue
        match = _PROPERTY.fullmatch(line.strip())
        if match is None:
            raise _invalid(f"{line!r} is not a line of iCalendar")
        yield match[1], match[2], match[3]


def _read_into(event: dict[str, datetime], name: str, parameters: str, value: str) -> None:
    if name == "RRULE":
        raise _invalid("the sandbox reads no events that recur (RRULE)")
    if name in ("DTSTART", "DTEND"):
        event[name] = _time(parameters, value)


def _times_of(event: dict[str, datetime]) -> tuple[datetime, datetime]:
    if event.keys() != {"DTSTART", "DTEND"}:
        raise _invalid("an event lacks DTSTART or DTEND")
    return event["DTSTART"], event["DTEND"]


def _time(parameters: str, value: str) -> datetime:
    zone = re.search(r"TZID=([^;:]+)", parameters)
    try:
        if "VALUE=DATE" in parameters:
            value += "T000000"
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(
            tzinfo=ZoneInfo(zone[1]) if zone else UTC
        )
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise _invalid(f"time {value}: {error}") from None


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidDocumentContent", f"The content is not a change calendar: {reason}.")
