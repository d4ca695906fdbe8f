"""The statuses of runs and steps, by what they mean.

Source: SSM API Reference, AutomationExecution, AutomationExecutionStatus.
"""

SUCCEEDED = frozenset({"Success", "CompletedWithSuccess"})
FAILED = frozenset({"Failed", "TimedOut", "CompletedWithFailure", "Exited"})
STOPPED = frozenset({"Cancelled", "Rejected", "ChangeCalendarOverrideRejected"})
ENDED = SUCCEEDED | FAILED | STOPPED
"""Statuses after which nothing more happens."""
NOT_BEGUN = "Pending"
