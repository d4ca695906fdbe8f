"""Patterns of IAM: actions and ARNs with ``*`` for any text and ``?`` for any one character."""

import re
from functools import cache

_ARN_PARTS = 6


def is_pattern(text: str) -> bool:
    """Whether a string stands for more than itself."""
    return "*" in text or "?" in text


def covers(wide: str, narrow: str) -> bool:
    """Whether all that ``narrow`` stands for is stood for by ``wide``."""
    return _expression(wide).fullmatch(narrow) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Matches texts and narrower patterns: a ``?`` is no match for a ``*``.

    Each star takes as little as it can and never tries again, so that no pattern takes long.
    """
    first, *others = ("".join(map(_literal, part)) for part in re.split(r"\*+", pattern))
    if not others:
        return re.compile(first, re.DOTALL)
    *within, last = others
    stars = "".join(f"(?>.*?{part})" for part in within)
    return re.compile(f"{first}{stars}.*{last}", re.DOTALL)


def _literal(character: str) -> str:
    return "[^*]" if character == "?" else re.escape(character)


def surely_covers(wide: str, narrow: str) -> bool:
    """The same for ARNs, part by part: without a star that goes beyond a colon.

    IAM lets a star at the end of a part match beyond the colon. What an Allow stands for includes
    that; of a Deny, only what it surely stands for counts.
    Source: IAM User Guide, IAM JSON policy elements: Resource.
    """
    wides, narrows = wide.split(":", _ARN_PARTS - 1), narrow.split(":", _ARN_PARTS - 1)
    if wide == "*" or len(wides) < _ARN_PARTS or len(narrows) < _ARN_PARTS:
        return covers(wide, narrow)
    return all(map(covers, wides, narrows))


def overlap(one: str, other: str) -> bool:
    """Whether some text is stood for by both patterns; ARNs are compared part by part."""
    if not is_pattern(one) and not is_pattern(other):
        return one == other
    ones, others = one.split(":", _ARN_PARTS - 1), other.split(":", _ARN_PARTS - 1)
    if len(ones) == len(others) == _ARN_PARTS:
        return all(map(_overlap, ones, others))
    return _overlap(one, other)


def may_overlap(one: str, other: str) -> bool:
    """The same with stars that go beyond colons, as they may in IAM."""
    return overlap(one, other) or _overlap(one, other)


def overlaps_kind(pattern: str, kind: str) -> bool:
    """Whether a pattern, its stars beyond colons, stands for a resource of a kind (``arn:*:s3:…``),
    of which only the last part may have colons."""
    return overlap(pattern, kind) or (
        any(part.endswith("*") for part in pattern.split(":", _ARN_PARTS - 1)[:-1])
        and _overlap(pattern, kind, strict=True)
    )


@cache
def _overlap(one: str, other: str, strict: bool = False) -> bool:
    """``strict``: whether stars in the first parts of the other stop at a colon."""
    if not is_pattern(one) and not is_pattern(other):
        return one == other
    states, seen = [(0, 0)], set()
    while states:
        state = states.pop()
        if state == (len(one), len(other)):
            return True
        if state not in seen:
            seen.add(state)
            states += _steps(one, state[0], other, state[1], strict)
    return False


def _steps(one: str, i: int, other: str, j: int, strict: bool) -> list[tuple[int, int]]:
    """Where the two patterns can stand after one more character, or after none."""
    a, b = one[i : i + 1], other[j : j + 1]
    steps = []
    if a == "*":
        steps.append((i + 1, j))
    if b == "*":
        steps.append((i, j + 1))
    stops = strict and b == "*" and a == ":" and other.count(":", 0, j) < _ARN_PARTS - 1
    if a and b and not stops and (a == b or a in "*?" or b in "*?"):
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

    Where two patterns cross in a way that no one pattern shows, the second: wider than the truth,
    so that nothing granted goes untold.
    """
    if covers(one, other):
        return other
    if covers(other, one):
        return one
    return other if may_overlap(one, other) else None
