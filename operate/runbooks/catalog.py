"""Runbooks as Systems Manager holds them: which there are, and what one takes and does."""

import difflib
import json
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operate.command_name import command
from operate.connection import PAGE, Connection, asking, explained
from operate.errors import AwsError, OperateError, code_of, is_denied, message_of
from operate.runbooks.parameters import Parameter

_ROLE_TAG, _TEAM_TAG, _DESCRIPTION_TAG = "ServiceRole", "OperatorTeam", "Description"
_OWN_EXECUTIONS_TAG, _FLEET_TAG = "OwnExecutions", "Fleet"
_INSTANCES_TAG = "OnlyInstancesTagged"
"""The tags that RunbooksStack gives each document. A list shows tags, but no description."""
_PARAMETER = re.compile(r"\s*\{\{\s*(\w+)\s*\}\}\s*")
_CALENDAR_API = "GetCalendarState"
_INSTANCE_INPUTS = ("InstanceId", "InstanceIds")
"""Inputs of steps that take ids of instances, in Automation's actions and in EC2's calls."""
_ASKED_AT_ONCE = 8
_TRIED_VERSIONS = 10
"""Versions that are asked for one after the other, since their list is not for approvers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A runbook as a list shows it."""

    name: str
    default_version: str
    description: str
    service_role: str
    """The name of the role it runs with; empty for a runbook that no deployment made."""
    team: str
    """The team whose operators may run it; empty where the team has no name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of a runbook."""

    name: str
    action: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Who has to approve a run, and how many of them."""

    approvers: tuple[str, ...]
    at_least: str
    """A number, or the parameter that gives it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Another runbook that a step runs for many targets."""

    runbook: str
    version: str
    """The version that runs; empty for the one that is the default then."""
    targets: str
    """``tag:Tier=web``."""
    given: tuple[Mapping[str, Any], ...]
    """The targets as the document has them."""
    at_once: str
    """A number, or a percentage of the targets."""
    errors_allowed: str

    def __str__(self) -> str:
        return (
            f"{self.runbook} for each of {self.targets}, {self.at_once} at once, until more than "
            f"{self.errors_allowed} failed"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Runbook:
    """One version of a runbook."""

    name: str
    version: str
    """Its number."""
    description: str
    role: str
    """The ARN of the role that it embeds; empty where it has its caller's permissions."""
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...] = ()
    calendars: tuple[str, ...] = ()
    """Change Calendars that have to be open."""
    fleets: tuple[Rate, ...] = ()
    """What it runs for many targets."""
    children: tuple[tuple[str, str], ...] = ()
    """The runbooks that its steps run, for targets or not, each with its version; an empty one is
    the default then."""
    created: datetime | None = None
    """When the version was made."""
    tags: Mapping[str, str] | None = None
    """Those of its document; None where the caller may not list documents."""
    content: Mapping[str, Any]
    """The document."""

    @property
    def only_instances_tagged(self) -> str:
        """``Automation=allowed``, the tag that instances must have; empty without one, or where
        the tags are not known."""
        return (self.tags or {}).get(_INSTANCES_TAG, "")

    @property
    def takes_its_role(self) -> bool:
        """Whether the caller says with which role."""
        return "{{" in self.role

    def runs_as_caller(self, values: Mapping[str, Sequence[str]]) -> bool:
        """Whether an execution with these values has the permissions of its caller."""
        return runs_as_caller(self.role, {p.name: p.default for p in self.parameters}, values)


def runs_as_caller(
    role: str, defaults: Mapping[str, Any], values: Mapping[str, Sequence[str]]
) -> bool:
    """Whether an execution with these values has the permissions of its caller: its document
    embeds no role, or takes one that is neither given nor a default.

    Source: Systems Manager User Guide, Running an automation.
    """
    if "{{" not in role:
        return not role.strip()
    named = _PARAMETER.fullmatch(role)
    if named is None:
        return True  # what else a role is made of is not known
    default = defaults.get(named[1]) or ""
    return not any(str(each).strip() for each in values.get(named[1]) or [default])


