"""The error of a review that cannot be made."""


class ReviewError(Exception):
    """What the review does not know, or was not given: names the value, the place and the cure."""
