"""What an assembly may hold to be deployed unattended: what this project writes, and nothing else.

The CDK CLI does what a manifest says: it uploads folders, notifies topics, takes roles. Each
function
here shows what a stack would do beside deploying its reviewed template; empty where nothing.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from review.templates.stack_names import (
    ADMINISTRATION_STACK,
    APPROVALS_STACK,
    AUDIT_STACK,
    PIPELINE_STACK,
    RUNBOOKS_STACK,
    SCHEDULES_STACK,
    prefix_of,
    unprefixed,
)

_ID = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
ARTIFACTS = {
    *("aws:cloudformation:stack", "cdk:asset-manifest"),
    *("cdk:tree", "cdk:feature-flag-report"),
}
_PROPERTIES = {
    *("assumeRoleArn", "cloudFormationExecutionRoleArn", "lookupRole", "templateFile"),
    *("stackTemplateAssetObjectUrl", "requiresBootstrapStackVersion", "additionalDependencies"),
    *("bootstrapStackVersionSsmParameter", "stackName", "terminationProtection"),
    *("validateOnSynth", "tags"),
}
"""Of a stack. What else there could be would deploy it otherwise: parameters, topics."""
_BOOTSTRAP = ("deploy", "cfn-exec", "file-publishing")
_AUTHORS = ("AuthorDeploymentRole", "AuthorExecutionRole", "AuthorPublishingRole")
_OWN_ROLES = {
    ADMINISTRATION_STACK: (_BOOTSTRAP,),
    APPROVALS_STACK: (_BOOTSTRAP,),
    AUDIT_STACK: (_BOOTSTRAP,),
    SCHEDULES_STACK: (_BOOTSTRAP,),
    PIPELINE_STACK: (_BOOTSTRAP,),
    RUNBOOKS_STACK: (_BOOTSTRAP, _AUTHORS),
}
"""Which roles deploy a stack, make it and upload its template: all of ``cdk bootstrap``, of which a
company may have its own, or all of an author."""
_COMPANYS = "a company's own"
_UPLOAD = {"bucketName", "objectKey", "assumeRoleArn", "region", "digest", "artifact"}
_WAVE, _WAVES = "delegation:wave", 99
_METADATA = {
    *("aws:cdk:creationStack", "aws:cdk:logicalId", "aws:cdk:templateFile"),
    *("aws:cdk:acknowledged-rules", "aws:cdk:warning", "aws:cdk:info", "aws:cdk:path"),
    _WAVE,
}
"""What is printed and does nothing. Others upload folders."""
_STACK_TAGS = "aws:cdk:stack-tags"
"""The stack's tags again, which the CDK CLI takes where the stack's properties name none."""
_PARTITION = r"(?:aws[a-z-]*|\$\{AWS::Partition\})"
_ACCOUNT = r"(?:\d{12}|\$\{AWS::AccountId\})"
_ACCOUNT_ID = "${AWS::AccountId}"
_OWNER = r"(?P<account>\d{12}|\$\{AWS::AccountId\})"
_REGION = r"(?:[a-z0-9-]+|\$\{AWS::Region\})"
_QUALIFIER = "[A-Za-z0-9_-]{1,10}"
"""Source: CDK, bootstrap template, AllowedPattern of Qualifier."""
_DEFAULT_QUALIFIER = "hnb659fds"
_PURPOSES = "deploy|file-publishing|image-publishing|lookup|cfn-exec"
_QUALIFIED = (
    rf"cdk-(?P<qualifier>{_QUALIFIER})-(?P<purpose>{_PURPOSES})-role-(?P<of>{_ACCOUNT})-"
    rf"(?P<region>{_REGION})"
)
_ROLE = re.compile(
    rf"arn:{_PARTITION}:iam::{_OWNER}:role/"
    rf"(?:{_QUALIFIED}|(?:[^/]+/)*(?P<author>[^/]*(?:{'|'.join(_AUTHORS)})))"
)
_ANY_ROLE = re.compile(
    rf"arn:{_PARTITION}:iam::{_OWNER}:role/(?:[\w+=,.@/-]|\$\{{AWS::(?:AccountId|Region)\}})+",
    re.ASCII,
)
_BUCKET = re.compile(rf"cdk-({_QUALIFIER})-assets-{_ACCOUNT}-{_REGION}")
_VERSION = re.compile(rf"/cdk-bootstrap/{_QUALIFIER}/version")


def bucket_qualifier(bucket: str) -> str | None:
    """The qualifier in the name of a bucket of ``cdk bootstrap``; None for any other."""
    match = _BUCKET.fullmatch(bucket)
    return match[1] if match else None


def what_else_it_is(
    id_: str,
    name: str,
    place: tuple[str | None, str | None],
    artifact: Mapping[str, Any],
    upload: Mapping[str, Any],
) -> str:
    """Whether it is another stack than this project's in its account and Region (None for any), or
    made by other roles."""
    properties = artifact["properties"]
    roles = (
        properties.get("assumeRoleArn", ""),
        properties.get("cloudFormationExecutionRoleArn", ""),
        upload.get("assumeRoleArn", ""),
    )
    shown = artifact.get("displayName", id_)
    if not _ID.fullmatch(id_) or shown not in (id_, f"{id_} ({name})"):
        return f"is called {shown!r}, which the CDK CLI may take for an option or for others"
    prefix, qualifier = prefix_of(name), bucket_qualifier(upload.get("bucketName", ""))
    purposes = tuple(_purpose(role, prefix, qualifier, place) for role in roles)
    if not any(_are_for(purposes, wanted) for wanted in _OWN_ROLES.get(unprefixed(name), ())):
        return "is none of this project, or not deployed by roles of cdk bootstrap or of an author"
    if unknown := sorted(properties.keys() - _PROPERTIES):
        return f"is deployed with {', '.join(unknown)}, which no review evaluates"
    tags = properties.get("tags", {})
    if not isinstance(tags, Mapping) or not all(isinstance(tag, str) for tag in tags.values()):
        return f"has tags that are none: {tags!r}"
    return ""


def what_else_it_deploys(
    artifact: Mapping[str, Any], upload: Mapping[str, Any], region: str
) -> str:
    """Whether it is made of another template than the one that is uploaded for it."""
    properties, digest = artifact["properties"], upload["digest"]
    bucket, key = upload["bucketName"], upload["objectKey"]
    is_its_own = (
        properties["stackTemplateAssetObjectUrl"] == f"s3://{bucket}/{key}"
        and key in (f"{digest}.json", f"runbooks/{digest}.json")
        and _BUCKET.fullmatch(bucket)
        and upload.get("region", region) == region
        and not upload.keys() - _UPLOAD
        and _VERSION.fullmatch(properties.get("bootstrapStackVersionSsmParameter", ""))
        and upload["artifact"] in artifact.get("dependencies", ())
    )
    if is_its_own:
        return ""
    return "deploys another template than it uploads, or not from the bucket of cdk bootstrap"


def what_else_it_tells(
    metadata: Mapping[str, Sequence[Mapping[str, Any]]], tags: Mapping[str, str]
) -> str:
    """Whether its metadata has the CDK CLI do something beside setting the stack's ``tags``."""
    for entries in metadata.values():
        for entry in entries:
            if entry["type"] == _STACK_TAGS:
                if {tag["key"]: tag["value"] for tag in entry["data"]} != tags:
                    return "has tags in its metadata that are not those of the stack"
            elif entry["type"] not in _METADATA:
                return f"holds metadata of type {entry['type']}, which no review evaluates"
    return ""


