"""What went wrong, in words: the cause of a message of AWS, and the fix.

Each entry of a file stands for a message that people meet; the first whose pattern is found in a
message explains it. What AWS itself names as the reason of a refusal comes first.
"""

import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from operate.command_name import as_called
from operate.errors import Exit, OperateError

_FILES = ("policies", "deployments", "access", "runs")
"""In the order in which they are searched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The cause of a message, and the fix."""

    pattern: str
    """A regular expression, searched in ``Code: message`` without regard to case."""
    cause: str
    fix: str


@cache
def explanations() -> tuple[Explanation, ...]:
    """Every explanation, in the order in which they are tried."""
    texts = (files(__name__).joinpath(f"{name}.toml").read_text("utf-8") for name in _FILES)
    return tuple(Explanation(**e) for text in texts for e in tomllib.loads(text)["explanation"])


def explain(message: str) -> list[str]:
    """Cause and fix of what AWS said, a line each; nothing for what is not known."""
    for explanation in explanations():
        if re.search(explanation.pattern, message, re.IGNORECASE | re.DOTALL):
            return [f"cause: {explanation.cause}", f"fix: {explanation.fix}"]
    return []


def print_explanation(words: list[str]) -> Exit:
    """Prints cause and fix of a message of AWS, given or on standard input."""
    lines = explain(" ".join(words) or sys.stdin.read())
    if not lines:
        raise OperateError("this message is not known here; the AWS documentation may know it")
    print("\n".join(map(as_called, lines)))
    return Exit.SUCCESS
