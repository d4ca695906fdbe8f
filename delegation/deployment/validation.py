"""What every class of deployments.py refuses: no tuple, no text, the same name twice."""

from collections import Counter
from collections.abc import Iterable

from delegation import names
from delegation.errors import IN_DEPLOYMENTS, DelegationError


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
