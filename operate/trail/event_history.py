"""The account's event history in one Region, read backwards in time.

Source: CloudTrail API Reference, LookupEvents: 50 events a page, two look-ups a second in an
account and Region, 90 days.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlsplit

from operate.connection import PAGE, Connection, asking
from operate.trail.records import Call, read_call

DAYS = 90
"""For how long CloudTrail keeps the event history."""
_SECONDS_A_LOOK_UP = 0.5
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

Heard = Callable[[datetime, int], None]


def events_back(
    connection: Connection, since: datetime, until: datetime, heard: Heard
) -> Iterator[Call]:
    """The calls between two times, the newest first, page by page.

    ``heard`` is told after each page how far back it is and how many events there were. One look-up
    asks for a page of everything: none asks for a single run.
    """
    client = connection.client("cloudtrail")
    paced = (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS)
    token, count, asked = "", 0, 0.0
    while True:
        if paced and (wait := asked + _SECONDS_A_LOOK_UP - time.monotonic()) > 0:
            time.sleep(wait)
        asked = time.monotonic()
        with asking("for the event history"):
            answer = client.lookup_events(
                StartTime=since,
                EndTime=until,
                MaxResults=PAGE,
                **({"NextToken": token} if token else {}),
            )
        calls = [read_call(event) for event in answer.get("Events", ())]
        count += len(calls)
        if calls:
            heard(calls[-1].time, count)
        yield from calls
        token = answer.get("NextToken", "")
        if not token:
            return
