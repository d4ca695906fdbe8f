"""SSM documents through the real API."""

import json
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.sandbox.conftest import Make

pytestmark = pytest.mark.sandbox

_WAIT = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}


def _content(description: str = "first") -> str:
    return json.dumps({"schemaVersion": "0.3", "description": description, "mainSteps": [_WAIT]})


def _error(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def test_created_document_is_described_as_the_api_has_it(ssm: Any, unique: str) -> None:
    ssm.create_document(
        Name=unique,
        DocumentType="Automation",
        DocumentFormat="JSON",
        TargetType="/AWS::EC2::Instance",
        Content=json.dumps(
            {
                "schemaVersion": "0.3",
                "description": "what it does",
                "parameters": {"Ids": {"type": "StringList", "description": "which"}},
                "mainSteps": [_WAIT],
            }
        ),
        Tags=[{"Key": "Team", "Value": "Ops"}],
    )

    described = ssm.describe_document(Name=unique)["Document"]

    assert described.pop("CreatedDate")
    assert len(described.pop("Hash")) == 64
    assert described == {
        "HashType": "Sha256",
        "Name": unique,
        "Owner": "000000000000",
        "Status": "Active",
        "DocumentVersion": "1",
        "Description": "what it does",
        "Parameters": [{"Name": "Ids", "Type": "StringList", "Description": "which"}],
        "PlatformTypes": ["Windows", "Linux", "MacOS"],
        "DocumentType": "Automation",
        "SchemaVersion": "0.3",
        "LatestVersion": "1",
        "DefaultVersion": "1",
        "DocumentFormat": "JSON",
        "TargetType": "/AWS::EC2::Instance",
        "Tags": [{"Key": "Team", "Value": "Ops"}],
    }


def test_update_adds_a_version_that_is_not_the_default_until_it_is_made_so(
    ssm: Any, runbook: Make
) -> None:
    name = runbook(_WAIT, description="first")

    ssm.update_document(Name=name, Content=_content("second"), DocumentVersion="$LATEST")
    before = ssm.describe_document(Name=name)["Document"]
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    after = ssm.describe_document(Name=name)["Document"]

    assert (before["DocumentVersion"], before["DefaultVersion"], before["LatestVersion"]) == (
        "1",
        "1",
        "2",
    )
    assert (after["DocumentVersion"], after["DefaultVersion"]) == ("2", "2")


@pytest.mark.parametrize(
    ("wanted", "description"), [("$DEFAULT", "first"), ("$LATEST", "second"), ("2", "second")]
)
def test_version_is_found_by_number_default_and_latest(
    ssm: Any, runbook: Make, wanted: str, description: str
) -> None:
    name = runbook(_WAIT, description="first")
    ssm.update_document(Name=name, Content=_content("second"), DocumentVersion="$LATEST")

    document = ssm.get_document(Name=name, DocumentVersion=wanted)

    assert json.loads(document["Content"])["description"] == description


def test_versions_are_listed_the_newest_first(ssm: Any, runbook: Make) -> None:
    name = runbook(_WAIT)
    ssm.update_document(
        Name=name, Content=_content(), DocumentVersion="$LATEST", VersionName="second"
    )

    versions = ssm.list_document_versions(Name=name)["DocumentVersions"]

    assert [
        (v["DocumentVersion"], v.get("VersionName"), v["IsDefaultVersion"]) for v in versions
    ] == [("2", "second", False), ("1", None, True)]


def test_document_is_given_as_json_unless_yaml_is_asked_for(ssm: Any, unique: str) -> None:
    content = json.loads(_content())
    ssm.create_document(
        Name=unique,
        DocumentType="Automation",
        DocumentFormat="YAML",
        Content=yaml.safe_dump(content),
    )

    as_yaml = ssm.get_document(Name=unique, DocumentFormat="YAML")
    as_json = ssm.get_document(Name=unique)

    assert (as_yaml["DocumentFormat"], yaml.safe_load(as_yaml["Content"])) == ("YAML", content)
    assert (as_json["DocumentFormat"], json.loads(as_json["Content"])) == ("JSON", content)


def test_tags_are_added_listed_and_removed(ssm: Any, runbook: Make) -> None:
    on_document = {"ResourceType": "Document", "ResourceId": runbook(_WAIT)}

    ssm.add_tags_to_resource(
        **on_document, Tags=[{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]
    )
    ssm.remove_tags_from_resource(**on_document, TagKeys=["A"])

    tags = ssm.list_tags_for_resource(**on_document)["TagList"]
    assert tags == [{"Key": "B", "Value": "2"}]


def test_tags_of_parameters_stay_the_emulators(ssm: Any, unique: str) -> None:
    ssm.put_parameter(Name=unique, Value="x", Type="String", Tags=[{"Key": "Team", "Value": "Ops"}])

    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=unique)["TagList"]

    assert tags == [{"Key": "Team", "Value": "Ops"}]


def test_deleted_document_is_gone_and_a_deleted_version_leaves_the_others(
    ssm: Any, runbook: Make
) -> None:
    name = runbook(_WAIT)
    ssm.update_document(Name=name, Content=_content(), DocumentVersion="$LATEST")

    ssm.delete_document(Name=name, DocumentVersion="2")
    left = ssm.list_document_versions(Name=name)["DocumentVersions"]
    ssm.delete_document(Name=name)

    assert [version["DocumentVersion"] for version in left] == ["1"]
    assert _error(ssm.get_document, Name=name) == "InvalidDocument"


def test_documents_are_listed_page_by_page_and_by_filter(ssm: Any, unique: str) -> None:
    names = [f"{unique}-{number}" for number in range(5)]
    for name in names:
        ssm.create_document(Name=name, DocumentType="Automation", Content=_content())
    filters = [
        {"Key": "Name", "Values": [unique]},
        {"Key": "Owner", "Values": ["Self"]},
        {"Key": "DocumentType", "Values": ["Automation"]},
    ]

    pages = list(
        ssm.get_paginator("list_documents").paginate(
            Filters=filters, PaginationConfig={"PageSize": 2}
        )
    )

    assert [len(page["DocumentIdentifiers"]) for page in pages] == [2, 2, 1]
    assert [d["Name"] for page in pages for d in page["DocumentIdentifiers"]] == names


def test_document_of_one_region_is_unknown_in_another(sandbox: Any, runbook: Make) -> None:
    name = runbook(_WAIT)

    elsewhere = sandbox.client("ssm", region="eu-west-1")

    assert _error(elsewhere.get_document, Name=name) == "InvalidDocument"


def test_refusals_have_the_names_of_the_api(ssm: Any, runbook: Make, unique: str) -> None:
    name = runbook(_WAIT, description="first")
    ssm.update_document(
        Name=name, Content=_content("2"), DocumentVersion="$LATEST", VersionName="two"
    )
    new: dict[str, Any] = {"Name": f"{unique}-new", "DocumentType": "Automation"}
    change: dict[str, Any] = {"Name": name, "DocumentVersion": "$LATEST"}
    two_steps = json.dumps({"schemaVersion": "0.3", "mainSteps": [_WAIT, _WAIT]})
    large = _content("x" * 65_536)

    found = {
        "exists": _error(
            ssm.create_document, Name=name, DocumentType="Automation", Content=_content()
        ),
        "reserved": _error(
            ssm.create_document, Name="AWS-Mine", DocumentType="Automation", Content=_content()
        ),
        "not JSON": _error(ssm.create_document, **new, Content="{"),
        "no steps": _error(ssm.create_document, **new, Content='{"schemaVersion": "0.3"}'),
        "step twice": _error(ssm.create_document, **new, Content=two_steps),
        "schema": _error(ssm.create_document, **new, Content='{"schemaVersion": "2.2"}'),
        "size": _error(ssm.create_document, **new, Content=large),
        "type": _error(ssm.create_document, **{**new, "DocumentType": "Runbook"}, Content="{}"),
        "same content": _error(ssm.update_document, **change, Content=_content("2")),
        "version name": _error(
            ssm.update_document, **change, Content=_content("3"), VersionName="two"
        ),
        "old version": _error(
            ssm.update_document, Name=name, DocumentVersion="1", Content=_content("3")
        ),
        "no such version": _error(ssm.get_document, Name=name, DocumentVersion="9"),
        "no such document": _error(ssm.describe_document, Name=f"{unique}-none"),
        "default version": _error(ssm.delete_document, Name=name, DocumentVersion="1"),
        "token": _error(ssm.list_documents, NextToken="made-up"),
        "filter": _error(ssm.list_documents, Filters=[{"Key": "Colour", "Values": ["red"]}]),
    }

    assert found == {
        "exists": "DocumentAlreadyExists",
        "reserved": "ValidationException",
        "not JSON": "InvalidDocumentContent",
        "no steps": "InvalidDocumentContent",
        "step twice": "InvalidDocumentContent",
        "schema": "InvalidDocumentSchemaVersion",
        "size": "MaxDocumentSizeExceeded",
        "type": "ValidationException",
        "same content": "DuplicateDocumentContent",
        "version name": "DuplicateDocumentVersionName",
        "old version": "InvalidDocumentVersion",
        "no such version": "InvalidDocumentVersion",
        "no such document": "InvalidDocument",
        "default version": "InvalidDocumentOperation",
        "token": "InvalidNextToken",
        "filter": "InvalidFilterKey",
    }


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
    return {**_WAIT, "inputs": {"Duration": value}}


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
        ({"mainSteps": [{**_WAIT, "nextStep": "none"}]}, "goes on to none, which is not a step"),
        ({"mainSteps": [{**_WAIT, "onFailure": "step:none"}]}, "goes to none on failure"),
        ({"mainSteps": [{**_WAIT, "onFailure": "Panic"}]}, "has onFailure Panic"),
        ({"mainSteps": [{**_WAIT, "inputs": ["x"]}]}, "has inputs that are no object"),
        ({"mainSteps": [{**_WAIT, "action": "aws:nope"}]}, "has action aws:nope, which does not"),
        ({"mainSteps": [{**_WAIT, "outputs": [{"Name": "A"}]}]}, "without Name and Selector"),
        ({"steps": []}, "Unknown field steps"),
        ({"files": {"code.zip": {}}}, "The sandbox carries no attachments"),
        ({"assumeRole": "{{ssm:/role}}", **_PARAMETER}, "is never read from Parameter Store"),
        (
            {"mainSteps": [{**_WAIT, "nextStep": "two"}, {**_WAIT, "name": "two", **_BACK}]},
            "The steps run in an infinite loop: wait -> two -> wait",
        ),
        ({"mainSteps": [{**_WAIT, "onFailure": "step:wait"}]}, "in an infinite loop"),
        ({"mainSteps": [_branch({"Or": [_CHOICE]})]}, _TOO_FEW),
        ({"mainSteps": [_branch({"And": [_CHOICE, {"Or": [_CHOICE]}]})]}, _TOO_FEW),
        ({"mainSteps": [_branch(_CHOICE, to="none")]}, "branches to none, which is not a step"),
        ({"mainSteps": [_loop({**_WAIT, "nextStep": "none"})]}, "goes on to none, which is not"),
        ({"mainSteps": [_loop({**_WAIT, "nextStep": "wait"})]}, "in an infinite loop"),
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
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [_WAIT], **fields})

    with pytest.raises(ClientError) as error:
        ssm.create_document(Name=unique, DocumentType="Automation", Content=content)

    assert error.value.response["Error"]["Code"] == "InvalidDocumentContent"
    assert words in error.value.response["Error"]["Message"]
    assert _error(ssm.describe_document, Name=unique) == "InvalidDocument"


