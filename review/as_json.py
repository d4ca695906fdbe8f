"""The review as JSON, for programs."""

import json
from dataclasses import asdict

from review.reviews import Review


def review_json(review: Review) -> str:
    """The whole review: accounts, each with its principals' grants, promises and openings."""
    return json.dumps(asdict(review), indent=2, ensure_ascii=False) + "\n"
