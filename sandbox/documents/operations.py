"""The document calls of the SSM API."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.documents import store
from sandbox.documents.content import render
from sandbox.documents.store import Document, Version
from sandbox.emulator.authorization import Check, arn, tag_context
from sandbox.ssm_api.errors import ApiError, validation_error
from sandbox.ssm_api.operation import Operation, Parameters, Request
from sandbox.ssm_api.pages import InvalidToken, page

_LIST_SIZE = 50
"""Entries a page when the caller names no number."""
_PLATFORMS = ["Windows", "Linux", "MacOS"]
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def document_check(action: str, name: str) -> Check:
    """Whether the caller may do this to a document, by its ARN, type and tags."""
    try:
        document = store.find(name)
    except ApiError:
        return Check(action=action, resource=arn("ssm", f"document/{_bare(name)}"))
    context = {"ssm:DocumentType": document.type, **tag_context(document.tags)}
    return Check(action=action, resource=arn("ssm", f"document/{document.name}"), context=context)


def pass_role_check(role: str) -> Check:
    """Whether the caller may hand this role to SSM."""
    return Check(
        action="iam:PassRole",
        resource=role,
        context={"iam:PassedToService": "ssm.amazonaws.com"},
    )


def description(document: Document, version: Version) -> Parameters:
    """A ``DocumentDescription``."""
    parameters = version.content.get("parameters") or {}
    return _given(
        {
            "Hash": version.hash,
            "HashType": "Sha256",
            "Name": document.name,
            "DisplayName": version.display_name,
            "VersionName": version.name,
            "Owner": document.owner,
            "CreatedDate": version.created,
            "Status": "Active",
            "DocumentVersion": str(version.number),
            "Description": version.content.get("description"),
            "Parameters": [_parameter(name, field) for name, field in parameters.items()],
            "PlatformTypes": _PLATFORMS,
            "DocumentType": document.type,
            "SchemaVersion": str(version.content.get("schemaVersion")),
            "LatestVersion": str(document.latest.number),
            "DefaultVersion": str(document.default),
            "DocumentFormat": version.format,
            "TargetType": version.target_type,
            "Tags": tag_list(document.tags),
        }
    )


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_map(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags by key."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def _create_document(request: Request) -> Parameters:
    given = request.parameters
    _refuse_unpassable_role(request, given["Content"])
    document = store.create(
        name=given["Name"],
        text=given["Content"],
        document_type=given.get("DocumentType", "Command"),
        document_format=given.get("DocumentFormat", "JSON"),
        target_type=given.get("TargetType"),
        version_name=given.get("VersionName"),
        display_name=given.get("DisplayName"),
        tags=tag_map(given.get("Tags")),
    )
    return {"DocumentDescription": description(document, document.latest)}


def _update_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    _refuse_unpassable_role(request, given["Content"])
    wanted = given.get("DocumentVersion", store.DEFAULT)
    if document.version(wanted) is not document.latest:
        raise ApiError(
            "InvalidDocumentVersion",
            f"Only the latest version ({store.LATEST}) of document {document.name} can be updated.",
        )
    version = store.update(
        document,
        text=given["Content"],
        document_format=given.get("DocumentFormat"),
        target_type=given.get("TargetType"),
        version_name=given.get("VersionName"),
        display_name=given.get("DisplayName"),
    )
    return {"DocumentDescription": description(document, version)}


def _update_default_version(request: Request) -> Parameters:
    document = store.find(request.parameters["Name"])
    version = document.version(request.parameters["DocumentVersion"])
    document.default = version.number
    given = {
        "Name": document.name,
        "DefaultVersion": str(version.number),
        "DefaultVersionName": version.name,
    }
    return {"Description": _given(given)}


def _get_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    version = document.version(given.get("DocumentVersion"), given.get("VersionName"))
    wanted = given.get("DocumentFormat") or version.format
    text = version.text if wanted == version.format else render(version.content, wanted)
    return _given(
        {
            "Name": document.name,
            "CreatedDate": version.created,
            "DisplayName": version.display_name,
            "VersionName": version.name,
            "DocumentVersion": str(version.number),
            "Status": "Active",
            "Content": text,
            "DocumentType": document.type,
            "DocumentFormat": wanted,
        }
    )


def _describe_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    version = document.version(given.get("DocumentVersion"), given.get("VersionName"))
    return {"Document": description(document, version)}


def _list_documents(request: Request) -> Parameters:
    filters = [
        *request.parameters.get("Filters", ()),
        *(
            {"Key": old["key"], "Values": [old["value"]]}
            for old in request.parameters.get("DocumentFilterList", ())
        ),
    ]
    found = [d for d in store.all_documents() if all(_matches(d, f) for f in filters)]
    return _page(request, "DocumentIdentifiers", [_identifier(document) for document in found])


def _list_versions(request: Request) -> Parameters:
    document = store.find(request.parameters["Name"])
    versions = [
        _given(
            {
                "Name": document.name,
                "DisplayName": version.display_name,
                "DocumentVersion": str(version.number),
                "VersionName": version.name,
                "CreatedDate": version.created,
                "IsDefaultVersion": version.number == document.default,
                "DocumentFormat": version.format,
                "Status": "Active",
            }
        )
        for version in reversed(document.versions)
    ]
    return _page(request, "DocumentVersions", versions)


def _delete_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    named = given.get("DocumentVersion"), given.get("VersionName")
    store.delete(document, document.version(*named) if any(named) else None)
    return {}


def _add_tags(request: Request) -> Parameters:
    _tags_of(request).update(tag_map(request.parameters["Tags"]))
    return {}


def _remove_tags(request: Request) -> Parameters:
    tags = _tags_of(request)
    for key in request.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


def _list_tags(request: Request) -> Parameters:
    return {"TagList": tag_list(_tags_of(request))}


def _tags_of(request: Request) -> dict[str, str]:
    from sandbox.automation import executions  # the executions know documents, not the reverse

    kind, name = request.parameters["ResourceType"], request.parameters["ResourceId"]
    try:
        return store.find(name).tags if kind == "Document" else executions.find(name).tags
    except ApiError:
        raise ApiError("InvalidResourceId", f"{kind} {name} does not exist.") from None


def _tag_checks(action: str) -> Any:
    def checks(given: Parameters) -> list[Check]:
        if given["ResourceType"] == "Document":
            return [document_check(action, given["ResourceId"])]
        execution = arn("ssm", f"automation-execution/{given['ResourceId']}")
        return [Check(action=action, resource=execution)]

    return checks


def _refuse_unpassable_role(request: Request, text: str) -> None:
    """A document that embeds a role needs its author's right to pass it to SSM.

    Source: Service Authorization Reference, CreateDocument, dependent actions.
    """
    match = re.search(r"assumeRole[\"']?\s*:\s*[\"']?(arn:[^\"'\s,}]+)", text)
    if match and _ROLE_ARN.fullmatch(match[1]):
        request.refuse_unless([pass_role_check(match[1])])


def _identifier(document: Document) -> Parameters:
    version = document.version(store.DEFAULT)
    return _given(
        {
            "Name": document.name,
            "CreatedDate": version.created,
            "DisplayName": version.display_name,
            "Owner": document.owner,
            "VersionName": version.name,
            "PlatformTypes": _PLATFORMS,
            "DocumentVersion": str(version.number),
            "DocumentType": document.type,
            "SchemaVersion": str(version.content.get("schemaVersion")),
            "DocumentFormat": version.format,
            "TargetType": version.target_type,
            "Tags": tag_list(document.tags),
        }
    )


def _matches(document: Document, wanted: Mapping[str, Any]) -> bool:
    key, values = wanted["Key"], wanted.get("Values") or []
    if key == "Name":
        return any(document.name.startswith(value) for value in values)
    if key == "Owner":
        return any(value in ("Self", "All", document.owner) for value in values)
    if key == "DocumentType":
        return document.type in values
    if key == "TargetType":
        return document.latest.target_type in values
    if key == "PlatformTypes":
        return bool(set(values) & set(_PLATFORMS))
    if key.startswith("tag:"):
        return document.tags.get(key.removeprefix("tag:")) in values
    if key == "SearchKeyword":
        return any(value.lower() in document.name.lower() for value in values)
    raise ApiError("InvalidFilterKey", f"Filter key {key} is not valid.")


def _page(request: Request, name: str, entries: list[Parameters]) -> Parameters:
    size = request.parameters.get("MaxResults") or _LIST_SIZE
    return paged(request, name, entries, size)


def paged(request: Request, name: str, entries: list[Parameters], size: int) -> Parameters:
    """One page of a listing under its output's name, with the token of the next."""
    try:
        found, token = page(entries, size, request.parameters.get("NextToken"))
    except InvalidToken:
        raise ApiError("InvalidNextToken", "The specified token is not valid.") from None
    return {name: found, **({"NextToken": token} if token else {})}