def test_java_spelling_of_a_pattern_is_understood(ssm: Any, unique: str) -> None:
    parameters = {"Word": {"type": "String", "allowedPattern": r"^(?<word>[\p{L}]+)$"}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [_WAIT]}
    ssm.create_document(Name=unique, DocumentType="Automation", Content=json.dumps(content))

    def start(word: str) -> Any:
        return ssm.start_automation_execution(DocumentName=unique, Parameters={"Word": [word]})

    assert start("Grüße")["AutomationExecutionId"]
    with pytest.raises(ClientError):
        start("17")


_EVENT = (
    "BEGIN:VCALENDAR\nX-CALENDAR-TYPE:{kind}\nBEGIN:VEVENT\n"
    "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND:20260105T100000Z\nEND:VEVENT\n"
    "END:VCALENDAR\n"
)


def _calendar(ssm: Any, name: str, text: str) -> None:
    ssm.create_document(
        Name=name, DocumentType="ChangeCalendar", DocumentFormat="TEXT", Content=text
    )


@pytest.mark.parametrize(
    ("kind", "at", "state"),
    [
        ("DEFAULT_OPEN", "2026-01-05T07:59:59Z", "OPEN"),
        ("DEFAULT_OPEN", "2026-01-05T08:00:00Z", "CLOSED"),
        ("DEFAULT_OPEN", "2026-01-05T10:00:00Z", "OPEN"),
        ("DEFAULT_CLOSED", "2026-01-05T09:00:00+00:00", "OPEN"),
        ("DEFAULT_CLOSED", "2026-01-06T09:00:00Z", "CLOSED"),
    ],
)
def test_calendar_is_open_or_closed_by_its_type_and_events(
    ssm: Any, unique: str, kind: str, at: str, state: str
) -> None:
    _calendar(ssm, unique, _EVENT.format(kind=kind))

    assert ssm.get_calendar_state(CalendarNames=[unique], AtTime=at)["State"] == state


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no calendar", "'no calendar' is not a line of iCalendar"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "X-CALENDAR-TYPE is None"),
        (
            "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nRRULE:FREQ=DAILY\nEND:VEVENT",
            "the sandbox reads no events that recur (RRULE)",
        ),
        (
            "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nDTSTART:tomorrow\nEND:VEVENT",
            "time tomorrow",
        ),
        (
            "X-CALENDAR-TYPE:DEFAULT_OPEN\nBEGIN:VEVENT\nEND:VEVENT",
            "an event lacks DTSTART or DTEND",
        ),
    ],
)
def test_text_that_is_no_calendar_is_refused(ssm: Any, unique: str, text: str, reason: str) -> None:
    with pytest.raises(ClientError) as refused:
        _calendar(ssm, unique, text)

    assert refused.value.response["Error"]["Code"] == "InvalidDocumentContent"
    assert reason in refused.value.response["Error"]["Message"]


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


