"""Plain English: words that a reader would have to decode are in no text of this project."""

import re
import subprocess

import pytest

from tests.clone import PROJECT

_NOT = {
    "whoever": "anyone who can; the caller",
    "hears of": "receives, matches",
    "is told": "is reported, listed, shown",
    "are told": "are reported, listed, shown",
    "cause and cure": "cause and fix",
    "the desk": "the operator CLI",
    "unmade": "withdrawn",
    "is no Region": "is not a Region",
    "ways to more power": "escalation paths",
    "not told by": "cannot be determined from",
}
"""Each phrase, and what to say instead. Source: the house style."""
_ITSELF = ("tests/test_vocabulary.py", "LICENSE")


@pytest.mark.parametrize("phrase", _NOT)
def test_phrase_is_in_no_text(phrase: str) -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    pattern = re.compile(rf"\b{phrase.replace(' ', chr(92) + 's+')}\b", re.IGNORECASE)

    found = [
        f"{name}: say {_NOT[phrase]}"
        for name in files
        if name not in _ITSELF and name.endswith((".py", ".md", ".yml", ".mjs", "Makefile"))
        if (path := PROJECT / name).exists() and pattern.search(path.read_text("utf-8"))
    ]

    assert found == []
