"""The content of documents: what is refused when they are created, and what stays as it is."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import WAIT, error_code

pytestmark = pytest.mark.sandbox


_BACK = {"nextStep": "wait"}


_PARAMETER = {"parameters": {"A": {"type": "String"}}}


_CHOICE = {"Variable": "{{ global:REGION }}", "StringEquals": "x"}


_TOO_FEW = "Expect at lease two expressions for operator: Or in step: branch. Provided: 1"


def _branch(condition: dict[str, Any], *, to: str = "branch") -> dict[str, Any]:
    choices = [{"NextStep": to, **condition}]
    return {"name": "branch", "action": "aws:branch", "inputs": {"Choices": choices}}


def _loop(step: dict[str, Any]) -> dict[str, Any]:
    inputs = {"Iterators": ["a"], "Steps": [step]}
    return {"name": "each", "action": "aws:loop", "inputs": inputs}


def _using(value: str) -> dict[str, Any]:
    return {**WAIT, "inputs": {"Duration": value}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parameters": ["x"]}, "parameters is not an object"),
        ({"parameters": {"A": None}}, "Parameter A is not an object"),
        ({"parameters": {"A": {"type": "Text"}}}, "has type Text, which does not exist"),
        ({"parameters": {"A": {"type": "String", "allowedPattern": "["}}}, "does not compile"),
        (
            {"parameters": {"A": {"type": "String", "allowedValues": ["a"], "default": "b"}}},
            "has default 'b', which allowedValues lacks",
        ),
        ({"mainSteps": [{**WAIT, "nextStep": "none"}]}, "goes on to none, which is not a step"),
        ({"mainSteps": [{**WAIT, "onFailure": "step:none"}]}, "goes to none on failure"),
        ({"mainSteps": [{**WAIT, "onFailure": "Panic"}]}, "has onFailure Panic"),
        ({"mainSteps": [{**WAIT, "inputs": ["x"]}]}, "has inputs that are no object"),
        ({"mainSteps": [{**WAIT, "action": "aws:nope"}]}, "has action aws:nope, which does not"),
        ({"mainSteps": [{**WAIT, "outputs": [{"Name": "A"}]}]}, "without Name and Selector"),
        ({"steps": []}, "Unknown field steps"),
        ({"files": {"code.zip": {}}}, "The sandbox carries no attachments"),
        ({"assumeRole": "{{ssm:/role}}", **_PARAMETER}, "is never read from Parameter Store"),
        (
            {"mainSteps": [{**WAIT, "nextStep": "two"}, {**WAIT, "name": "two", **_BACK}]},
            "The steps run in an infinite loop: wait -> two -> wait",
        ),
        ({"mainSteps": [{**WAIT, "onFailure": "step:wait"}]}, "in an infinite loop"),
        ({"mainSteps": [_branch({"Or": [_CHOICE]})]}, _TOO_FEW),
        ({"mainSteps": [_branch({"And": [_CHOICE, {"Or": [_CHOICE]}]})]}, _TOO_FEW),
        ({"mainSteps": [_branch(_CHOICE, to="none")]}, "branches to none, which is not a step"),
        ({"mainSteps": [_loop({**WAIT, "nextStep": "none"})]}, "goes on to none, which is not"),
        ({"mainSteps": [_loop({**WAIT, "nextStep": "wait"})]}, "in an infinite loop"),
        ({"mainSteps": [_using("{{ PackageVersion }}")]}, 'Parameter "PackageVersion" is not'),
        ({"mainSteps": [_loop(_using("{{ Gone }}"))]}, 'Parameter "Gone" is not declared.'),
        ({"mainSteps": [_using("{{ gone.Out }}")]}, 'Parameter "gone.Out" is not declared.'),
        ({"mainSteps": [_using("{{ wait }}")]}, 'Parameter "wait" is not declared.'),
        ({"mainSteps": [_using("{{ variable:gone }}")]}, 'Parameter "variable:gone" is not'),
        ({"mainSteps": [_using("{{ ssm:/golden/ami }}")]}, 'Parameter "ssm:/golden/ami" is not'),
        ({"parameters": {"A": {"type": "String", "default": "{{ B }}"}}}, 'Parameter "B" is not'),
        ({"outputs": ["gone.Out"]}, 'Parameter "gone.Out" is not declared.'),
        ({"variables": {"A": {"type": "Text"}}}, "Variable A has type Text"),
        (
            {"parameters": {"A": {"type": "String", "allowedPattern": "(?:a{65535}){65535}"}}},
            "stands for more than 100,000 characters",
        ),
        (
            {
                "parameters": {
                    f"A{n}": {"type": "String", "allowedPattern": "a{60000}"} for n in "12"
                }
            },
            "The patterns of parameters stand for more than 100,000 characters.",
        ),
        ({"outputs": 5}, "outputs is not a list"),
    ],
)
def test_content_that_cannot_be_run_is_refused_and_not_kept(
    ssm: Any, unique: str, fields: dict[str, Any], words: str
) -> None:
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [WAIT], **fields})

    with pytest.raises(ClientError) as error:
        ssm.create_document(Name=unique, DocumentType="Automation", Content=content)

    assert error.value.response["Error"]["Code"] == "InvalidDocumentContent"
    assert words in error.value.response["Error"]["Message"]
    assert error_code(ssm.describe_document, Name=unique) == "InvalidDocument"


def test_java_spelling_of_a_pattern_is_understood(ssm: Any, unique: str) -> None:
    parameters = {"Word": {"type": "String", "allowedPattern": r"^(?<word>[\p{L}]+)$"}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [WAIT]}
    ssm.create_document(Name=unique, DocumentType="Automation", Content=json.dumps(content))

    def start(word: str) -> Any:
        return ssm.start_automation_execution(DocumentName=unique, Parameters={"Word": [word]})

    assert start("Grüße")["AutomationExecutionId"]
    with pytest.raises(ClientError):
        start("17")


def test_braces_of_other_languages_and_of_run_command_stay(
    ssm: Any, unique: str, finish: Any
) -> None:
    script = "def run(events, context):\n    return '{{ user }} {{.Names}} {{ json .}}'"
    inputs = {"Runtime": "python3.11", "Handler": "run", "Script": script}
    step = {"name": "run", "action": "aws:executeScript", "inputs": inputs}
    command = {
        "name": "command",
        "action": "aws:runCommand",
        "inputs": {"Parameters": {"commands": ["echo {{ ssm:/name }} {{ RESOURCE_ID }}"]}},
    }
    content = {
        "schemaVersion": "0.3",
        "mainSteps": [{**step, "isEnd": True}, command],
        "outputs": ["run.Payload"],
    }
    ssm.create_document(Name=unique, DocumentType="Automation", Content=json.dumps(content))

    execution = finish(ssm.start_automation_execution(DocumentName=unique)["AutomationExecutionId"])

    assert execution["Outputs"] == {"run.Payload": ["{{ user }} {{.Names}} {{ json .}}"]}


def test_document_of_many_aliases_is_refused_at_once(ssm: Any, unique: str) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    with pytest.raises(ClientError) as error:
        ssm.create_document(
            Name=unique,
            DocumentType="Automation",
            DocumentFormat="YAML",
            Content="\n".join(levels),
        )

    assert "aliases stand for more than 65536 bytes" in error.value.response["Error"]["Message"]
