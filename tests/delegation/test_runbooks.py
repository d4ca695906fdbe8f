"""What a file in documents/ may not be, each with its whole error."""

import json
from pathlib import Path
from typing import Any

import pytest

from delegation.deployment.limits import deployed_content
from delegation.errors import DelegationError
from delegation.model import ServiceRole
from delegation.names import Naming
from delegation.runbooks.checks.document import ASSUME_ROLE_BYTES, as_sent
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.runbook import check_runbook, load_runbooks, runbook_files

_STEP = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}


_UNREADABLE = "; a document is one JSON or YAML object [unreadable]"


def _content(**changes: Any) -> str:
    return json.dumps({"schemaVersion": "0.3", "mainSteps": [_STEP], **changes})


def _refusal(path: Path, text: str) -> str:
    """The one finding of the check, as a line."""
    path.write_text(text, "utf-8")
    (finding,) = check_runbook(path).findings
    return str(finding)


def test_document_of_the_guide_equals_the_guides_but_for_assume_role() -> None:
    guides = {
        "description": "Restart EC2 instances(s)",
        "schemaVersion": "0.3",
        "parameters": {
            "InstanceId": {
                "type": "StringList",
                "description": "(Required) EC2 Instance to restart",
            }
        },
        "mainSteps": [
            {
                "name": "stopInstances",
                "action": "aws:changeInstanceState",
                "inputs": {"InstanceIds": "{{ InstanceId }}", "DesiredState": "stopped"},
            },
            {
                "name": "startInstances",
                "action": "aws:changeInstanceState",
                "inputs": {"InstanceIds": "{{ InstanceId }}", "DesiredState": "running"},
            },
        ],
    }

    runbook = load_runbooks(["Restart-EC2InstanceDemo"])["Restart-EC2InstanceDemo"]

    role = ServiceRole(name="Role", runbooks=("Restart-EC2InstanceDemo",))
    deployed = deployed_content(runbook, role, Naming(), "")
    assert deployed == {
        **guides,
        "assumeRole": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/Role"},
    }
    assert runbook.target_type == "/AWS::EC2::Instance"


def test_yaml_and_json_give_the_same_runbook(tmp_path: Path) -> None:
    as_json, as_yaml = tmp_path / "One.json", tmp_path / "Two.yaml"
    as_json.write_text(_content(), "utf-8")
    as_yaml.write_text(
        'schemaVersion: "0.3"\nmainSteps:\n- name: wait\n  action: aws:sleep\n'
        "  inputs:\n    Duration: PT1S\n",
        "utf-8",
    )

    assert check_runbook(as_json).runbook.content == check_runbook(as_yaml).runbook.content


def test_embedded_role_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"

    assert _refusal(path, _content(assumeRole="{{ AutomationAssumeRole }}")) == (
        f"{path}:1:114: assumeRole: is '{{{{ AutomationAssumeRole }}}}'; remove the line: "
        "the deployment wires the service role of deployments.py [assume-role]"
    )


def test_file_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".json"

    assert _refusal(path, _content()) == (
        f"{path}:1:1: the document would be named ''; a file is named NAME.yaml or NAME.json: "
        "3 to 128 letters, digits or _.- [file-name]"
    )


def test_broken_json_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"

    assert _refusal(path, '{\n "schemaVersion"\n}') == (
        f"{path}:3:1: is not JSON: expecting ':' delimiter{_UNREADABLE}"
    )


def test_broken_yaml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "mainSteps:\n- name: [\n") == (
        f"{path}:3:1: is not YAML: did not find expected node content{_UNREADABLE}"
    )


def test_text_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "- a list") == (
        f"{path}:1:1: holds list, not an object of fields{_UNREADABLE}"
    )


def test_date_that_yaml_makes_of_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    path.write_text(
        'schemaVersion: "0.3"\ndescription: 2012-10-17\nmainSteps:\n'
        "- {name: wait, action: 'aws:sleep', inputs: {Duration: PT1S}}\n"
    )

    (finding,) = check_runbook(path).findings

    assert str(finding) == (
        f"{path}:2:14: description: is 2012-10-17, a date; put it in quotes [deploy]"
    )


def test_document_over_64_kilobytes_as_deployed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"
    room = 64 * 1024 - len(as_sent(json.loads(_content(description="")))) - ASSUME_ROLE_BYTES

    path.write_text(_content(description="x" * room), "utf-8")
    assert check_runbook(path).findings == ()
    assert _refusal(path, _content(description="x" * (room + 1))) == (
        f"{path}:1:1: is 65,537 bytes as deployed with assumeRole; SSM takes 65,536 (64 KB); "
        "split it into runbooks of their own [size]"
    )


@pytest.mark.parametrize("name", ["AWS-Restart", "AmazonRestart", "amzn.Restart"])
def test_reserved_name_prefix_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.json"
    prefix = {"AW": "aws", "Am": "amazon", "am": "amzn"}[name[:2]]

    assert _refusal(path, _content()) == (
        f"{path}:1:1: the document would be named '{name}'; rename the file: AWS reserves "
        f"names that begin with '{prefix}' [file-name]"
    )


def test_name_that_ssm_does_not_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart it.json"

    assert _refusal(path, _content()) == (
        f"{path}:1:1: the document would be named 'Restart it'; a file is named NAME.yaml or "
        "NAME.json: 3 to 128 letters, digits or _.- [file-name]"
    )


def test_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    for ending in ("json", "yaml"):
        (tmp_path / f"Restart.{ending}").write_text(_content(), "utf-8")

    with pytest.raises(DelegationError) as error:
        runbook_files(tmp_path)

    assert str(error.value) == (
        f"runbook 'Restart' stands twice: {tmp_path}/Restart.json and {tmp_path}/Restart.yaml; "
        "keep one"
    )


