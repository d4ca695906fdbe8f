"""The two pages of a review, written beside what was reviewed."""

from pathlib import Path

from review.html import review_html
from review.markdown import review_markdown
from review.reviews import Review

NAME = "access-review"


def write_pages(reviewed: Review, folder: Path) -> tuple[Path, ...]:
    """Writes both into a folder, which is made; OSError where it cannot be written."""
    pages = {
        folder / f"{NAME}.html": review_html(reviewed),
        folder / f"{NAME}.md": review_markdown(reviewed),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    return tuple(pages)
