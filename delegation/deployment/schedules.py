"""Schedules: when a fleet, or a runbook without parameters, is started by nobody."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import available_timezones

from aws_croniter import AwsCroniter
from aws_croniter.exceptions import AwsCroniterExpressionError

from delegation.deployment.validation import require_bool
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_RATE = re.compile(r"rate\((?P<number>[1-9][0-9]{0,5}) (?P<unit>minute|hour|day)s?\)", re.ASCII)
_CRON = re.compile(r"cron\((?P<fields>[^()]+)\)")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_BEFORE_ANY = datetime(1970, 1, 1, tzinfo=UTC)
_STARTS_COMPARED = 400
"""More than a year of nights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Starts of one runbook by EventBridge Scheduler, in each Region. Untried on AWS."""

    name: str
    """1 to 64 letters, digits or ``_.-``."""
    starts: str
    """The name of a fleet with ``one_at_a_time``, or of a runbook without parameters whose first
    step takes a lock: EventBridge Scheduler delivers at least once."""
    at: str
    """``cron(minutes hours day-of-month month day-of-week year)``, or ``rate(2 hours)``.
    Source: EventBridge Scheduler User Guide, Schedule types."""
    time_zone: str = "UTC"
    """The IANA time zone of a cron expression, ``Europe/Berlin``. A time that a change of clocks
    leaves out is left out, one that comes twice is taken once."""
    begins: str | None = None
    """When it may start for the first time, in UTC: ``2027-01-31T00:00:00Z``."""
    ends: str | None = None
    """After which time it starts no more, in UTC."""
    paused: bool = False
    """Whether it starts nothing for the time being."""

    def __post_init__(self) -> None:
        schedule = f"of schedule {self.name!r}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DelegationError(
                f"schedule {self.name!r} is not 1 to 64 letters, digits or _.- {IN_DEPLOYMENTS}"
            )
        if not isinstance(self.starts, str) or not self.starts:
            raise DelegationError(
                f"starts {schedule} is {self.starts!r}, not the name of a runbook {IN_DEPLOYMENTS}"
            )
        self._check_expression(schedule)
        if not isinstance(self.time_zone, str) or self.time_zone not in _time_zones():
            raise DelegationError(
                f"time_zone {schedule} is {self.time_zone!r}, not an IANA time zone such as "
                f"'Europe/Berlin' {IN_DEPLOYMENTS}"
            )
        begins, ends = (
            _time(f"{field} {schedule}", getattr(self, field)) for field in ("begins", "ends")
        )
        if begins and ends and begins >= ends:
            raise DelegationError(
                f"schedule {self.name!r} begins {self.begins} and ends {self.ends}, not after it "
                f"{IN_DEPLOYMENTS}"
            )
        require_bool(f"paused {schedule}", self.paused)

    @property
    def shortest_interval(self) -> timedelta | None:
        """The least time between two starts, as far as the first 400 show it; None where it starts
        once."""
        if rate := _RATE.fullmatch(self.at):
            return timedelta(**{f"{rate['unit']}s": int(rate["number"])})
        starts = [each for each in self._cron().get_next(_BEFORE_ANY, _STARTS_COMPARED) if each]
        return min((later - earlier for earlier, later in pairwise(starts)), default=None)

    def _check_expression(self, schedule: str) -> None:
        expression = self.at if isinstance(self.at, str) else ""
        if _RATE.fullmatch(expression):
            return
        if not _CRON.fullmatch(expression):
            raise DelegationError(
                f"at {schedule} is {self.at!r}, neither cron(minutes hours day-of-month month "
                f"day-of-week year), such as 'cron(0 3 ? * SUN *)', nor rate(2 hours) in minutes, "
                f"hours or days {IN_DEPLOYMENTS}"
            )
        try:
            first = self._cron().get_next(_BEFORE_ANY)[0]
        except ValueError as error:
            is_worded = isinstance(error, AwsCroniterExpressionError)
            why = str(error).rstrip(".") if is_worded else "a form that is not evaluated"
            raise DelegationError(f"at {schedule} is {self.at!r}: {why} {IN_DEPLOYMENTS}") from None
        if first is None:
            raise DelegationError(
                f"at {schedule} is {self.at!r}, which never comes {IN_DEPLOYMENTS}"
            )

    def _cron(self) -> AwsCroniter:
        match = _CRON.fullmatch(self.at)
        assert match
        return AwsCroniter(match["fields"])


def _time(what: str, text: object) -> datetime | None:
    """The point in time, in UTC."""
    if text is None:
        return None
    try:
        return datetime.strptime(str(text), _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise DelegationError(
            f"{what} is {text!r}, not a time in UTC such as '2027-01-31T00:00:00Z' {IN_DEPLOYMENTS}"
        ) from None


@cache
def _time_zones() -> set[str]:
    return available_timezones()
