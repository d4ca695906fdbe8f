"""Those whom a topic notifies, by their addresses."""

import re

from delegation.deployment.validation import refuse_duplicates
from delegation.errors import IN_DEPLOYMENTS, DelegationError

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


def check_subscribers(subscribers: tuple[str, ...]) -> None:
    """Raises DelegationError for an address that is named twice, or to which SNS cannot deliver."""
    refuse_duplicates("subscriber", subscribers)
    for subscriber in subscribers:
        protocol_of(subscriber)


def protocol_of(subscriber: str) -> str:
    """How SNS delivers to a subscriber; raises DelegationError for what is none."""
    if _CHATS.match(subscriber):
        raise DelegationError(
            f"subscriber {subscriber!r} is a chat's webhook, which cannot confirm a subscription "
            f"of SNS; leave it out and connect the topic of the stack in Amazon Q Developer in "
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