def test_default_values_are_described_as_json(ssm: Any, runbook: Make) -> None:
    name = runbook(
        _WAIT,
        parameters={
            "Names": {"type": "StringList", "default": ["a", "b"]},
            "Deep": {"type": "Boolean", "default": True},
            "Word": {"type": "String", "default": "x"},
        },
    )

    described = ssm.describe_document(Name=name)["Document"]["Parameters"]

    assert {p["Name"]: p["DefaultValue"] for p in described} == {
        "Names": '["a", "b"]',
        "Deep": "true",
        "Word": "x",
    }


def test_document_is_shared_with_accounts_and_with_all(ssm: Any, runbook: Make) -> None:
    name = runbook(_WAIT)

    ssm.modify_document_permission(
        Name=name, PermissionType="Share", AccountIdsToAdd=["111122223333", "444455556666"]
    )
    ssm.modify_document_permission(
        Name=name,
        PermissionType="Share",
        AccountIdsToAdd=["All"],
        AccountIdsToRemove=["444455556666"],
        SharedDocumentVersion="$LATEST",
    )

    shared = ssm.describe_document_permission(Name=name, PermissionType="Share")
    assert (shared["AccountIds"], shared["AccountSharingInfoList"]) == (
        ["111122223333", "All"],
        [
            {"AccountId": "111122223333", "SharedDocumentVersion": "$DEFAULT"},
            {"AccountId": "All", "SharedDocumentVersion": "$LATEST"},
        ],
    )


