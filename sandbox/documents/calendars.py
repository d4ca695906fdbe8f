"""Change calendars: documents of iCalendar text that say when changes may be made.

Source: Systems Manager User Guide, AWS Systems Manager Change Calendar; SSM API Reference,
GetCalendarState.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.ssm_api.errors import ApiError

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
    kind, events = None, []
    event: dict[str, datetime] = {}
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        match = _PROPERTY.fullmatch(line.strip())
        if match is None:
            raise _invalid(f"{line!r} is no line of iCalendar")
        name, parameters, value = match.groups()
        if name == "X-CALENDAR-TYPE":
            kind = value
        elif (name, value) == ("BEGIN", "VEVENT"):
            event = {}
        elif name in ("DTSTART", "DTEND"):
            event[name] = _time(parameters, value)
        elif name == "RRULE":
            raise _invalid("the sandbox reads no events that recur (RRULE)")
        elif (name, value) == ("END", "VEVENT"):
            if event.keys() != {"DTSTART", "DTEND"}:
                raise _invalid("an event lacks DTSTART or DTEND")
            events.append((event["DTSTART"], event["DTEND"]))
    if kind not in _TYPES:
        raise _invalid(f"X-CALENDAR-TYPE is {kind}; one of {', '.join(_TYPES)}")
    return Calendar(is_open_by_default=_TYPES[kind], events=tuple(events))


def _time(parameters: str, value: str) -> datetime:
    zone = re.search(r"TZID=([^;:]+)", parameters)
    try:
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(
            tzinfo=ZoneInfo(zone[1]) if zone else UTC
        )
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise _invalid(f"time {value}: {error}") from None


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidDocumentContent", f"The content is no change calendar: {reason}.")
