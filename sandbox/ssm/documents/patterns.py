"""A parameter's ``allowedPattern``, which is Java's, in the dialect of the library ``regex``.

No pattern delays anything: a match ends after a tenth of a second, and a pattern that repeats
itself into a large one is refused before it is built.
"""

import re
from functools import cache

import regex

SECONDS = 0.1
"""How long one value is matched."""
MOST_PLACES = 100_000
"""How many characters the patterns of a document may stand for, repetitions written out."""
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)[^}]*\}|.", re.DOTALL)


class PatternError(ValueError):
    """A pattern that is none, or that cannot decide about a value in time."""


@cache
def compiled(pattern: str) -> "regex.Pattern[str]":
    """The pattern; raises PatternError where it does not compile."""
    try:
        if places(pattern) > MOST_PLACES:
            raise PatternError(f"it stands for more than {MOST_PLACES:,} characters")
        return regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from None


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches; raises PatternError where that cannot be known in time.

    Nothing else runs meanwhile: the time that ``regex`` counts is that of the whole process, so
    that many executions at once would use up that of each.
    """
    try:
        return compiled(pattern).fullmatch(value, timeout=SECONDS, concurrent=False) is not None
    except TimeoutError:
        raise PatternError(f"it has not decided within {SECONDS} seconds") from None


def places(pattern: str) -> int:
    """How many characters a pattern stands for, its repetitions written out at their least."""
    totals, last = [0], [0]
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            totals.append(0)
            last.append(0)
        elif token[0] == ")" and len(totals) > 1:
            group = totals.pop()
            last.pop()
            totals[-1] += group
            last[-1] = group
        elif token[1] is not None:
            totals[-1] += last[-1] * (max(int(token[1]), 1) - 1)
            last[-1] *= max(int(token[1]), 1)
        else:
            totals[-1] += 1
            last[-1] = 1
    return sum(totals)
