"""``aws:sleep``."""

import re
from datetime import UTC, datetime
from typing import ClassVar

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


class Sleep(Action):
    """Waits for an ISO 8601 duration or until an ISO 8601 time.

    Source: Systems Manager User Guide, aws:sleep.
    """

    name = "aws:sleep"
    default_timeout: ClassVar[float] = 7 * 24 * 3600 + 60

    def run(self) -> Outputs:
        """Waits as long as ``Duration`` or ``Timestamp`` says."""
        self.pause(self._seconds())
        return {}

    def _seconds(self) -> float:
        if "Timestamp" in self.inputs:
            text = str(self.inputs["Timestamp"])
            try:
                until = datetime.fromisoformat(text.replace("Z", "+00:00"))
            except ValueError:
                raise StepFailed(f"Timestamp {text} is not an ISO 8601 time") from None
            aware = until if until.tzinfo else until.replace(tzinfo=UTC)
            return max(0.0, (aware - datetime.now(UTC)).total_seconds())
        text = str(self.required("Duration"))
        match = _DURATION.fullmatch(text)
        if not match or not any(match.groups()):
            raise StepFailed(f"Duration {text} is not an ISO 8601 duration, as in PT10M")
        return float(
            sum(float(value or 0) * _UNITS[unit] for unit, value in match.groupdict().items())
        )
