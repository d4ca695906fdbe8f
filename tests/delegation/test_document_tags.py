"""What a list of documents shows of a runbook."""

import quopri
import re

import pytest

from delegation.runbooks.document_tags import document_tags

_TAG_VALUE = re.compile(r"[A-Za-z0-9 _.:/=+\-@]{0,256}")
"""What SSM takes, as far as ASCII goes. Source: SSM API Reference, Tag."""


@pytest.mark.parametrize(
    ("description", "tag"),
    [
        ("Restart EC2 instances(s)", "Restart EC2 instances=28s=29"),
        ("one line\n  and the next", "one line and the next"),
        ("Größe = 100 %", "Gr=C3=B6=C3=9Fe =3D 100 =25"),
        ("x" * 256, "x" * 256),
        ("x" * 257, "x" * 247 + "=E2=80=A6"),
        ("(" * 90, "=28" * 82 + "=E2=80=A6"),
    ],
)
def test_description_is_quoted_in_the_characters_of_a_tag(description: str, tag: str) -> None:
    tags = document_tags({"description": description}, "Role")

    assert tags == {"ServiceRole": "Role", "Description": tag}
    assert _TAG_VALUE.fullmatch(tag)


def test_description_is_read_again_as_it_was() -> None:
    text = 'Ärger & "so" = 100%, {x} $5 <b> ~!'

    tag = document_tags({"description": text}, "Role")["Description"]

    assert quopri.decodestring(tag.encode()).decode() == text


def test_runbook_without_description_has_no_such_tag() -> None:
    assert document_tags({}, "Role") == {"ServiceRole": "Role"}
