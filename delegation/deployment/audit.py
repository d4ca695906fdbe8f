"""What a deployment records of its runs, whom it notifies, and who may read it."""

from dataclasses import dataclass

from delegation.deployment.people import Person
from delegation.deployment.subscribers import check_subscribers
from delegation.deployment.validation import require_texts, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError

KEPT_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557),
    *(2922, 3288, 3653),
)
"""For how many days a log group can keep its events.
Source: CloudWatch Logs API Reference, PutRetentionPolicy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The trail of a deployment: AuditStack, and the people who may read it."""

    auditors: tuple[Person, ...]
    """Who may read the runs and the event history of the account, and change nothing; at least
    one, and neither an operator nor an approver."""
    subscribers: tuple[str, ...] = ()
    """Who is notified of failures and of changes to what the deployment depends on: e-mail
    addresses,
    ``https://`` addresses, ARNs of SQS queues. People and servers confirm a subscription once."""
    keep_days: int = 365
    """For how long the log group keeps what happened, one of CloudWatch Logs' periods."""

    def __post_init__(self) -> None:
        require_tuple("auditors", self.auditors)
        require_texts("subscribers", self.subscribers)
        if not self.auditors:
            raise DelegationError(f"an Audit needs at least one auditor {IN_DEPLOYMENTS}")
        check_subscribers(self.subscribers)
        if self.keep_days not in KEPT_DAYS or isinstance(self.keep_days, bool):
            raise DelegationError(
                f"keep_days {self.keep_days!r} is none of CloudWatch Logs' periods: "
                f"{', '.join(map(str, KEPT_DAYS))} {IN_DEPLOYMENTS}"
            )
