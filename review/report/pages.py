"""The two pages of a review, written beside what was reviewed."""

import tempfile
from pathlib import Path

from review.access_review import Review
from review.report.html import review_html
from review.report.markdown import review_markdown

NAME = "access-review"


def write_pages(reviewed: Review, folder: Path) -> tuple[Path, ...]:
    """Writes both into a folder, which is made; OSError where it cannot be written."""
    pages = {
        folder / f"{NAME}.html": review_html(reviewed),
        folder / f"{NAME}.md": review_markdown(reviewed),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        # Whole or not at all, and never through a link or a pipe that stands there.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as draft:
            draft.write(text)
        Path(draft.name).chmod(0o644)
        Path(draft.name).replace(path)
    return tuple(pages)
