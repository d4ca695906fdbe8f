"""Points in time as people give them."""

import re
from datetime import UTC, datetime, timedelta

from operate.errors import OperateError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str) -> datetime:
    """The time that ``7d``, ``12h``, ``30m``, ``2w`` ago was, or an ISO 8601 time (UTC without an
    offset). Raises OperateError for any other text."""
    if match := re.fullmatch(r"(\d{1,5})([mhdw])", text, re.ASCII):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperateError(
            f"{text!r} is no time: as 7d, 12h, 30m, 2w, 2026-11-26 or 2026-11-26T08:00:00+01:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
