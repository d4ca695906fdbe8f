"""What every class of deployments.py refuses: no tuple, no text, the same name twice."""

import re
from collections import Counter
from collections.abc import Iterable

from delegation import names
from delegation.errors import IN_DEPLOYMENTS, DelegationError

Tag = tuple[str, str]
"""A tag's key and value."""

_TAG_KEY = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}", re.IGNORECASE)
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")


def require_tuple(field: str, value: object) -> None:
    """Raises DelegationError for a value that is not a tuple."""
    if not isinstance(value, tuple):
        raise DelegationError(
            f"{field} is {value!r}, not a tuple; a tuple of one is written ('…',) {IN_DEPLOYMENTS}"
        )


def require_texts(field: str, value: object) -> None:
    """Raises DelegationError for a value that is not a tuple of strings."""
    require_tuple(field, value)
    assert isinstance(value, tuple)
    for element in value:
        if not isinstance(element, str) or not element:
            raise DelegationError(
                f"{field} holds {element!r}, which is not a name {IN_DEPLOYMENTS}"
            )


def require_bool(field: str, value: object) -> None:
    """Raises DelegationError for a value that is neither True nor False."""
    if not isinstance(value, bool):
        raise DelegationError(f"{field} is {value!r}, not True or False {IN_DEPLOYMENTS}")


def alike(name: str) -> str:
    """What IAM (letter case) and construct ids (punctuation) leave of a name."""
    return names.construct_id(name).lower()


def refuse_duplicates(kind: str, values: Iterable[str]) -> None:
    """Raises DelegationError for a value that stands twice."""
    for value, count in Counter(values).items():
        if count > 1:
            raise DelegationError(
                f"{kind} {value!r} is named {count} times; name it once {IN_DEPLOYMENTS}"
            )


def refuse_alike(kind: str, values: Iterable[str]) -> None:
    """Refuses duplicates, and names that differ in letter case or punctuation alone."""
    seen: dict[str, str] = {}
    refuse_duplicates(kind, values := tuple(values))
    for value in values:
        first = seen.setdefault(alike(value), value)
        if first != value:
            raise DelegationError(
                f"{kind}s {first!r} and {value!r} differ in letter case or punctuation only, "
                f"which IAM or CloudFormation takes for one {IN_DEPLOYMENTS}"
            )


def require_tag(field: str, tag: object) -> None:
    """Raises DelegationError for what is not a tag.

    Source: IAM User Guide, Tags for AWS Identity and Access Management resources.
    """
    if not (
        isinstance(tag, tuple)
        and len(tag) == 2
        and all(isinstance(text, str) for text in tag)
        and _TAG_KEY.fullmatch(tag[0])
        and _TAG_VALUE.fullmatch(tag[1])
    ):
        raise DelegationError(
            f"{field} is {tag!r}, not (key, value): a key of 1 to 128 and a value of at most 256 "
            f"letters, digits, spaces or _.:/=+-@, no aws: before the key {IN_DEPLOYMENTS}"
        )
