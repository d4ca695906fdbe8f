"""Patterns of IAM: actions and ARNs with ``*`` for any text and ``?`` for any one character."""

import re
from functools import cache

_ARN_PARTS = 6


def is_pattern(text: str) -> bool:
    """Whether a text stands for more than itself."""
    return "*" in text or "?" in text


def covers(wide: str, narrow: str) -> bool:
    """Whether all that ``narrow`` stands for is stood for by ``wide``."""
    return _expression(wide).fullmatch(narrow) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Matches texts and narrower patterns: a ``?`` is no match for a ``*``."""
    parts = {"*": ".*", "?": "[^*]"}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in pattern), re.DOTALL)


def overlap(one: str, other: str) -> bool:
    """Whether some text is stood for by both patterns; ARNs are compared part by part."""
    if not is_pattern(one) and not is_pattern(other):
        return one == other
    ones, others = one.split(":", _ARN_PARTS - 1), other.split(":", _ARN_PARTS - 1)
    if len(ones) == len(others) == _ARN_PARTS:
        return all(map(_overlap, ones, others))
    return _overlap(one, other)


@cache
def _overlap(one: str, other: str) -> bool:
    if not is_pattern(one) and not is_pattern(other):
        return one == other
    states, seen = [(0, 0)], set()
    while states:
        state = states.pop()
        if state == (len(one), len(other)):
            return True
        if state not in seen:
            seen.add(state)
            states += _steps(one, state[0], other, state[1])
    return False


def _steps(one: str, i: int, other: str, j: int) -> list[tuple[int, int]]:
    """Where the two patterns can stand after one more character, or after none."""
    a, b = one[i : i + 1], other[j : j + 1]
    steps = []
    if a == "*":
        steps.append((i + 1, j))
    if b == "*":
        steps.append((i, j + 1))
    if a and b and (a == b or a in "*?" or b in "*?"):
        steps.append((i if a == "*" else i + 1, j if b == "*" else j + 1))
    return steps


def an_example(pattern: str) -> str:
    """One resource that a pattern stands for; ``*`` alone stays."""
    if pattern == "*":
        return pattern
    instance = pattern.replace(":instance/*", ":instance/i-0123456789abcdef0")
    return instance.replace("*", "example").replace("?", "x")


def common(one: str, other: str) -> str | None:
    """What both patterns stand for, as a pattern; None where that is nothing.

    Where two patterns cross in a way that no one pattern tells, the second: wider than the truth,
    so that nothing granted goes untold.
    """
    if covers(one, other):
        return other
    if covers(other, one):
        return one
    if not overlap(one, other):
        return None
    ones, others = one.split(":", _ARN_PARTS - 1), other.split(":", _ARN_PARTS - 1)
    if len(ones) < _ARN_PARTS or len(others) < _ARN_PARTS:
        return other
    parts = [
        b if covers(a, b) else a if covers(b, a) else b for a, b in zip(ones, others, strict=True)
    ]
    return ":".join(parts)
