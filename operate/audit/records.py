"""Events of CloudTrail, as far as an audit of executions needs them.

Source: CloudTrail User Guide, Record contents and userIdentity element.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

AUTOMATION = "ssm.amazonaws.com"
"""The service principal of Systems Manager, also in China and GovCloud."""
UNREADABLE = "unreadable"
"""The identity type of an event that cannot be read."""
_ASSUMPTIONS = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
_EXECUTION_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_EXECUTION_SESSION = re.compile(f"(?:Automation-)?({_EXECUTION_ID})", re.ASCII)
"""Automation names its sessions by an id, bare or with a word before it: both have been seen."""
_IDS = re.compile(r"(?:^|[a-z0-9_.])(?:Id|Arn)s?$|^(?:id|arn)s?$")
_NAMES = re.compile(r"(?:^|[a-z0-9_.])(?:Name)s?$|^names?$")
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of an AWS API, as the event history has it."""

    id: str
    time: datetime
    """To the second, as CloudTrail records it."""
    region: str
    service: str
    """``ec2``, ``ssm``, …"""
    name: str
    identity_type: str
    """``IAMUser``, ``AssumedRole``, ``AWSService``, …"""
    caller: str
    """The caller's ARN; of a service, its principal."""
    role: str
    """The ARN of the role whose session made the call, without a path; empty for other callers."""
    session: str
    """The name of that session."""
    session_created: datetime | None
    """When that session was opened."""
    access_key: str
    """The id of the access key that signed the call; often empty where a service made it."""
    source: str
    """The IP address or the service that the call came from."""
    invoked_by: str
    """The service that made the call for the caller; empty where the caller made it."""
    resources: tuple[str, ...]
    """What the call acted on: ids and ARNs first, then names."""
    error: str
    """AWS's name of the refusal or failure; empty where the call succeeded."""
    message: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def execution(self) -> str:
        """The execution id that the session's name holds; empty where it holds none."""
        return execution_of(self.session)

    @property
    def is_through_aws(self) -> bool:
        """Whether an AWS service made it: Automation, or one that Automation's call set to work."""
        is_service = self.source.endswith((".amazonaws.com", ".amazonaws.com.cn"))
        return is_service or bool(self.invoked_by)

    @property
    def is_for_caller(self) -> bool:
        """Whether an AWS service made it with the permissions of a caller."""
        return bool(self.invoked_by) and self.identity_type != "AWSService"

    @property
    def result(self) -> str:
        """``ok``, or AWS's name of what went wrong."""
        return self.error or "ok"

    @property
    def is_assumption(self) -> bool:
        """Whether it opened a session of a role."""
        return self.service == "sts" and self.name in _ASSUMPTIONS

    @property
    def is_by_automation_itself(self) -> bool:
        """Whether Systems Manager made it as a service, for nobody: no customer can make such a
        call, while the address and ``invokedBy`` of a step's call look the same."""
        return self.identity_type == "AWSService" and self.invoked_by == AUTOMATION

    @property
    def opened_role(self) -> str:
        """The role of which it opened a session, without a path."""
        return without_path(self.parameter("roleArn"))

    @property
    def opened_session(self) -> str:
        """The name of the session that it opened."""
        return self.parameter("roleSessionName")

    @property
    def opened_key(self) -> str:
        """The access key id of the session that it opened; empty where the event has none."""
        credentials = self.answer.get("credentials")
        key = credentials.get("accessKeyId") if isinstance(credentials, dict) else None
        return key if isinstance(key, str) else ""

    def parameter(self, name: str) -> str:
        """A parameter that is a string; empty where it is none."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else ""


def read_call(event: Mapping[str, Any]) -> Call:
    """The call of an entry of LookupEvents; of one that cannot be read, what its entry says."""
    try:
        record = json.loads(event["CloudTrailEvent"])
        return _read(record, event)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _unreadable(event)


def _read(record: Mapping[str, Any], event: Mapping[str, Any]) -> Call:
    identity = record.get("userIdentity") or {}
    context = identity.get("sessionContext") or {}
    issuer = context.get("sessionIssuer") or {}
    arn, principal = str(identity.get("arn") or ""), str(identity.get("principalId") or "")
    role, session = "", ""
    if ":assumed-role/" in arn and arn.count("/") > 1:
        role, session = _role_of_session(arn), arn.split("/", 2)[2]
    elif issuer.get("type") == "Role":
        session = principal.partition(":")[2]
    if issuer.get("type") == "Role" and issuer.get("arn"):
        role = without_path(str(issuer["arn"]))
    created = (context.get("attributes") or {}).get("creationDate")
    parameters, answer = record.get("requestParameters") or {}, record.get("responseElements")
    return Call(
        id=str(record.get("eventID") or event.get("EventId") or ""),
        time=_time(str(record["eventTime"])),
        region=str(record.get("awsRegion") or ""),
        service=str(record.get("eventSource", "")).split(".")[0],
        name=str(record.get("eventName", "")),
        identity_type=str(identity.get("type") or ""),
        caller=arn or _caller_without_arn(identity),
        role=role,
        session=session,
        session_created=_time(str(created)) if created else None,
        access_key=str(identity.get("accessKeyId") or ""),
        source=str(record.get("sourceIPAddress") or ""),
        invoked_by=str(identity.get("invokedBy") or ""),
        resources=_resources(event, parameters),
        error=str(record.get("errorCode") or ""),
        message=str(record.get("errorMessage") or ""),
        parameters=parameters if isinstance(parameters, dict) else {},
        answer=answer if isinstance(answer, dict) else {},
    )


def _caller_without_arn(identity: Mapping[str, Any]) -> str:
    """A service by its name; an account or a federated user by all that the event says of it."""
    type_ = str(identity.get("type") or "unknown")
    if type_ == "AWSService":
        return str(identity.get("invokedBy") or type_)
    names = (identity.get(key) for key in ("userName", "principalId", "accountId"))
    return " ".join([type_, *(str(name) for name in names if name)])


def _unreadable(event: Mapping[str, Any]) -> Call:
    return Call(
        id=str(event.get("EventId") or ""),
        time=event["EventTime"].astimezone(UTC),
        region="",
        service=str(event.get("EventSource", "")).split(".")[0],
        name=str(event.get("EventName") or ""),
        identity_type=UNREADABLE,
        caller=str(event.get("Username") or "unknown"),
        role="",
        session="",
        session_created=None,
        access_key=str(event.get("AccessKeyId") or ""),
        source="",
        invoked_by="",
        resources=(),
        error="",
        message="",
        parameters={},
        answer={},
    )


def execution_of(session: str) -> str:
    """The execution id in a session's name; empty where it is none of Automation's names."""
    match = _EXECUTION_SESSION.fullmatch(session)
    return match[1] if match else ""


def is_execution_id(text: str) -> bool:
    """Whether a string has the form of an execution's id."""
    return re.fullmatch(_EXECUTION_ID, text, re.ASCII) is not None


