"""Root is one key of this run, whose signature is verified like any other's.

The emulator takes ``test``, an empty key and every 12-digit number for root too, does not check
root's signature, and answers unsigned requests to its own administration paths.
"""

import os
from collections.abc import MutableMapping
from typing import Any

_ADMINISTRATION_PATHS = ("/_ministack", "/_localstack")


def is_root_access_key(access_key: str) -> bool:
    """Whether a request is signed with the one key that the sandbox was started with."""
    return access_key == os.environ["AWS_ACCESS_KEY_ID"]


def skips_signature(access_key: str) -> bool:
    """Whether a signature is taken unread: nobody's is."""
    return False


def without_administration_paths(application: Any) -> Any:
    """The emulator's application, which answers 404 on the paths that administer it."""

    async def guarded(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_ADMINISTRATION_PATHS):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await application(scope, receive, send)

    return guarded
