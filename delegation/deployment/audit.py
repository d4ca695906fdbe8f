"""What a deployment records of its runs, whom it notifies, and who may read it."""

import re
from dataclasses import dataclass

from delegation.deployment.people import Person
from delegation.deployment.validation import refuse_duplicates, require_texts, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError

KEPT_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557),
    *(2922, 3288, 3653),
)
"""For how many days a log group can keep its events.
Source: CloudWatch Logs API Reference, PutRetentionPolicy."""

_PROTOCOLS = (
    ("email", re.compile(r"[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+")),
    ("https", re.compile(r"https://[^\s/@]+(/\S*)?")),
    ("sqs", re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w.-]+", re.ASCII)),
)
"""How SNS delivers to what is written so. Source: SNS API Reference, Subscribe."""

_CHATS = re.compile(
    r"https://(?:hooks\.slack\.com|chat\.googleapis\.com|discord(?:app)?\.com/api/webhooks"
    r"|[\w.-]+\.webhook\.office\.com|[\w.-]+\.logic\.azure\.com"
    r"|[\w.-]+\.powerplatform\.com)(?::\d+)?(?:/|$)",
    re.IGNORECASE,
)
"""Addresses of chats, which take no message of the form that SNS sends and confirm no
subscription. Source: the chats' documentation of incoming webhooks."""


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
        refuse_duplicates("subscriber", self.subscribers)
        for subscriber in self.subscribers:
            protocol_of(subscriber)
        if self.keep_days not in KEPT_DAYS or isinstance(self.keep_days, bool):
            raise DelegationError(
                f"keep_days {self.keep_days!r} is none of CloudWatch Logs' periods: "
                f"{', '.join(map(str, KEPT_DAYS))} {IN_DEPLOYMENTS}"
            )


def protocol_of(subscriber: str) -> str:
    """How SNS delivers to a subscriber; raises DelegationError for what is none."""
    if _CHATS.match(subscriber):
        raise DelegationError(
            f"subscriber {subscriber!r} is a chat's webhook, which cannot confirm a subscription "
            f"of SNS; leave it out and connect the topic of AuditStack in Amazon Q Developer in "
            f"chat applications (docs/auditors.md) {IN_DEPLOYMENTS}"
        )
    if subscriber.startswith("arn:") and subscriber.endswith(".fifo"):
        raise DelegationError(
            f"subscriber {subscriber!r} is a FIFO queue, to which a standard topic cannot send; "
            f"name a standard queue {IN_DEPLOYMENTS}"
        )
    for protocol, pattern in _PROTOCOLS:
        if pattern.fullmatch(subscriber):
            return protocol
    raise DelegationError(
        f"subscriber {subscriber!r} is not an e-mail address, no https:// address without "
        f"credentials and no ARN of an SQS queue {IN_DEPLOYMENTS}"
    )
