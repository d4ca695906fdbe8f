"""What is the same in several accounts but for their numbers, shown once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, cast

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


def renamed(value: Item, names: Mapping[str, str]) -> Item:
    """A value with other names in every string of it. TypeError for what is neither a plain value
    nor a dataclass or a collection of such."""
    differing = {old: new for old, new in names.items() if old != new}
    return cast(Item, _renamed(value, differing) if differing else value)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Enum) or value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_renamed(each, names) for each in value))
    if isinstance(value, tuple | list | frozenset | set):
        return type(value)(_renamed(each, names) for each in value)
    if isinstance(value, Mapping):
        pairs = value.items()
        return {_renamed(k, names): _renamed(v, names) for k, v in pairs}
    if not is_dataclass(value):
        raise TypeError(f"{value!r} is not renamed")
    copy = object.__new__(type(value))
    for field in fields(value):
        object.__setattr__(copy, field.name, _renamed(getattr(value, field.name), names))
    return copy


def listed(accounts: Iterable[str]) -> str:
    """Accounts by their numbers, the first of many."""
    accounts = list(accounts)
    more = len(accounts) - _SHOWN
    shown = ", ".join(accounts[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
