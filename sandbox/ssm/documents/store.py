"""The documents of every account and Region, with all their versions."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.documents.content import Content

_MOST_VERSIONS = 1000
"""Source: Systems Manager endpoints and quotas, versions of a document."""
DEFAULT, LATEST = "$DEFAULT", "$LATEST"
RESERVED_PREFIXES = ("aws", "amazon", "amzn")
"""Source: SSM API Reference, CreateDocument, Name."""

_documents = AccountRegionScopedDict()


@dataclass(kw_only=True)
class Version:
    """One version of a document."""

    number: int
    text: str
    format: str
    content: Content
    name: str | None
    """The caller's VersionName, unique in its document."""
    display_name: str | None
    target_type: str | None
    created: float = field(default_factory=time.time)

    @property
    def hash(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(kw_only=True)
class Document:
    """A document with its versions, the oldest first."""

    name: str
    type: str
    owner: str
    versions: list[Version]
    default: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    shared_with: dict[str, str] = field(default_factory=dict)
    """What each other account, or ``All``, sees: ``$DEFAULT``, ``$LATEST`` or ``$ALL``."""

    @property
    def latest(self) -> Version:
        """The newest version."""
        return self.versions[-1]

    def version(self, wanted: str | None, version_name: str | None = None) -> Version:
        """A version by ``$DEFAULT`` (also None), ``$LATEST``, number or name, else ApiError."""
        if version_name is not None:
            found = [v for v in self.versions if v.name == version_name]
        elif wanted == LATEST:
            found = [self.latest]
        else:
            number = str(self.default) if wanted in (None, "", DEFAULT) else wanted
            found = [v for v in self.versions if str(v.number) == number]
        if not found:
            raise ApiError(
                "InvalidDocumentVersion",
                f"Version {version_name or wanted} of document {self.name} does not exist.",
            )
        return found[0]


def find(name: str) -> Document:
    """The document of that name or ARN in this account and Region, else ApiError."""
    prefix = f"arn:aws:ssm:{get_region()}:{get_account_id()}:document/"
    document: Document | None = _documents.get(name.removeprefix(prefix))
    if document is None:
        raise ApiError("InvalidDocument", f"Document with name {name} {missing(name)}")
    return document


def missing(name: str) -> str:
    """Why a document is not found, as the end of a sentence."""
    is_of_aws = name.rsplit("/", 1)[-1].lower().startswith(RESERVED_PREFIXES)
    return "does not exist" + ("; the sandbox has no document of AWS's own." if is_of_aws else ".")


def all_documents() -> list[Document]:
    """The documents of this account and Region, by name."""
    return [_documents[name] for name in sorted(_documents)]


def create(
    *,
    name: str,
    text: str,
    content: Content,
    document_type: str,
    document_format: str,
    target_type: str | None = None,
    version_name: str | None = None,
    display_name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Document:
    """Adds a document with its first version, whose text was read as this content, else
    ApiError."""
    if name.lower().startswith(RESERVED_PREFIXES):
        raise ApiError(
            "ValidationException", f"Document name {name} begins with a prefix that is reserved."
        )
    if name in _documents:
        raise ApiError("DocumentAlreadyExists", f"Document with name {name} already exists.")
    first = Version(
        number=1,
        text=text,
        format=document_format,
        content=content,
        name=version_name,
        display_name=display_name,
        target_type=target_type,
    )
    document = Document(
        name=name,
        type=document_type,
        owner=get_account_id(),
        versions=[first],
        tags=dict(tags or {}),
    )
    _documents[name] = document
    return document


def update(
    document: Document,
    *,
    text: str,
    content: Content,
    document_format: str,
    target_type: str | None = None,
    version_name: str | None = None,
    display_name: str | None = None,
) -> Version:
    """Adds a version, which does not become the default, else ApiError."""
    latest = document.latest
    if content == latest.content and target_type in (None, latest.target_type):
        raise ApiError(
            "DuplicateDocumentContent",
            f"The content is that of version {latest.number} of document {document.name}.",
        )
    if len(document.versions) >= _MOST_VERSIONS:
        raise ApiError(
            "DocumentVersionLimitExceeded",
            f"Document {document.name} has {_MOST_VERSIONS} versions, which is the most.",
        )
    if version_name and any(v.name == version_name for v in document.versions):
        raise ApiError(
            "DuplicateDocumentVersionName",
            f"Version name {version_name} of document {document.name} is in use.",
        )
    version = Version(
        number=latest.number + 1,
        text=text,
        format=document_format,
        content=content,
        name=version_name,
        display_name=display_name or latest.display_name,
        target_type=target_type or latest.target_type,
    )
    document.versions.append(version)
    return version


def delete(document: Document, version: Version | None = None) -> None:
    """Removes a document, or one of its versions that is not the default, else ApiError."""
    if version is None:
        del _documents[document.name]
        return
    if version.number == document.default:
        raise ApiError(
            "InvalidDocumentOperation", "The default version of a document cannot be deleted."
        )
    document.versions.remove(version)