def without_path(role: str) -> str:
    """A role's ARN without the path: its name alone is unique in an account, and a session's ARN
    has no path. Source: IAM User Guide, IAM identifiers."""
    head, mark, tail = role.partition(":role/")
    return f"{head}{mark}{tail.rsplit('/', 1)[-1]}"


def _role_of_session(arn: str) -> str:
    """The role of ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``."""
    partition, account, rest = arn.split(":")[1], arn.split(":")[4], arn.split(":", 5)[5]
    return f"arn:{partition}:iam::{account}:role/{rest.split('/')[1]}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _resources(event: Mapping[str, Any], parameters: Any) -> tuple[str, ...]:
    """What was acted on: as CloudTrail indexes it, and by what the parameters name."""
    indexed = [str(resource.get("ResourceName")) for resource in event.get("Resources") or ()]
    return tuple(
        dict.fromkeys([*_values(parameters, _IDS), *indexed, *_values(parameters, _NAMES)])
    )


def _values(parameters: Any, keys: re.Pattern[str]) -> Iterator[str]:
    """The strings under such keys among a call's parameters, at any depth, in their order."""
    waiting: list[tuple[str, Any]] = [("", parameters)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed(value.items())
        elif isinstance(value, list):
            waiting += ((key, element) for element in reversed(value))
        elif isinstance(value, str) and keys.search(key.rstrip("0123456789.")) and value != _HIDDEN:
            yield value