def test_what_the_sandbox_lacks_is_refused_in_plain_words(ssm: Any, runbook: Make) -> None:
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [_WAIT], "description": "x"})

    with pytest.raises(ClientError) as operation:
        ssm.describe_ops_items()
    with pytest.raises(ClientError) as required:
        ssm.create_document(
            Name="Needs-another",
            DocumentType="Automation",
            Content=content,
            Requires=[{"Name": "Other", "Version": "1"}],
        )

    with pytest.raises(ClientError) as of_aws:
        ssm.start_automation_execution(DocumentName="AWS-StopEC2Instance")

    assert of_aws.value.response["Error"]["Message"] == (
        "Automation document AWS-StopEC2Instance does not exist; the sandbox has no document of "
        "AWS's own."
    )
    assert operation.value.response["Error"]["Message"] == (
        "The sandbox lacks ssm:DescribeOpsItems; sandbox/README.md lists what it has."
    )
    assert required.value.response["Error"]["Message"] == (
        "The sandbox does not support Requires of a document."
    )


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"aws:owner": "x"}, "ValidationException"),
        ({f"Key{number}": "x" for number in range(51)}, "TooManyTagsError"),
    ],
)
def test_tags_that_aws_refuses_are_refused(
    ssm: Any, runbook: Make, tags: dict[str, str], code: str
) -> None:
    given = [{"Key": key, "Value": value} for key, value in tags.items()]

    assert (
        _error(
            ssm.add_tags_to_resource,
            ResourceType="Document",
            ResourceId=runbook(_WAIT),
            Tags=given,
        )
        == code
    )
