"""The document calls of the SSM API."""

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.emulator.iam.authorization import Check, arn, request_tag_context, tag_context
from sandbox.ssm.api.errors import ApiError, validation_error
from sandbox.ssm.api.operation import Operation, Parameters, Request, paged
from sandbox.ssm.api.shapes import without_none
from sandbox.ssm.documents import calendars, store
from sandbox.ssm.documents.content import Content, parse, render
from sandbox.ssm.documents.descriptions import (
    check_tags,
    description,
    identifier,
    tag_map,
    version_info,
)
from sandbox.ssm.documents.filters import matches
from sandbox.ssm.documents.sharing import describe_permission, modify_permission


def document_check(action: str, name: str) -> Check:
    """Whether the caller may do this to a document, by its ARN, type and tags."""
    try:
        document = store.find(name)
    except ApiError:
        return Check(action=action, resource=_arn_of(name))
    context = {"ssm:DocumentType": document.type, **tag_context(document.tags)}
    return Check(action=action, resource=arn("ssm", f"document/{document.name}"), context=context)


def pass_role_check(role: str, document: str) -> Check:
    """Whether the caller may hand this role to SSM for a document (both by ARN)."""
    return Check(
        action="iam:PassRole",
        resource=role,
        context={
            "iam:PassedToService": "ssm.amazonaws.com",
            "iam:AssociatedResourceArn": document,
        },
    )


def _create_document(request: Request) -> Parameters:
    given = request.parameters
    _refuse_unsupported(given)
    check_tags(tag_map(given.get("Tags")))
    type_, format_ = given.get("DocumentType", "Command"), given.get("DocumentFormat", "JSON")
    content = parse(given["Content"], format_, type_)
    _refuse_unpassable_role(request, content)
    document = store.create(
        name=given["Name"],
        text=given["Content"],
        content=content,
        document_type=type_,
        document_format=format_,
        target_type=given.get("TargetType"),
        version_name=given.get("VersionName"),
        display_name=given.get("DisplayName"),
        tags=tag_map(given.get("Tags")),
    )
    return {"DocumentDescription": description(document, document.latest)}


def _update_document(request: Request) -> Parameters:
    given = request.parameters
    _refuse_unsupported(given)
    document = store.find(given["Name"])
    format_ = given.get("DocumentFormat", "JSON")
    content = parse(given["Content"], format_, document.type)
    _refuse_unpassable_role(request, content)
    wanted = given.get("DocumentVersion", store.DEFAULT)
    if document.version(wanted) is not document.latest:
        raise ApiError(
            "InvalidDocumentVersion",
            f"Only the latest version ({store.LATEST}) of document {document.name} can be updated.",
        )
    version = store.update(
        document,
        text=given["Content"],
        content=content,
        document_format=format_,
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
    return {"Description": without_none(given)}


def _get_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    version = document.version(given.get("DocumentVersion"), given.get("VersionName"))
    wanted = given.get("DocumentFormat") or _default_format(document)
    text = version.text if wanted == version.format else render(version.content, wanted)
    return without_none(
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


def _default_format(document: store.Document) -> str:
    """JSON, except where a document cannot be: a calendar is TEXT."""
    return "TEXT" if document.type == calendars.TYPE else "JSON"


def _describe_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    version = document.version(given.get("DocumentVersion"), given.get("VersionName"))
    return {"Document": description(document, version)}


def _calendar_state(request: Request) -> Parameters:
    """OPEN if every calendar is open at the time, else CLOSED."""
    text = request.parameters.get("AtTime")
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else datetime.now(UTC)
    except ValueError:
        raise validation_error(f"AtTime {text} is not an ISO 8601 time.") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    documents = [store.find(name) for name in request.parameters["CalendarNames"]]
    for document in documents:
        if document.type != calendars.TYPE:
            raise ApiError(
                "InvalidDocumentType", f"Document {document.name} is not a {calendars.TYPE}."
            )
    texts = [document.version(None).text for document in documents]
    is_open = all(calendars.read_calendar(text).is_open(at) for text in texts)
    return {"State": "OPEN" if is_open else "CLOSED", "AtTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _calendar_checks(given: Parameters) -> list[Check]:
    return [document_check("ssm:GetCalendarState", name) for name in given["CalendarNames"]]


def _list_documents(request: Request) -> Parameters:
    filters = [
        *request.parameters.get("Filters", ()),
        *(
            {"Key": old["key"], "Values": [old["value"]]}
            for old in request.parameters.get("DocumentFilterList", ())
        ),
    ]
    found = [d for d in store.all_documents() if all(matches(d, f) for f in filters)]
    return paged(request, "DocumentIdentifiers", found, identifier)


def _list_versions(request: Request) -> Parameters:
    document = store.find(request.parameters["Name"])
    newest_first = document.versions[::-1]
    return paged(
        request, "DocumentVersions", newest_first, lambda version: version_info(document, version)
    )


def _delete_document(request: Request) -> Parameters:
    given = request.parameters
    document = store.find(given["Name"])
    named = given.get("DocumentVersion"), given.get("VersionName")
    store.delete(document, document.version(*named) if any(named) else None)
    return {}


def _refuse_unsupported(given: Parameters) -> None:
    for name in ("Attachments", "Requires"):
        if given.get(name):
            raise validation_error(f"The sandbox does not support {name} of a document.")


def _refuse_unpassable_role(request: Request, content: Content) -> None:
    """A document that embeds a role needs its author's right to pass it to SSM.

    Source: Service Authorization Reference, CreateDocument, dependent actions.
    """
    role = str(content.get("assumeRole") or "").strip()
    if role.startswith("arn:"):
        document = _arn_of(request.parameters["Name"])
        request.refuse_unless([pass_role_check(role, document)])


def _arn_of(name: str) -> str:
    """The ARN that a name or ARN names: another account's or Region's as it stands."""
    return name if name.startswith("arn:") else arn("ssm", f"document/{name}")


def _on_document(action: str) -> Callable[[Parameters], list[Check]]:
    return lambda given: [document_check(f"ssm:{action}", given["Name"])]


def _creation_checks(given: Parameters) -> list[Check]:
    if not given.get("Name"):
        raise validation_error("Name must not be empty.")
    context = {
        "ssm:DocumentType": given.get("DocumentType", "Command"),
        **request_tag_context(tag_map(given.get("Tags"))),
    }
    resource = arn("ssm", f"document/{given['Name']}")
    return [Check(action="ssm:CreateDocument", resource=resource, context=context)]


DOCUMENT_OPERATIONS = {
    "CreateDocument": Operation(checks=_creation_checks, run=_create_document),
    "GetCalendarState": Operation(checks=_calendar_checks, run=_calendar_state),
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
            "DescribeDocumentPermission": describe_permission,
            "ModifyDocumentPermission": modify_permission,
        }.items()
    },
}
