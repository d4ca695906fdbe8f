"""The review of synthesized templates, as they are or with a text in them replaced."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from review.access_review import Review, review
from review.iam.engine import Engine
from review.templates.assembly import given_environment, read_templates


def reviewed_with(folder: Path, old: str = "", new: str = "") -> Review:
    """The review of an assembly, with a text of its templates replaced, which has to be there."""
    templates = read_templates(folder, given_environment())
    if old and not any(old in json.dumps(each.body) for each in templates):
        pytest.fail(f"{old} is in no template")
    changed = [
        replace(each, body=json.loads(json.dumps(each.body).replace(old, new))) if old else each
        for each in templates
    ]
    with Engine() as engine:
        return review(engine, tuple(changed))
