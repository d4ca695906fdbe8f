"""Java's regular expressions of ``allowedPattern``: do they compile, what do they let through."""

import re
import re._parser as parser  # type: ignore[import-not-found]
import warnings
from functools import cache
from typing import Any

import regex

SECONDS = 0.1
"""How long one value is matched: a pattern may take for ever on a value of thirty characters."""

_MOST_PLACES = 100_000
"""How many characters a pattern may stand for, its repetitions written out: they take memory."""

_JAVA_ONLY = {
    "h": r"[ \t\u00a0]",
    "H": r"[^ \t\u00a0]",
    "R": r"(?:\r\n|[\n\r])",
    "z": r"\Z",
    "e": "\x1b",
}
_CLASSES = "wWdDsSpPhH"
_DANGEROUS = ";|&`<>\n"
"""What a string of letters and digits never needs, and a shell or a query acts on."""
_OPEN_CATEGORIES = ("CATEGORY_NOT_SPACE", "CATEGORY_NOT_WORD", "CATEGORY_NOT_DIGIT")

Tree = Any
"""What Python's own parser makes of a pattern: a sequence of (operator, argument)."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Java's pattern as Python's; raises re.error where it is none.

    Classes by Unicode property become any letter or digit, so that a value is judged generously.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Java nests classes, of which Python warns
        try:
            translated = _translated(pattern)
            if _places(parser.parse(translated)) > _MOST_PLACES:
                raise re.error(f"it stands for more than {_MOST_PLACES:,} characters")
            return re.compile(translated)
        except (OverflowError, RecursionError) as error:
            raise re.error(f"it is too large ({type(error).__name__})") from None


def _places(tree: Tree) -> int:
    """How many characters a pattern stands for, its repetitions written out at their least."""
    if isinstance(tree, parser.SubPattern):
        return sum(map(_places_of_item, tree))
    return sum(map(_places, tree)) if isinstance(tree, tuple | list) else 0


def _places_of_item(item: Tree) -> int:
    operator, argument = item
    times = max(int(argument[0]), 1) if str(operator).endswith("REPEAT") else 1
    return times * max(_places(argument), 1)


class TooSlowError(Exception):
    """A pattern that has not decided about a value in time."""


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches; TooSlowError where that takes longer than `SECONDS`."""
    compiled(pattern)
    try:
        return _timed(pattern).fullmatch(value, timeout=SECONDS) is not None
    except TimeoutError:
        raise TooSlowError(pattern) from None


@cache
def _timed(pattern: str) -> "regex.Pattern[str]":
    """The pattern for the library that can stop; raises re.error where it cannot be compiled."""
    try:
        return regex.compile(_translated(pattern))
    except regex.error as error:
        raise re.error(str(error)) from None


def lets_anything_through(pattern: str) -> bool:
    """Whether a value may hold free text despite the pattern.

    It may where an alternative is not anchored at both ends, since SSM might only look for a match
    within the value; and where something repeated takes what a shell would act on.
    """
    compiled(pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = parser.parse(_translated(pattern))
    is_anchored = _is_at(tree, 0, "BEGINNING") and _is_at(tree, -1, "END")
    return not is_anchored or _repeats_anything(tree, repeated=False)


def _is_at(tree: Tree, end: int, where: str) -> bool:
    """Whether every alternative has an anchor at its beginning or end."""
    if not len(tree):
        return False
    operator, argument = tree[end]
    name = str(operator)
    if name == "AT":
        return where in str(argument)
    if name == "SUBPATTERN":
        return _is_at(argument[-1], end, where)
    return name == "BRANCH" and all(_is_at(branch, end, where) for branch in argument[1])


def _repeats_anything(tree: Tree, *, repeated: bool) -> bool:
    """Whether an open class stands within a repetition."""
    for operator, argument in tree:
        name = str(operator)
        if name.endswith("REPEAT"):
            _, most, within = argument
            if _repeats_anything(within, repeated=repeated or int(most) > 1):
                return True
        elif name == "BRANCH":
            if any(_repeats_anything(branch, repeated=repeated) for branch in argument[1]):
                return True
        elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
            within = argument[-1] if name == "SUBPATTERN" else argument
            if _repeats_anything(within, repeated=repeated):
                return True
        elif repeated and _is_open(name, argument):
            return True
    return False


def _is_open(name: str, argument: Any) -> bool:
    """Whether a single character of the pattern may be one that a shell acts on."""
    if name in ("ANY", "NOT_LITERAL"):
        return True
    if name != "IN":
        return False
    taken: set[str] = set()
    for operator, value in argument:
        if str(operator) == "NEGATE" or str(value) in _OPEN_CATEGORIES:
            return True
        if str(operator) == "LITERAL":
            taken.add(chr(value))
        if str(operator) == "RANGE":
            taken |= {char for char in f"{_DANGEROUS}$(" if value[0] <= ord(char) <= value[1]}
    return bool(taken & set(_DANGEROUS)) or {"$", "("} <= taken


_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _one_character(pair: re.Match[str]) -> str:
    """Java's two halves of one character, as Python escapes it."""
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _translated(pattern: str) -> str:
    python = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    python = _SURROGATES.sub(_one_character, python)
    translated, position, within_class = "", 0, False
    while position < len(python):
        character = python[position]
        if character != "\\":
            within_class = character == "[" or (within_class and character != "]")
            translated += character
            position += 1
            continue
        escaped = python[position + 1 : position + 2]
        length = 2
        if escaped == "Q":
            end = python.find(r"\E", position)
            end = len(python) if end < 0 else end
            translated += re.escape(python[position + 2 : end])
            length = end + 2 - position
        elif prop := re.match(r"\\[pP](\{\w+(=\w+)?\}|[A-Z])", python[position:]):
            translated += r"\w"
            length = prop.end()
        elif name := re.match(r"\\k<(\w+)>", python[position:]):
            translated += f"(?P={name[1]})"
            length = name.end()
        elif escaped in _JAVA_ONLY:
            plain = _JAVA_ONLY[escaped]
            translated += plain.strip("[]") if within_class else plain
        else:
            translated += "\\" + escaped
        position += length
        if within_class and escaped in _CLASSES and python[position : position + 1] == "-":
            translated += r"\-"  # after a class, Java takes a hyphen for itself
            position += 1
    return translated
