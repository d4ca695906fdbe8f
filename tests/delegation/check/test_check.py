"""The check of runbooks: every kind of mistake is found, where it stands, and no sound one is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from delegation.runbooks.checks.actions import actions
from delegation.runbooks.checks.rules import Rule, rules_table
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.runbook import check_runbook, runbook_files
from tests.clone import EXAMPLE

_HERE = Path(__file__).parent
_SOUND = runbook_files(_HERE / "sound")
_SHIPPED = runbook_files(EXAMPLE / "documents")
_EVERYTHING = _SOUND["Everything"].read_text("utf-8")
_BESIDE = _SOUND["Everything"].with_suffix(".delegation.yaml").read_text("utf-8")

_MISTAKES: list[dict[str, Any]] = yaml.load(
    (_HERE / "mistakes.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
)
"""Each with what of the sound document becomes what, and all findings without the file's name."""


@pytest.mark.parametrize("case", _MISTAKES, ids=lambda case: case["mistake"])
def test_mistake_is_found_where_it_stands(tmp_path: Path, case: dict[str, Any]) -> None:
    assert _EVERYTHING.count(case["old"]) == 1
    path = tmp_path / "Everything.yaml"
    path.write_text(_EVERYTHING.replace(case["old"], case["new"]), "utf-8")
    path.with_suffix(".delegation.yaml").write_text(_BESIDE, "utf-8")

    found = [str(finding).removeprefix(f"{path}:") for finding in check_runbook(path).findings]

    assert case["findings"]
    assert found == case["findings"]


@pytest.mark.parametrize("path", [*_SOUND.values(), *_SHIPPED.values()], ids=lambda path: path.stem)
def test_sound_document_is_not_flagged(path: Path) -> None:
    assert check_runbook(path).findings == ()


def test_sound_documents_hold_every_action() -> None:
    contents = [check_runbook(path).runbook.content for path in _SOUND.values()]

    used = {step.action for content in contents for step in named_steps(content)}

    assert used == set(actions())


def test_place_is_found_in_json_that_yaml_does_not_read(tmp_path: Path) -> None:
    text = _SOUND["Images"].read_text("utf-8")
    path = tmp_path / "Images.json"
    path.write_text(
        text.replace('"of {{ InstanceId }}"', '"\\ud83d\\ude00 \\/ {{ Instance }}"'), "utf-8"
    )
    path.with_suffix(".delegation.yaml").write_text(
        _SOUND["Images"].with_suffix(".delegation.yaml").read_text("utf-8"), "utf-8"
    )

    (finding,) = check_runbook(path).findings

    line = path.read_text("utf-8").splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith('"\\ud83d')
    assert (finding.step, finding.field) == ("makeImage", "inputs.ImageDescription")


@pytest.mark.parametrize(
    ("pattern", "is_free"),
    [
        ("^[a-z]+$", False),
        ("^i-[a-z0-9]{8,17}$", False),
        ("[a-z]+", True),
        ("^.*$", True),
        (r"^[\p{L}0-9 -]{1,20}$", False),
        (r"^(?<name>[\w-.]+)\k<name>$", False),
        (r"^\Q[a]\E$", False),
        (r"[\s\S]+", True),
    ],
)
def test_pattern_constrains_or_does_not(tmp_path: Path, pattern: str, is_free: bool) -> None:
    path = tmp_path / "Everything.yaml"
    text = _EVERYTHING.replace("^[A-Z]{2,5}-[0-9]{1,6}$", f"'{pattern}'")
    path.write_text(text.replace("    default: OPS-1\n", ""), "utf-8")
    path.with_suffix(".delegation.yaml").write_text(_BESIDE, "utf-8")

    rules = [finding.rule.value for finding in check_runbook(path).findings]

    assert rules == (["free-text"] if is_free else [])


_BESIDE_THE_SOUND_DOCUMENT = {"unreadable", "file-name", "size", "sidecar"}
"""Rules whose mistakes stand in tests/delegation/test_runbooks.py."""


def test_every_rule_has_its_mistake() -> None:
    found = {
        re.findall(r"\[([a-z-]+)\]$", finding)[0]
        for case in _MISTAKES
        for finding in case["findings"]
    }

    assert {rule.value for rule in Rule} == found | _BESIDE_THE_SOUND_DOCUMENT


def test_page_of_rules_is_the_generated_one() -> None:
    page = (_HERE.parents[2] / "docs" / "check.md").read_text("utf-8")

    assert page.split("<!-- rules -->\n")[1] == f"{rules_table()}\n"
