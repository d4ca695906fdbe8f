"""Java's regular expressions of ``allowedPattern``: do they compile, what do they let through."""

import re
import warnings

_JAVA_ONLY = {
    "h": r"[ \t\u00a0]",
    "H": r"[^ \t\u00a0]",
    "R": r"(?:\r\n|[\n\r])",
    "z": r"\Z",
    "e": "\x1b",
}
_CLASSES = "wWdDsSpPhH"
_FREE_TEXTS = (
    "x; rm -rf / #",
    "$(reboot)",
    "a b\tc",
    "../../etc/passwd",
    '"quoted" & <more>',
    "{{ 7*7 }} | cat",
)
"""What no parameter of a runbook should take; a pattern that finds a match in all is none."""


def compiled(pattern: str) -> re.Pattern[str]:
    """Java's pattern as Python's; raises re.error where it is none.

    Classes by Unicode property become any letter or digit, so that a value is judged generously.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Java nests classes, of which Python warns
        return re.compile(_translated(pattern))


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches."""
    return compiled(pattern).fullmatch(value) is not None


def lets_anything_through(pattern: str) -> bool:
    """Whether a value may hold free text despite the pattern.

    A pattern without anchors constrains nothing where SSM only looks for a match within the value.
    """
    expression = compiled(pattern)
    return all(expression.search(text) for text in _FREE_TEXTS)


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
