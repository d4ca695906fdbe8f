"""The statuses of runs and steps, by what they mean.

Source: SSM API Reference, AutomationExecution, AutomationExecutionStatus.
"""

from enum import StrEnum

SUCCEEDED = frozenset({"Success", "CompletedWithSuccess"})
FAILED = frozenset({"Failed", "TimedOut", "CompletedWithFailure", "Exited"})
STOPPED = frozenset({"Cancelled", "Rejected", "ChangeCalendarOverrideRejected"})
ENDED = SUCCEEDED | FAILED | STOPPED
"""Statuses after which nothing more happens."""
NOT_BEGUN = "Pending"
FILTERED = (NOT_BEGUN, "InProgress", "Waiting", *sorted(ENDED), "Cancelling", "Scheduled")
"""What a list of runs is asked for."""


class Outcome(StrEnum):
    """What a status means to a reader."""

    WELL = "well"
    BAD = "bad"
    HELD = "held"
    """Stopped by somebody, or waiting for somebody."""
    GOING = "going"


def outcome(status: str) -> Outcome:
    """What a status means; of a string that is none, that it goes on."""
    if status in SUCCEEDED:
        return Outcome.WELL
    if status in FAILED:
        return Outcome.BAD
    return Outcome.HELD if status in STOPPED or status == "Waiting" else Outcome.GOING
