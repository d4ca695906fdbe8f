"""Pages of a listing, and the token that leads to the next."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_PREFIX = "page-from-"


class InvalidToken(ValueError):
    """A token that no listing gave."""


def page(items: Sequence[T], size: int, token: str | None) -> tuple[list[T], str | None]:
    """At most ``size`` items from where the token points, and the token of the next page."""
    start = _position(token) if token else 0
    following = start + size
    next_token = _token(following) if following < len(items) else None
    return list(items[start:following]), next_token


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"{_PREFIX}{position}".encode()).decode()


def _position(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
        if not text.startswith(_PREFIX):
            raise InvalidToken(token)
        return int(text.removeprefix(_PREFIX))
    except (binascii.Error, ValueError) as error:
        raise InvalidToken(token) from error
