"""The one request that is not AWS's: root's secret key moves the clock on."""

import asyncio
import hmac
import os
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from sandbox.emulator.scheduler import clock
from sandbox.sandbox import CLOCK_PATH, SECRET_HEADER


def with_clock(application: Any) -> Any:
    """The application, which moves the clock on by as many seconds as the query string says, and
    answers how many starts were due on the way."""

    async def guarded(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != CLOCK_PATH:
            await application(scope, receive, send)
            return
        given = dict(scope["headers"]).get(SECRET_HEADER.encode(), b"")
        seconds = scope["query_string"].decode("latin-1")
        if not hmac.compare_digest(given, os.environ["AWS_SECRET_ACCESS_KEY"].encode()):
            status, body = 403, b""
        elif not (seconds.isascii() and seconds.isdigit()):
            status, body = 400, b""
        else:
            on = timedelta(seconds=int(seconds))
            status, body = 200, str(await asyncio.to_thread(clock.move, on)).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return guarded
