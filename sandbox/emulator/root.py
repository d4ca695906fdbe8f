"""Root is one key of this run, whose signature is verified like any other's.

The emulator takes ``test``, an empty key and every 12-digit number for root too, does not check
root's signature, and answers unsigned requests to its own administration paths.
"""

import os
from collections.abc import MutableMapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import sts

_ADMINISTRATION_PATHS = ("/_ministack", "/_localstack")


def install() -> None:
    """Makes the configured key the only root, and has its signature verified."""
    configured = os.environ["AWS_ACCESS_KEY_ID"]

    def is_root(access_key: str) -> bool:
        return access_key == configured

    iam_evaluator.is_root_access_key = is_root
    sts.is_root_access_key = is_root
    iam_evaluator._is_root_key = lambda access_key: False  # nobody's signature is skipped


def without_administration_paths(application: Any) -> Any:
    """The emulator's application, which answers 404 on the paths that administer it."""

    async def guarded(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_ADMINISTRATION_PATHS):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await application(scope, receive, send)

    return guarded
