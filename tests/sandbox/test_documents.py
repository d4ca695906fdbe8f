"""SSM documents through the real API."""

import json
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.sandbox.conftest import WAIT, Make, error_code

pytestmark = pytest.mark.sandbox


def _content(description: str = "first") -> str:
    return json.dumps({"schemaVersion": "0.3", "description": description, "mainSteps": [WAIT]})


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
                "mainSteps": [WAIT],
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
    name = runbook(WAIT, description="first")

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
    name = runbook(WAIT, description="first")
    ssm.update_document(Name=name, Content=_content("second"), DocumentVersion="$LATEST")

    document = ssm.get_document(Name=name, DocumentVersion=wanted)

    assert json.loads(document["Content"])["description"] == description


def test_versions_are_listed_the_newest_first(ssm: Any, runbook: Make) -> None:
    name = runbook(WAIT)
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
    on_document = {"ResourceType": "Document", "ResourceId": runbook(WAIT)}

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
    name = runbook(WAIT)
    ssm.update_document(Name=name, Content=_content(), DocumentVersion="$LATEST")

    ssm.delete_document(Name=name, DocumentVersion="2")
    left = ssm.list_document_versions(Name=name)["DocumentVersions"]
    ssm.delete_document(Name=name)

    assert [version["DocumentVersion"] for version in left] == ["1"]
    assert error_code(ssm.get_document, Name=name) == "InvalidDocument"


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
    name = runbook(WAIT)

    elsewhere = sandbox.client("ssm", region="eu-west-1")

    assert error_code(elsewhere.get_document, Name=name) == "InvalidDocument"


def test_refusals_have_the_names_of_the_api(ssm: Any, runbook: Make, unique: str) -> None:
    name = runbook(WAIT, description="first")
    ssm.update_document(
        Name=name, Content=_content("2"), DocumentVersion="$LATEST", VersionName="two"
    )
    new: dict[str, Any] = {"Name": f"{unique}-new", "DocumentType": "Automation"}
    change: dict[str, Any] = {"Name": name, "DocumentVersion": "$LATEST"}
    two_steps = json.dumps({"schemaVersion": "0.3", "mainSteps": [WAIT, WAIT]})
    large = _content("x" * 65_536)

    found = {
        "exists": error_code(
            ssm.create_document, Name=name, DocumentType="Automation", Content=_content()
        ),
        "reserved": error_code(
            ssm.create_document, Name="AWS-Mine", DocumentType="Automation", Content=_content()
        ),
        "not JSON": error_code(ssm.create_document, **new, Content="{"),
        "no steps": error_code(ssm.create_document, **new, Content='{"schemaVersion": "0.3"}'),
        "step twice": error_code(ssm.create_document, **new, Content=two_steps),
        "schema": error_code(ssm.create_document, **new, Content='{"schemaVersion": "2.2"}'),
        "size": error_code(ssm.create_document, **new, Content=large),
        "type": error_code(ssm.create_document, **{**new, "DocumentType": "Runbook"}, Content="{}"),
        "same content": error_code(ssm.update_document, **change, Content=_content("2")),
        "version name": error_code(
            ssm.update_document, **change, Content=_content("3"), VersionName="two"
        ),
        "old version": error_code(
            ssm.update_document, Name=name, DocumentVersion="1", Content=_content("3")
        ),
        "no such version": error_code(ssm.get_document, Name=name, DocumentVersion="9"),
        "no such document": error_code(ssm.describe_document, Name=f"{unique}-none"),
        "default version": error_code(ssm.delete_document, Name=name, DocumentVersion="1"),
        "token": error_code(ssm.list_documents, NextToken="made-up"),
        "filter": error_code(ssm.list_documents, Filters=[{"Key": "Colour", "Values": ["red"]}]),
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


def test_default_values_are_described_as_json(ssm: Any, runbook: Make) -> None:
    name = runbook(
        WAIT,
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
    name = runbook(WAIT)

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
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [WAIT], "description": "x"})

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
        error_code(
            ssm.add_tags_to_resource,
            ResourceType="Document",
            ResourceId=runbook(WAIT),
            Tags=given,
        )
        == code
    )