def test_unknown_runbook_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DelegationError) as error:
        load_runbooks(["Restart-EC2Instnace"])

    assert str(error.value) == (
        "runbook 'Restart-EC2Instnace' is not in documents/; known: "
        f"{', '.join(sorted(runbook_files()))}; nearest: Restart-EC2InstanceDemo (deployments.py)"
    )


def test_sidecar_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    sidecar = tmp_path / "Restart.delegation.yaml"
    sidecar.write_text("targettype: /\n", "utf-8")

    assert _refusal(tmp_path / "Restart.json", _content()) == (
        f"{sidecar}:1:1: targettype: is not a key of a sidecar; known: targetType, freeParameters, "
        "needs; nearest: targetType [sidecar]"
    )


def test_sidecar_with_a_wrong_target_type_is_refused(tmp_path: Path) -> None:
    sidecar = tmp_path / "Restart.delegation.yaml"
    sidecar.write_text("targetType: AWS::EC2::Instance\n", "utf-8")

    assert _refusal(tmp_path / "Restart.json", _content()) == (
        f"{sidecar}:1:13: targetType: is 'AWS::EC2::Instance'; / and up to 199 letters, digits or "
        "_.:/-, as in /AWS::EC2::Instance [sidecar]"
    )


_FREE = {"type": "String"}


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("freeParameters: [Text]", "1:17: freeParameters: is ['Text']; an object of name and why"),
        (
            "freeParameters: {Text: ''}",
            "1:24: freeParameters.Text: is ''; why the parameter may take any text",
        ),
        (
            "freeParameters: {Text: why, Tex: why}",
            "1:29: freeParameters.Tex: is not a parameter of the document; parameters: Text, "
            "State; "
            "nearest: Text",
        ),
        (
            "freeParameters: {Text: why, State: why}",
            "1:29: freeParameters.State: is constrained by the document; remove it",
        ),
    ],
)
def test_free_parameter_has_its_reason_and_needs_one(
    tmp_path: Path, sidecar: str, message: str
) -> None:
    path = tmp_path / "Echo.json"
    path.with_suffix(".delegation.yaml").write_text(sidecar, "utf-8")
    parameters = {"Text": _FREE, "State": {**_FREE, "allowedValues": ["on"]}}
    step = {
        "name": "runOther",
        "action": "aws:executeAutomation",
        "inputs": {
            "DocumentName": "Other",
            "RuntimeParameters": {"Text": ["{{ Text }}"], "State": ["{{ State }}"]},
        },
    }
    path.write_text(_content(parameters=parameters, mainSteps=[step]), "utf-8")

    findings = [f for f in check_runbook(path).findings if f.rule is Rule.SIDECAR]

    assert list(map(str, findings)) == [
        f"{path.with_suffix('.delegation.yaml')}:{message} [sidecar]"
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Restart.json", '{"a": NaN}'),
        ("Restart.json", '{"a":' * 100_000),
        ("Restart.yaml", "a: &a [*a]"),
        ("Restart.yaml", "a: !!int abc"),
        ("Restart.yaml", "a: .nan"),
        ("Restart.yaml", "a: !!bool abc"),
    ],
)
def test_value_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    message = _refusal(tmp_path / name, text)

    assert message.startswith(f"{tmp_path / name}:1:")
    assert message.endswith(_UNREADABLE)
    assert "\n" not in message


@pytest.mark.parametrize("name", ["Dco.delegation.yaml", "Doc.delegation.yml"])
def test_sidecar_of_no_runbook_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "Doc.json").write_text(_content(), "utf-8")
    (tmp_path / name).write_text("targetType: /\n", "utf-8")

    with pytest.raises(DelegationError) as error:
        runbook_files(tmp_path)

    assert str(error.value) == (
        f"{tmp_path / name}: belongs to no runbook; it is called as the document, "
        "NAME.delegation.yaml"
    )


def test_bad_document_is_refused_also_where_no_deployment_names_it(tmp_path: Path) -> None:
    (tmp_path / "Good.json").write_text(_content(), "utf-8")
    (tmp_path / "Draft.json").write_text(_content(assumeRole="arn"), "utf-8")

    with pytest.raises(DelegationError) as error:
        load_runbooks(["Good"], tmp_path)

    assert str(error.value) == (
        f"the check of {tmp_path}/ found:\n"
        f"  {tmp_path}/Draft.json:1:114: assumeRole: is 'arn'; remove the line: the deployment "
        "wires the service role of deployments.py [assume-role]"
    )


def test_keys_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"
    text = "schemaVersion: '0.3'\nmainSteps:\n- name: wait\n  action: aws:sleep\n  inputs:\n"

    assert _refusal(path, f"{text}    Duration: PT1S\n  1: one\n") == (
        f"{path}:3:3: step wait: has the key 1, which is not a string; put it in quotes [deploy]"
    )


def test_nesting_that_no_synthesis_survives_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"
    path.write_text(_content(files=json.loads("[" * 200 + "]" * 200)), "utf-8")

    rules = {finding.rule for finding in check_runbook(path).findings}

    assert Rule.DEPLOY in rules


def test_check_of_many_runbooks_tells_the_findings_of_all(tmp_path: Path) -> None:
    for name in ("One", "Two"):
        (tmp_path / f"{name}.json").write_text(_content(mainSteps=[{**_STEP, "isend": True}]))

    with pytest.raises(DelegationError) as error:
        load_runbooks(["One"], tmp_path)

    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        f"{tmp_path}/One.json",
        f"{tmp_path}/Two.json",
    ]