def listed(connection: Connection, *, everything: bool = False) -> Iterator[Listed]:
    """The runbooks of this account and Region that a deployment made for people to start, or all of
    the account's own.

    One call for 50 runbooks: a list shows their tags, in which the deployment puts what it says.
    """
    for document, tags in _documents(connection):
        if everything or (_ROLE_TAG in tags and _FLEET_TAG not in tags):
            yield Listed(
                name=document["Name"],
                default_version=document.get("DocumentVersion", ""),
                description=_description(tags),
                service_role=tags.get(_ROLE_TAG, ""),
                team=tags.get(_TEAM_TAG, ""),
            )


def startable(connection: Connection) -> list[Listed]:
    """The runbooks of this deployment that the caller may start. Where teams share the account,
    the list shows those of all: each is asked for, since those who may start one may describe it.
    """
    found = [*listed(connection)]
    if len({runbook.team for runbook in found}) < 2:
        return found

    def is_ours(runbook: Listed) -> bool:
        try:
            connection.ssm.describe_document(Name=runbook.name)
        except AwsError as error:
            if is_denied(error):
                return False
            raise explained(error, f"could not ask AWS for {runbook.name}") from None
        return True

    with ThreadPoolExecutor(_ASKED_AT_ONCE) as asking_:
        return [each for each, ours in zip(found, asking_.map(is_ours, found), strict=True) if ours]


def execution_tags(connection: Connection, runbook: Runbook) -> list[dict[str, str]]:
    """The tags with which an execution of a runbook is started: its starter's id and team where
    operators follow their own executions alone, else none. IAM refuses a start that lacks them."""
    of_team = (runbook.tags or {}).get(_OWN_EXECUTIONS_TAG, "")
    if not of_team:
        return []
    return [
        {"Key": "StartedBy", "Value": connection.caller_id},
        {"Key": _TEAM_TAG, "Value": of_team},
    ]


def _documents(
    connection: Connection, *filters: dict[str, Any]
) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """The account's own runbooks as a list shows them, each with its tags."""
    pages = connection.ssm.get_paginator("list_documents").paginate(
        Filters=[
            {"Key": "Owner", "Values": ["Self"]},
            {"Key": "DocumentType", "Values": ["Automation"]},
            *filters,
        ],
        PaginationConfig={"PageSize": PAGE},
    )
    with asking("for the runbooks"):
        for page in pages:
            for document in page["DocumentIdentifiers"]:
                yield document, {tag["Key"]: tag["Value"] for tag in document.get("Tags", ())}


def read_runbook(connection: Connection, name: str, version: str | None = None) -> Runbook:
    """The runbook's default version, or the one of this number, ``$DEFAULT`` or ``$LATEST``.

    Raises OperateError with the nearest name where there is none of this name.
    """
    wanted = {"DocumentVersion": version} if version else {}
    try:
        answer = connection.ssm.get_document(Name=name, DocumentFormat="JSON", **wanted)
    except AwsError as error:
        raise _not_read(connection, name, version, error) from None
    if answer.get("DocumentType", "Automation") != "Automation":
        raise OperateError(f"{name!r} is a document of type {answer['DocumentType']}, no runbook")
    content = json.loads(answer["Content"])
    made = answer.get("CreatedDate")
    return _runbook(name, str(answer["DocumentVersion"]), content, _tags(connection, name), made)


def _tags(connection: Connection, name: str) -> Mapping[str, str] | None:
    """The tags of a document; None where the caller may not list documents."""
    try:
        found = _documents(connection, {"Key": "Name", "Values": [name]})
        return next((tags for document, tags in found if document["Name"] == name), {})
    except OperateError as error:
        if "AccessDenied" not in error.code:
            raise
        return None


def version_before(connection: Connection, runbook: Runbook) -> Runbook | None:
    """The newest of the versions before a runbook's that is kept, of some; None where none is."""
    latest = int(runbook.version) - 1
    for number in range(latest, max(latest - _TRIED_VERSIONS, 0), -1):
        try:
            return read_runbook(connection, runbook.name, str(number))
        except OperateError as error:
            if not error.code.startswith("InvalidDocument"):
                raise
    return None


def versions(connection: Connection, name: str) -> dict[str, str]:
    """The numbers of the default and of the latest version."""
    with asking(f"for {name}"):
        document = connection.ssm.describe_document(Name=name)["Document"]
    return {"default": document["DefaultVersion"], "latest": document["LatestVersion"]}


