"""What a file in documents/ may not be, each with its whole error."""

import json
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.runbooks import (
    ASSUME_ROLE_BYTES,
    DOCUMENTS,
    load_runbooks,
    read_runbook,
    runbook_files,
)

_STEP = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}


def _content(**changes: Any) -> str:
    return json.dumps({"schemaVersion": "0.3", "mainSteps": [_STEP], **changes})


def _refusal(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    with pytest.raises(DelegationError) as error:
        read_runbook(path)
    return str(error.value)


def test_document_of_the_guide_equals_the_guides_but_for_assume_role() -> None:
    guides = {
        "description": "Restart EC2 instances(s)",
        "schemaVersion": "0.3",
        "assumeRole": "AssumeRoleARN",
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

    assert guides == runbook.deployed_content("AssumeRoleARN")
    assert runbook.target_type == "/AWS::EC2::Instance"


def test_every_document_of_the_project_is_read() -> None:
    for path in runbook_files(DOCUMENTS).values():
        assert path.stem == read_runbook(path).name


def test_yaml_and_json_give_the_same_runbook(tmp_path: Path) -> None:
    as_json, as_yaml = tmp_path / "One.json", tmp_path / "Two.yaml"
    as_json.write_text(_content(), "utf-8")
    as_yaml.write_text(
        'schemaVersion: "0.3"\nmainSteps:\n- name: wait\n  action: aws:sleep\n'
        "  inputs:\n    Duration: PT1S\n",
        "utf-8",
    )

    assert read_runbook(as_json).content == read_runbook(as_yaml).content


def test_embedded_role_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"

    assert _refusal(path, _content(assumeRole="{{ AutomationAssumeRole }}")) == (
        f"{path}: holds assumeRole '{{{{ AutomationAssumeRole }}}}'; remove the line, "
        "the deployment wires the service role of deployments.py"
    )


def test_file_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".json"

    assert _refusal(path, _content()) == (
        f"{path}: has no name; a document is called as its file, NAME.json"
    )


def test_broken_json_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"

    assert _refusal(path, '{\n "schemaVersion": "0.3",\n}') == (
        f"{path}:3:1: is not JSON: expecting property name enclosed in double quotes"
    )


def test_broken_yaml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "mainSteps:\n- name: [\n") == (
        f"{path}:3:1: is not YAML: did not find expected node content"
    )


def test_text_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "- a list") == f"{path}: holds list, not an object of fields"


def test_number_that_yaml_makes_of_the_schema_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "schemaVersion: 0.3\n") == (
        f'{path}: schemaVersion is 0.3; an Automation document has "0.3", in quotes'
    )


def test_date_that_yaml_makes_of_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, "description: 2012-10-17\n") == (
        f"{path}: holds a date or other value that JSON lacks; put it in quotes"
    )


def test_document_over_64_kilobytes_as_deployed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"
    room = 64 * 1024 - len(_content(description="")) - ASSUME_ROLE_BYTES

    path.write_text(_content(description="x" * room), "utf-8")
    assert read_runbook(path).name == "Restart"
    assert _refusal(path, _content(description="x" * (room + 1))) == (
        f"{path}: is 65,537 bytes as deployed with assumeRole; SSM takes 65,536 (64 KB); "
        "split it into runbooks of their own"
    )


@pytest.mark.parametrize("name", ["AWS-Restart", "AmazonRestart", "amzn.Restart"])
def test_reserved_name_prefix_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.json"
    prefix = {"AW": "aws", "Am": "amazon", "am": "amzn"}[name[:2]]

    assert _refusal(path, _content()) == (
        f"{path}: name '{name}' begins with '{prefix}', which AWS reserves; rename the file"
    )


def test_name_that_ssm_does_not_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart it.json"

    assert _refusal(path, _content()) == (
        f"{path}: name 'Restart it' is not 3 to 128 letters, digits or _.-; rename the file"
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
        "runbook 'Restart-EC2Instnace' is not in documents/; known: Restart-EC2InstanceDemo; "
        "nearest: Restart-EC2InstanceDemo (deployments.py)"
    )


def test_sidecar_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    sidecar = tmp_path / "Restart.delegation.yaml"
    sidecar.write_text("targettype: /\n", "utf-8")

    assert _refusal(tmp_path / "Restart.json", _content()) == (
        f"{sidecar}: unknown key 'targettype'; known: needs, targetType"
    )


def test_sidecar_with_a_wrong_target_type_is_refused(tmp_path: Path) -> None:
    sidecar = tmp_path / "Restart.delegation.yaml"
    sidecar.write_text("targetType: AWS::EC2::Instance\n", "utf-8")

    assert _refusal(tmp_path / "Restart.json", _content()) == (
        f"{sidecar}: targetType 'AWS::EC2::Instance' is not / and up to 199 letters, digits or "
        "_.:/-, as in /AWS::EC2::Instance"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mainSteps": []}, "mainSteps is not a list of at least one step"),
        ({"mainSteps": ["wait"]}, "step 1 is 'wait', not an object of fields"),
        ({"mainSteps": [{"action": "aws:sleep"}]}, "step 1 has no name"),
        ({"mainSteps": [{"name": "wait"}]}, "step 1 has no action"),
        ({"mainSteps": [_STEP, _STEP]}, "step name 'wait' stands twice"),
        (
            {"parameters": []},
            "parameters is not an object of parameters by name (letters, digits and _)",
        ),
        (
            {"parameters": {"${I}": {}}},
            "parameters is not an object of parameters by name (letters, digits and _)",
        ),
        (
            {"description": "{{resolve:secretsmanager:password}}"},
            "description is '{{resolve:secretsmanager:password}}', which CloudFormation would fill "
            "in; a runbook reads secrets and parameters by its steps",
        ),
        (
            {"mainSteps": [{**_STEP, "inputs": {"Fn::ImportValue": "Secret"}}]},
            "mainSteps[0].inputs has the key 'Fn::ImportValue', which CloudFormation would read",
        ),
        ({"outputs": [None]}, "outputs[0] is null, which CDK drops; remove it"),
        ({"outputs": [2**60]}, f"outputs[0] is {2**60}, too large; put it in quotes"),
    ],
)
def test_shape_that_no_step_can_be_read_from_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "Restart.json"

    assert f"{path}: {message}" == _refusal(path, _content(**changes))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Restart.json", '{"a": NaN}'),
        ("Restart.json", '{"a":' * 100_000),
        ("Restart.yaml", "a: &a [*a]"),
        ("Restart.yaml", "a: 2020-99-99"),
        ("Restart.yaml", "a: !!int abc"),
        ("Restart.yaml", "a: .nan"),
        ("Restart.yaml", "a: !!bool abc"),
    ],
)
def test_value_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    message = _refusal(tmp_path / name, text)

    assert message.startswith(f"{tmp_path / name}: ")
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

    assert str(error.value).startswith(f"{tmp_path}/Draft.json: holds assumeRole")


def test_keys_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.yaml"

    assert _refusal(path, 'schemaVersion: "0.3"\nparameters:\n  1: {type: String}\n') == (
        f"{path}: parameters has the key 1, which is no text; put it in quotes"
    )


def test_nesting_that_no_synthesis_survives_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Restart.json"
    deep = "[" * 200 + "]" * 200

    assert _refusal(path, f'{{"schemaVersion": "0.3", "outputs": {deep}}}') == (
        f"{path}: is nested deeper than 100 levels"
    )
