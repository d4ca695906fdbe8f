"""Attributes of SQS queues as AWS keeps them.

Source: SQS API Reference, SetQueueAttributes.
"""

from typing import Any

from ministack.services import sqs

_emulated = sqs._HANDLERS["SetQueueAttributes"]


def set_attributes(data: dict[str, Any], url: str) -> dict[str, Any]:
    """Sets attributes of a queue; a truth value is kept as SQS answers it, in small letters."""
    given = data.get("Attributes") or {}
    attributes = {
        name: str(value).lower() if str(value) in ("True", "False") else value
        for name, value in given.items()
    }
    changed: dict[str, Any] = _emulated({**data, "Attributes": attributes}, url)
    return changed
