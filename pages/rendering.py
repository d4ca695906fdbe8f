"""Pages from templates of Jinja: documents that load nothing and run nothing.

Every value is text: it is escaped, and characters that do not show are spelled out.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pages.invisible import INVISIBLE

_OWN = Path(__file__).resolve().parent / "templates"
_BREAKS = re.compile(r"(?<=[:/,])(?=[^\s:/,])")
"""Where an ARN or a list of names may be broken: after a colon, a slash or a comma."""


def visible(text: str) -> str:
    """The text with characters that show nothing, or turn the direction of others, spelled out."""
    return INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def render(folder: Path, template: str, **values: Any) -> str:
    """The page of a template in a folder."""
    return _environment(folder).get_template(template).render(values)


def rendered(folder: Path, template: str, **values: Any) -> Iterator[str]:
    """The same piece by piece, as the values are read."""
    stream = _environment(folder).get_template(template).stream(values)
    stream.enable_buffering(_PIECES)
    yield from stream


_PIECES = 200


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _OWN]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.globals["style"] = Markup((_OWN / "page.css").read_text("utf-8"))  # noqa: S704, ours
    return environment


def _finalized(value: Any) -> Any:
    """What stands for a value on a page."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(text: str) -> Markup:
    """A name that is long, with the places where a line may break."""
    parts = _BREAKS.split(visible(text))
    return Markup("<wbr>").join(parts)