def wave_of(*metadata: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """In which group a stack is deployed; 1 where nothing says so. ValueError for what is no
    group."""
    found = [
        entry.get("data")
        for each in metadata
        for entries in each.values()
        for entry in entries
        if entry["type"] == _WAVE
    ]
    if not found:
        return 1
    if len(found) > 1 or type(found[0]) is not int or not 1 <= found[0] <= _WAVES:
        raise ValueError(f"is in the waves {found}")
    return int(found[0])


def is_authors(role: str) -> bool:
    """Whether a role that deploys is one of an author."""
    match = _ROLE.fullmatch(role)
    return bool(match and match["author"])


def is_default(role: str) -> bool:
    """Whether a role that deploys is one of ``cdk bootstrap`` with CDK's own qualifier, or one of
    an author."""
    match = _ROLE.fullmatch(role)
    return match is not None and match["qualifier"] in (None, _DEFAULT_QUALIFIER)


def _are_for(purposes: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether roles are for these purposes, or are a company's own in place of CDK's."""
    may_be_companys = wanted == _BOOTSTRAP
    return all(
        purpose == each or (may_be_companys and purpose == _COMPANYS)
        for purpose, each in zip(purposes, wanted, strict=True)
    )


def _purpose(
    arn: str, prefix: str, qualifier: str | None, place: tuple[str | None, str | None]
) -> str:
    """What a role of ``cdk bootstrap`` is for, the name of an author's after the prefix of its
    stack, or that it is a company's own; empty for what is no role of the account, and for one that
    ``cdk bootstrap`` makes with another qualifier or for another place."""
    account, region = place
    match, any_role = _ROLE.fullmatch(arn), _ANY_ROLE.fullmatch(arn)
    if any_role is None or any_role["account"] not in (_ACCOUNT_ID, account):
        return ""
    if match is None:
        return _COMPANYS
    if match["purpose"]:
        is_here = (
            qualifier in (None, match["qualifier"])  # a bucket of another name is refused
            and match["of"] in (_ACCOUNT_ID, account)
            and match["region"] in ("${AWS::Region}", region)
        )
        return match["purpose"] if is_here else ""
    return match["author"].removeprefix(prefix) if match["author"].startswith(prefix) else ""
