"""What is the same in several accounts but for their numbers, shown once."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

PLACEHOLDER = "<account>"
"""Stands for the number of each of the accounts."""
_SHOWN = 3

Item = TypeVar("Item")


def grouped(found: Iterable[tuple[str, str, Item]]) -> Iterator[tuple[str, list[Item]]]:
    """Texts with those that they are of, in the order of the first of each: ``found`` are accounts'
    numbers (empty where none is fixed), texts and what they are of. A text of several is one with
    the placeholder in place of the number."""
    groups: dict[str, list[tuple[str, Item]]] = {}
    for account, text, item in found:
        general = text.replace(account, PLACEHOLDER) if account else text
        groups.setdefault(general, []).append((text, item))
    for general, members in groups.items():
        items = [item for _, item in members]
        yield (members[0][0] if len(items) == 1 else general), items


def listed(accounts: Iterable[str]) -> str:
    """Accounts by their numbers, the first of many."""
    accounts = list(accounts)
    more = len(accounts) - _SHOWN
    shown = ", ".join(accounts[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
