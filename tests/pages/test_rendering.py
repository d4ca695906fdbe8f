"""What every page does with the texts that it is given."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from pages.rendering import render, rendered


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a page of one list."""
    (tmp_path / "one.html").write_text(
        '{% extends "page.html" %}{% import "parts.html" as parts %}'
        "{% block content %}{{ parts.list(texts) }}"
        "{{ parts.table(('name',), rows) }}{% endblock %}",
        "utf-8",
    )
    return tmp_path


def test_texts_are_escaped_and_what_does_not_show_is_spelled_out(folder: Path) -> None:
    texts = ["<script>alert(1)</script>", "turned\u202eround", '" onload="x']

    page = render(folder, "one.html", title="A & B", made="today", texts=texts, rows=[])

    assert "<title>A &amp; B</title>" in page
    assert "<li>&lt;script&gt;alert(1)&lt;/script&gt;</li>" in page
    assert "<li>turned\\u202eround</li>" in page
    assert "<li>&#34; onload=&#34;x</li>" in page


def test_long_names_may_be_broken_where_they_stay_readable(folder: Path) -> None:
    arn = "arn:aws:iam::111122223333:role/Leads<"

    page = render(folder, "one.html", title="t", made="", texts=[], rows=[[[arn]]])

    assert "<code>arn:<wbr>aws:<wbr>iam::<wbr>111122223333:<wbr>role/<wbr>Leads&lt;</code>" in page


def test_value_that_is_missing_is_an_error_and_no_blank(folder: Path) -> None:
    with pytest.raises(UndefinedError):
        render(folder, "one.html", title="t", made="", texts=[])


def test_long_page_comes_piece_by_piece(folder: Path) -> None:
    texts = [f"text {number}" for number in range(10_000)]
    given = {"title": "t", "made": "", "texts": texts, "rows": []}

    assert "".join(rendered(folder, "one.html", **given)) == render(folder, "one.html", **given)
