"""The review as JSON, for programs."""

import json
from dataclasses import asdict, replace

from review.access_review import Review


def review_json(review: Review) -> str:
    """The whole review: accounts, each with its principals' grants, invariants and openings."""
    reported = asdict(replace(review, templates=()))
    del reported["templates"]
    return json.dumps(reported, indent=2, ensure_ascii=False) + "\n"
