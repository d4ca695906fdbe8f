"""The error of a review that cannot be made."""

from collections.abc import Iterator
from contextlib import contextmanager

_OF_FORM = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


class ReviewError(Exception):
    """What the review does not know, or was not given: names the value, the place and the fix."""


@contextmanager
def understood() -> Iterator[None]:
    """Makes a ReviewError of whatever a template of another form than CloudFormation's leads to.

    CloudFormation has a schema for each property; only what the review evaluates is checked here.
    """
    try:
        yield
    except (*_OF_FORM, RecursionError) as error:
        raise ReviewError(
            f"a template is not of the form that CloudFormation takes: "
            f"{type(error).__name__}: {error}"
        ) from error
