"""Text of templates, so that a page shows every character of it."""

import html
import unicodedata


def visible(text: str) -> str:
    """The text with characters that show nothing, or turn the direction of others, spelled out."""
    return "".join(
        f"\\u{ord(each):04x}" if unicodedata.category(each)[0] == "C" else each for each in text
    )


def escape(text: str) -> str:
    """The text as HTML."""
    return html.escape(visible(text))