def _parameter(name: str, field: Mapping[str, Any]) -> Parameters:
    default = field.get("default")
    shown = default if default is None or isinstance(default, str) else str(default)
    return _given(
        {
            "Name": name,
            "Type": "StringList" if "List" in str(field.get("type")) else "String",
            "Description": field.get("description"),
            "DefaultValue": shown,
        }
    )


def _given(members: Parameters) -> Parameters:
    """A structure without the members that have no value."""
    return {name: value for name, value in members.items() if value is not None}


def _bare(name: str) -> str:
    return name.rsplit("document/", 1)[-1]


def _on_document(action: str) -> Any:
    return lambda given: [document_check(f"ssm:{action}", given["Name"])]


def _creation_checks(given: Parameters) -> list[Check]:
    if not given.get("Name"):
        raise validation_error("Name must not be empty.")
    context = {"ssm:DocumentType": given.get("DocumentType", "Command")}
    for key, value in tag_map(given.get("Tags")).items():
        context[f"aws:RequestTag/{key}"] = value
    resource = arn("ssm", f"document/{given['Name']}")
    return [Check(action="ssm:CreateDocument", resource=resource, context=context)]


DOCUMENT_OPERATIONS = {
    "CreateDocument": Operation(checks=_creation_checks, run=_create_document),
    "ListDocuments": Operation(
        checks=lambda given: [Check(action="ssm:ListDocuments", resource="*")], run=_list_documents
    ),
    **{
        name: Operation(checks=_on_document(name), run=run)
        for name, run in {
            "UpdateDocument": _update_document,
            "UpdateDocumentDefaultVersion": _update_default_version,
            "GetDocument": _get_document,
            "DescribeDocument": _describe_document,
            "ListDocumentVersions": _list_versions,
            "DeleteDocument": _delete_document,
        }.items()
    },
}

TAG_OPERATIONS = {
    name: Operation(checks=_tag_checks(f"ssm:{name}"), run=run)
    for name, run in {
        "AddTagsToResource": _add_tags,
        "RemoveTagsFromResource": _remove_tags,
        "ListTagsForResource": _list_tags,
    }.items()
}
