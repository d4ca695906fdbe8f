"""The account's event history, read backwards in time.

Source: CloudTrail API Reference, LookupEvents: 50 events a page, two look-ups a second in an
account and Region, 90 days.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from operate.connection import PAGE, Connection, asking
from operate.errors import AwsError, code_of
from operate.trail.records import Call, read_call

DAYS = 90
"""For how long CloudTrail keeps the event history."""
_SECONDS_A_LOOK_UP = 0.5
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_READERS = 8
"""Regions that are asked at a time."""

OnPage = Callable[[datetime, int], None]


def events_back(
    connection: Connection, since: datetime, until: datetime, on_page: OnPage
) -> Iterator[Call]:
    """The calls of this Region between two times, the newest first, page by page.

    ``on_page`` receives after each page how far back it goes and how many events there were. One
    look-up asks for a page of everything: none asks for a single execution.
    """
    count = 0
    client = connection.client("cloudtrail")
    with asking("for the event history"):
        for calls in _pages(client, since, until):
            count += len(calls)
            if calls:
                on_page(calls[-1].time, count)
            yield from calls


class Openings:
    """Which sessions of roles were opened at some time, in whichever Region STS answered.

    Events of STS are in the event history of the Region whose endpoint was asked. Source: IAM User
    Guide, Logging IAM and AWS STS API calls with AWS CloudTrail.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[datetime, datetime], tuple[Call, ...]] = {}
        self.unread: dict[str, str] = {}
        """Regions whose event history could not be read, by the error. Those that the account has
        not enabled are among them."""

    def between(self, begin: datetime, end: datetime) -> tuple[Call, ...]:
        """The calls that opened sessions between two times, in every Region of the partition."""
        if (begin, end) not in self._known:
            with ThreadPoolExecutor(_READERS) as readers:
                found = readers.map(
                    lambda region: self._in(region, begin, end), self._connection.regions
                )
                self._known[begin, end] = tuple(call for calls in found for call in calls)
        return self._known[begin, end]

    def _in(self, region: str, begin: datetime, end: datetime) -> Sequence[Call]:
        if region in self.unread:
            return ()
        try:
            client = self._connection.client("cloudtrail", region)
            sts = {"AttributeKey": "EventSource", "AttributeValue": "sts.amazonaws.com"}
            pages = _pages(client, begin, end, LookupAttributes=[sts])
            return [call for page in pages for call in page if call.is_assumption]
        except AwsError as error:
            self.unread[region] = code_of(error)
            return ()


def _pages(client: Any, since: datetime, until: datetime, **asked: Any) -> Iterator[list[Call]]:
    paced = (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS)
    token, last = "", 0.0
    while True:
        if paced and (wait := last + _SECONDS_A_LOOK_UP - time.monotonic()) > 0:
            time.sleep(wait)
        last = time.monotonic()
        answer = client.lookup_events(
            StartTime=since,
            EndTime=until,
            MaxResults=PAGE,
            **asked,
            **({"NextToken": token} if token else {}),
        )
        yield [read_call(event) for event in answer.get("Events", ())]
        token = answer.get("NextToken", "")
        if not token:
            return
