"""What helps authors: a runbook to start from, a schema for editors, findings for code hosts."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from delegation.authoring.new_runbook import write_runbook
from delegation.authoring.sarif import as_sarif
from delegation.authoring.schema import runbook_schema
from delegation.errors import DelegationError
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.runbook import check_runbook
from tests.clone import EXAMPLE, PROJECT

_SHIPPED = sorted(
    path
    for path in (EXAMPLE / "documents").iterdir()
    if path.suffix in (".json", ".yaml") and ".delegation." not in path.name
)


def _faults(document: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(runbook_schema())
    return [error.message for error in validator.iter_errors(document)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of documents in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    return tmp_path


def test_new_runbook_passes_check_and_schema(folder: Path) -> None:
    written = write_runbook("Stop-Instance")

    assert {str(path.relative_to(folder)) for path in written} == {
        "documents/Stop-Instance.yaml",
        "documents/Stop-Instance.delegation.yaml",
        "runbook.schema.json",
    }
    document = folder / "documents" / "Stop-Instance.yaml"
    assert check_runbook(document).findings == ()
    assert _faults(yaml.safe_load(document.read_text("utf-8"))) == []
    assert json.loads((folder / "runbook.schema.json").read_text("utf-8")) == runbook_schema()


def test_new_runbook_of_this_project_has_a_scenario(folder: Path) -> None:
    scenarios = folder / "tests" / "documents" / "scenarios.py"
    scenarios.parent.mkdir(parents=True)
    shutil.copy(PROJECT / "tests" / "documents" / "scenarios.py", scenarios)

    write_runbook("Stop-Instance")

    names: dict[str, Any] = {}
    exec(compile(scenarios.read_text("utf-8"), str(scenarios), "exec"), names)  # noqa: S102
    assert [each.name for each in names["SCENARIOS"]["Stop-Instance"]] == ["stops"]
    assert "Backup-EC2Instance" in names["SCENARIOS"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("AWS-Mine", "AWS reserves names that begin with 'aws'"),
        ("../x", "3 to 128 letters, digits or _.-"),
        ("Known-One", "runbook 'Known-One' exists: documents/Known-One.json"),
    ],
)
def test_bad_name_is_refused_and_nothing_written(folder: Path, name: str, message: str) -> None:
    known = folder / "documents" / "Known-One.json"
    known.write_text("{}", "utf-8")

    with pytest.raises(DelegationError, match=message.replace(".", r"\.")):
        write_runbook(name)

    assert [*folder.rglob("*.*")] == [known]


@pytest.mark.parametrize("path", _SHIPPED, ids=lambda path: path.stem)
def test_shipped_runbooks_match_the_schema(path: Path) -> None:
    assert _faults(yaml.safe_load(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"mainSteps": []}, "[] should be non-empty"),
        ({"schemaVersion": 0.3}, "'0.3' was expected"),
        ({"assumeRole": "x"}, "'assumeRole' was unexpected"),
        ({"parameters": {"A": {"type": "Text"}}}, "'Text' is not one of ['String'"),
    ],
)
def test_schema_refuses_what_is_no_document(change: dict[str, Any], fault: str) -> None:
    document = yaml.safe_load((EXAMPLE / "documents" / "Backup-EC2Instance.yaml").read_text())

    assert fault in "\n".join(_faults({**document, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"action": "aws:changeInstanceStat"},
        {"inputs": {"InstanceIds": ["i-1"], "DesiredState": "paused"}},
        {"inputs": {"InstanceIds": ["i-1"]}},
        {"inputs": {"InstanceIds": ["i-1"], "DesiredState": "stopped", "Forced": True}},
        {"timeoutSecond": 3},
    ],
)
def test_schema_refuses_bad_steps(change: dict[str, Any]) -> None:
    sound = {
        "name": "stop",
        "action": "aws:changeInstanceState",
        "inputs": {"InstanceIds": ["i-1"], "DesiredState": "{{ State }}"},
    }

    assert _faults({"schemaVersion": "0.3", "mainSteps": [sound]}) == []
    assert _faults({"schemaVersion": "0.3", "mainSteps": [{**sound, **change}]}) != []


def test_findings_are_shown_where_they_stand(folder: Path) -> None:
    path = folder / "documents" / "Bad-One.yaml"
    path.write_text('schemaVersion: "0.3"\nmainSteps:\n- name: a\n  action: aws:slep\n', "utf-8")

    log = as_sarif(check_runbook(path).findings)

    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [r.value for r in Rule]
    assert run["results"] == [
        {
            "ruleId": "action",
            "level": "error",
            "message": {"text": run["results"][0]["message"]["text"]},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "documents/Bad-One.yaml"},
                        "region": {"startLine": 4, "startColumn": 11},
                    }
                }
            ],
        }
    ]
    assert "nearest: aws:sleep" in run["results"][0]["message"]["text"]