def _runbook(
    name: str,
    version: str,
    content: Mapping[str, Any],
    tags: Mapping[str, str] | None,
    created: datetime | None,
) -> Runbook:
    steps = [*_every_step(content.get("mainSteps", ()))]
    inputs = [(step["action"], step.get("inputs") or {}) for step in steps]
    instances = {
        match[1]
        for _, given in inputs
        for key, value in given.items()
        if key in _INSTANCE_INPUTS
        for text in (value if isinstance(value, list) else [value])
        if (match := re.fullmatch(r"\{\{\s*(\w+)\s*\}\}", str(text)))
    }
    return Runbook(
        name=name,
        version=version,
        description=content.get("description", ""),
        tags=tags,
        content=content,
        created=created,
        children=tuple(
            (str(given.get("DocumentName")), str(given.get("DocumentVersion") or ""))
            for action, given in inputs
            if action == "aws:executeAutomation"
        ),
        role=str(content.get("assumeRole") or ""),
        parameters=tuple(
            Parameter.read(key, value, names_instances=key in instances)
            for key, value in (content.get("parameters") or {}).items()
        ),
        steps=tuple(
            Step(
                name=step["name"], action=step["action"], description=step.get("description") or ""
            )
            for step in steps
        ),
        approvals=tuple(
            Approval(
                approvers=tuple(map(str, _elements(given.get("Approvers", ())))),
                at_least=str(given.get("MinRequiredApprovals", 1)),
            )
            for action, given in inputs
            if action == "aws:approve"
        ),
        calendars=tuple(
            str(calendar)
            for _, given in inputs
            if given.get("Api") == _CALENDAR_API
            for calendar in _elements(given.get("CalendarNames", ()))
        ),
        fleets=tuple(
            Rate(
                runbook=str(given.get("DocumentName")),
                version=str(given.get("DocumentVersion") or ""),
                targets=_targets(given),
                given=tuple(each for each in _listed(given) if isinstance(each, dict)),
                at_once=str(given.get("MaxConcurrency", "10")),
                errors_allowed=str(given.get("MaxErrors", "0")),
            )
            for action, given in inputs
            if action == "aws:executeAutomation" and {"Targets", "TargetMaps"} & given.keys()
        ),
    )


def _every_step(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The steps, those within loops as well."""
    for step in steps:
        yield step
        if step.get("action") == "aws:loop":
            yield from _every_step((step.get("inputs") or {}).get("Steps") or ())


def _elements(value: Any) -> Sequence[Any]:
    """A list, or what stands in place of one as its only element."""
    return value if isinstance(value, list | tuple) else [value]


def _listed(given: Mapping[str, Any]) -> list[Any]:
    targets = given.get("Targets")
    return targets if isinstance(targets, list) else []


def _targets(given: Mapping[str, Any]) -> str:
    """The targets of a step, in words."""
    return (
        " and ".join(
            f"{target.get('Key')}={' or '.join(map(str, target.get('Values', ())))}"
            for target in _listed(given)
            if isinstance(target, dict)
        )
        or "the targets that the document lists"
    )


def _not_read(
    connection: Connection, name: str, version: str | None, error: Exception
) -> OperateError:
    """Why a runbook could not be read: of a name that is not there, the nearest one.

    Someone who may read some runbooks only is denied a name that does not exist: the list shows
    which it is.
    """
    if not is_denied(error) and code_of(error) != "InvalidDocument":
        what = f"{name} {version}" if version else name
        return explained(error, f"could not read {what}")
    try:
        every = [*listed(connection, everything=True)]
    except OperateError:
        return explained(error, f"could not read {name}")
    known = [runbook.name for runbook in every if runbook.service_role]
    if any(name == runbook.name for runbook in every):
        return explained(error, f"you may not run {name}")
    nearest = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f"nearest: {nearest[0]}" if nearest else f"known: {', '.join(known[:10]) or 'none'}"
    said = f"{code_of(error)}: {message_of(error)}"
    return OperateError(
        f"no runbook {name!r} in {connection.region}; {hint}\n({said})\n"
        "cause: the name is misspelt, or it is deployed in another Region or account\n"
        f"fix: see what there is ({command('list')}), check --region and --profile"
    )


def _description(tags: Mapping[str, str]) -> str:
    """What the deployment says of a runbook, from quoted-printable, as tags take no brackets."""
    text = tags.get(_DESCRIPTION_TAG, "")
    if _ROLE_TAG not in tags:
        return text
    return quopri.decodestring(text.encode()).decode("utf-8", "replace")
