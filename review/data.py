"""The review as JSON, for programs."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

from review.reviews import Review


def review_json(review: Review) -> str:
    """The whole review: accounts, each with its principals' grants, promises and openings."""
    return json.dumps(_plain(review), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
