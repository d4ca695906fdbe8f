"""The account's event history, read backwards in time.

Source: CloudTrail API Reference, LookupEvents: 50 events a page, two look-ups a second in an
account and Region, 90 days.
"""

import heapq
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from operate.audit.records import Call, read_call
from operate.connection import PAGE, Connection, asking
from operate.errors import AwsError, code_of

DAYS = 90
"""For how long CloudTrail keeps the event history."""
_SECONDS_A_LOOK_UP = 0.5
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_READERS = 8
"""Regions that are read at a time."""
_NOT_ENABLED = ("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure")
"""How a Region answers that the account has not enabled, or whose endpoint takes other tokens."""

OnPage = Callable[[datetime, int], None]
_Attribute = dict[str, str]


class EventHistory:
    """The event history of an account, in the Region of a connection and where it has to be."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._paces: dict[str, _Pace] = defaultdict(_Pace)
        home = connection.home_of_global_services
        self._regions = list(dict.fromkeys([connection.region, *([home] if home else [])]))
        self.unread: dict[str, str] = {}
        """Regions whose event history could not be read, by the error: mostly Regions that the
        account has not enabled."""

    def back(self, since: datetime, until: datetime, on_page: OnPage) -> Iterator[Call]:
        """The calls between two times, the newest first: of this Region, and of the one in which
        global services such as IAM record theirs.

        ``on_page`` receives after each page how far back it goes and how many events there were.
        One look-up asks for a page of everything: none asks for a single execution.
        """
        streams = [self._ahead(region, since, until, on_page) for region in self._regions]
        return heapq.merge(*streams, key=lambda call: call.time, reverse=True)

    def of_session(self, name: str, since: datetime, until: datetime) -> list[Call]:
        """The calls between two times that sessions of this name made in the same Regions."""
        named = {"AttributeKey": "Username", "AttributeValue": name}
        with asking("for the event history"):
            return [
                call
                for region in self._regions
                for page in self._pages(region, since, until, named)
                for call in page
            ]

    def opened_between(self, begin: datetime, end: datetime) -> tuple[Call, ...]:
        """The calls that opened sessions of roles between two times, in every Region of the
        partition: STS records them in the Region whose endpoint was called.

        Source: IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(
                lambda region: self._opened_in(region, begin, end), self._connection.regions
            )
            return tuple(chain.from_iterable(found))

    def _opened_in(self, region: str, begin: datetime, end: datetime) -> Sequence[Call]:
        if region in self.unread or begin >= end:
            return ()
        sts = {"AttributeKey": "EventSource", "AttributeValue": "sts.amazonaws.com"}
        with asking(f"for the event history of {region}"):
            try:
                pages = self._pages(region, begin, end, sts)
                return [call for page in pages for call in page if call.is_assumption]
            except AwsError as error:
                if code_of(error) not in _NOT_ENABLED:
                    raise
                self.unread[region] = code_of(error)
                return ()

    def _ahead(
        self, region: str, since: datetime, until: datetime, on_page: OnPage
    ) -> Iterator[Call]:
        """The calls of a Region; a page is asked for while the last one is worked on."""
        count = 0
        pages = self._pages(region, since, until)
        with asking(f"for the event history of {region}"), ThreadPoolExecutor(1) as ahead:
            following = ahead.submit(next, pages, None)
            while (calls := following.result()) is not None:
                following = ahead.submit(next, pages, None)
                count += len(calls)
                if calls:
                    on_page(calls[-1].time, count)
                yield from calls

    def _pages(
        self, region: str, since: datetime, until: datetime, attribute: _Attribute | None = None
    ) -> Iterator[list[Call]]:
        client: Any = self._connection.client("cloudtrail", region)
        is_paced = (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS)
        asked = {"LookupAttributes": [attribute]} if attribute else {}
        token = ""
        while True:
            if is_paced:
                self._paces[region].wait()
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


class _Pace:
    """Keeps calls half a second apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0.0

    def wait(self) -> None:
        """Waits until the next call is allowed."""
        with self._lock:
            if (pause := self._last + _SECONDS_A_LOOK_UP - time.monotonic()) > 0:
                time.sleep(pause)
            self._last = time.monotonic()
