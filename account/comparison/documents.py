"""The documents: what runs by default, which older versions still run, who else has them.

CloudFormation detects no drift of ``AWS::SSM::Document``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm, guarded
from review.diff.runbooks import is_as_tight, more_done
from review.model.runbook_documents import content_of, limits_of
from review.templates.resource_types import DOCUMENT
from review.templates.resources import Resource

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_DEPLOY = "deploy RunbooksStack again after a change, or set the default version by hand"


def check_documents(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each document that is not as synthesized, or that others have."""
    for document in expected.of_type(DOCUMENT):
        what = f"document {document.name} in {document.region}"
        yield from guarded(what, _check(aws, document))


def _check(aws: Aws, document: Resource) -> Iterator[Finding]:
    name, region, wanted = document.name, document.region, content_of(document)
    where = f"document {name} in {region}"
    answer = aws.read("ssm", "describe_document", region=region, Name=name)
    if answer is None:
        yield Finding(
            Harm.FUNCTION, f"{where} does not exist", "it was deleted, or never deployed", _DEPLOY
        )
        return
    found = answer["Document"]
    default = found["DefaultVersion"]
    if found.get("Status") != "Active":
        yield Finding(
            Harm.FUNCTION,
            f"{where} is {found.get('Status')}: {found.get('StatusInformation', '')}",
            "Systems Manager did not take its last change",
            _DEPLOY,
        )
    if not same(_content(aws, region, name, default), wanted):
        yield Finding(
            Harm.ACCESS,
            f"{where} runs version {default}, whose content is not the one that was synthesized",
            "somebody made another version the default, by hand or by another deployment",
            f"aws ssm update-document-default-version --name {name} --document-version N, with the "
            "version that was reviewed; find out who changed it: python -m operate audit",
        )
    listed = aws.listed(
        "ssm", "list_document_versions", "DocumentVersions", region=region, Name=name
    )
    versions = [str(each["DocumentVersion"]) for each in listed]
    for version in versions:
        what = f"version {version} of {where}"
        yield from guarded(what, _of_version(aws, document, default, version, wanted))
    yield from guarded(f"sharing of {where}", _shared(aws, region, name, where))
    yield from guarded(f"rules for {where}", _started_by_rules(aws, document, versions))


def _of_version(
    aws: Aws, document: Resource, default: str, version: str, wanted: Mapping[str, Any]
) -> Iterator[Finding]:
    """A finding for a version that differs from the default: an operator may start any of them."""
    name, region = document.name, document.region
    content = wanted if version == default else _content(aws, region, name, version)
    if not same(content, wanted):
        where = f"version {version} of document {name} in {region}"
        fix = f"aws ssm delete-document --name {name} --document-version {version}"
        is_newer = int(version) > int(default)
        yield _compared(aws, where, fix, content, wanted, is_newer=is_newer)


def _compared(
    aws: Aws,
    where: str,
    fix: str,
    content: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    is_newer: bool,
) -> Finding:
    """What another version is to the default: with fewer limits, as another role, or otherwise."""
    role = str(content.get("assumeRole") or "")
    limits = {limit.what: limit for limit in limits_of(content)}
    lost = sorted(
        limit.what
        for limit in limits_of(wanted)
        if limit.what not in limits or not is_as_tight(limit, limits[limit.what])
    )
    if role != wanted.get("assumeRole") and not _exists(aws, role):
        return Finding(
            Harm.NOTE,
            f"{where} names {role}, which does not exist: it cannot run",
            "it was made by an earlier deployment",
            fix,
        )
    without = f", without the limits of the default: {', '.join(lost)}" if lost else ""
    if role != wanted.get("assumeRole"):
        what = f"{where} runs as {role or 'its starter'}, the default as {wanted.get('assumeRole')}"
        cause = "it was made by an earlier deployment, or by hand; operators may start any version"
        return Finding(Harm.ACCESS, f"{what}{without}", cause, fix)
    if lost:
        return Finding(
            Harm.ACCESS,
            f"{where} still runs{without}",
            "the limits were tightened since, or somebody made it by hand; operators may start any "
            "version",
            f"{fix}, or give the service role a new name (deployments.py)",
        )
    if is_newer:
        return Finding(
            Harm.ACCESS,
            f"{where} is newer than the default, and not what was synthesized",
            "somebody made it by hand; operators may start any version",
            fix,
        )
    if more := more_done(wanted, content):
        return Finding(
            Harm.ACCESS,
            f"{where} still runs, and does what the default does not: {', '.join(more)}",
            "its steps were changed since, or somebody made it by hand; operators may start any "
            "version",
            fix,
        )
    return Finding(
        Harm.NOTE,
        f"{where} still runs, with other steps, within the role and limits of the default",
        "it was the default before; operators may start any version",
        fix,
    )


def _exists(aws: Aws, role: str) -> bool:
    """Whether a role exists; none, which runs as its starter, is taken to, and one that a parameter
    names."""
    if not role.startswith("arn:") or "{{" in role:
        return True
    if not _ROLE.fullmatch(role):
        return False
    return aws.read("iam", "get_role", RoleName=role.rsplit("/", 1)[-1]) is not None


def same(one: Any, other: Any) -> bool:
    """Whether two documents are the same; CloudFormation may write a number as a text."""
    return bool(_texts(one) == _texts(other))


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shared(aws: Aws, region: str, name: str, where: str) -> Iterator[Finding]:
    answer = aws.read(
        "ssm", "describe_document_permission", region=region, Name=name, PermissionType="Share"
    )
    if accounts := (answer or {}).get("AccountIds", []):
        whom = "everybody" if "all" in accounts else f"accounts {', '.join(sorted(accounts))}"
        yield Finding(
            Harm.ACCESS,
            f"{where} is shared with {whom}",
            "somebody shared it by hand; no deployment does",
            f"aws ssm modify-document-permission --name {name} --permission-type Share "
            f"--account-ids-to-remove {' '.join(sorted(accounts))} --region {region}",
        )


def _started_by_rules(aws: Aws, document: Resource, versions: list[str]) -> Iterator[Finding]:
    """Rules of EventBridge that start a document, in any form in which a target names it."""
    arn = document.arn.replace(":document/", ":automation-definition/")
    for form in ("", ":$DEFAULT", ":$LATEST", *(f":{version}" for version in versions)):
        for rule in aws.listed(
            *("events", "list_rule_names_by_target", "RuleNames"),
            region=document.region,
            TargetArn=f"{arn}{form}",
        ):
            yield Finding(
                Harm.ACCESS,
                f"rule {rule} in {document.region} starts document {document.name}",
                "somebody made it by hand; no deployment does",
                f"aws events remove-targets --rule {rule} --region {document.region} --ids …",
            )


def _content(aws: Aws, region: str, name: str, version: str) -> dict[str, Any]:
    """The content of a version; empty where it is none of JSON."""
    answer = aws.read(
        *("ssm", "get_document"),
        region=region,
        Name=name,
        DocumentVersion=version,
        DocumentFormat="JSON",
    )
    try:
        content = json.loads((answer or {}).get("Content", "{}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) and _is_document(content) else {}


def _is_document(content: Mapping[str, Any]) -> bool:
    """Whether a content has the shape of one that Systems Manager takes."""
    steps, parameters = content.get("mainSteps"), content.get("parameters", {})
    return (
        isinstance(steps, list)
        and all(isinstance(step, dict) for step in steps)
        and isinstance(parameters, dict)
        and all(isinstance(each, dict) for each in parameters.values())
    )
