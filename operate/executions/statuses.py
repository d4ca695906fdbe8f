"""The statuses of runs and steps, by what they mean.

Source: SSM API Reference, AutomationExecution, AutomationExecutionStatus.
"""

import difflib
from enum import StrEnum

SUCCEEDED = frozenset({"Success", "CompletedWithSuccess"})
FAILED = frozenset({"Failed", "TimedOut", "CompletedWithFailure", "Exited"})
STOPPED = frozenset({"Cancelled", "Rejected", "ChangeCalendarOverrideRejected"})
ENDED = SUCCEEDED | FAILED | STOPPED
"""Statuses after which nothing more happens."""
NOT_BEGUN = "Pending"
FILTERED = (NOT_BEGUN, "InProgress", "Waiting", *sorted(ENDED), "Cancelling", "Scheduled")
"""What a list of runs is asked for."""


def status_named(text: str) -> str:
    """The status of a list that is written so in any letter case. Raises ValueError, with the
    nearest one, where there is none."""
    by_name = {status.lower(): status for status in FILTERED}
    if found := by_name.get(text.lower()):
        return found
    near = difflib.get_close_matches(text.lower(), by_name, 1)
    hint = f"nearest: {by_name[near[0]]}" if near else f"statuses are {', '.join(FILTERED)}"
    raise ValueError(f"{text!r} is no status of an execution; {hint}")


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
