"""Events of CloudTrail, as far as a trail of runs needs them.

Source: CloudTrail User Guide, Record contents and userIdentity element.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

AUTOMATION = "ssm.amazonaws.com"
_ASSUMPTIONS = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
_SESSION_OF_A_RUN = re.compile(r"(?:Automation-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
"""Automation names its sessions by an id, bare or with a word before it: both have been seen."""
_NAMED = re.compile(r"(?:id|ids|arn|arns|name|names)\d*", re.IGNORECASE)
_MOST_RESOURCES = 20
_LONGEST_NAME = 300
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of AWS, as the event history has it."""

    id: str
    time: datetime
    service: str
    """``ec2``, ``ssm``, …"""
    name: str
    who: str
    """The ARN of whoever made it; of a service, its name."""
    role: str
    """The ARN of the role whose session made it; empty for any other caller."""
    session: str
    """The name of that session."""
    source: str
    """The address or service that it came from."""
    is_automations: bool
    """Whether Automation made it."""
    resources: tuple[str, ...]
    error: str
    """AWS's name of the refusal or failure; empty where the call succeeded."""
    message: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def run(self) -> str:
        """The id by which the session is named, if it is named as Automation names them."""
        return run_of_session(self.session)

    @property
    def is_through_aws(self) -> bool:
        """Whether an AWS service made it: Automation, or one that Automation's call set to work."""
        return self.source.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def parameter(self, name: str) -> str:
        """A parameter that is a text; empty where it is none."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else ""

    @property
    def result(self) -> str:
        """``ok``, or AWS's name of what went wrong."""
        return self.error or "ok"

    @property
    def is_assumption(self) -> bool:
        """Whether it opened a session of a role."""
        return self.service == "sts" and self.name in _ASSUMPTIONS


def read_call(event: Mapping[str, Any]) -> Call:
    """The call that an entry of LookupEvents tells."""
    record = json.loads(event["CloudTrailEvent"])
    identity = record.get("userIdentity") or {}
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    arn = str(identity.get("arn") or identity.get("invokedBy") or identity.get("type") or "")
    session = arn.split("/", 2)[2] if ":assumed-role/" in arn and arn.count("/") > 1 else ""
    source = str(record.get("sourceIPAddress") or "")
    parameters, answer = record.get("requestParameters") or {}, record.get("responseElements")
    return Call(
        id=str(record.get("eventID") or event.get("EventId") or ""),
        time=_time(str(record["eventTime"])),
        service=str(record.get("eventSource", "")).split(".")[0],
        name=str(record.get("eventName", "")),
        who=arn,
        role=str(issuer.get("arn") or (_role_of_session(arn) if session else "")),
        session=session,
        source=source,
        is_automations=AUTOMATION in (source, identity.get("invokedBy")),
        resources=_resources(event, parameters),
        error=str(record.get("errorCode") or ""),
        message=str(record.get("errorMessage") or ""),
        parameters=parameters if isinstance(parameters, dict) else {},
        answer=answer if isinstance(answer, dict) else {},
    )


def run_of_session(session: str) -> str:
    """The id that a session's name holds; empty where it is none of Automation's names."""
    match = _SESSION_OF_A_RUN.fullmatch(session)
    return match[1] if match else ""


def _role_of_session(arn: str) -> str:
    """The role of ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``, without its path."""
    partition, account, rest = arn.split(":")[1], arn.split(":")[4], arn.split(":", 5)[5]
    return f"arn:{partition}:iam::{account}:role/{rest.split('/')[1]}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _resources(event: Mapping[str, Any], parameters: Any) -> tuple[str, ...]:
    """What was acted on: as CloudTrail indexes it, and by what the parameters name."""
    indexed = [str(resource.get("ResourceName")) for resource in event.get("Resources") or ()]
    named = dict.fromkeys([*indexed, *_names(parameters)])
    return tuple(named)[:_MOST_RESOURCES]


def _names(value: Any, key: str = "") -> Iterator[str]:
    """The ids, names and ARNs among a call's parameters, at any depth."""
    if isinstance(value, dict):
        for inner, element in value.items():
            yield from _names(element, inner)
    elif isinstance(value, list):
        for element in value:
            yield from _names(element, key)
    elif isinstance(value, str) and _NAMED.search(key.split(".")[0]) and _is_name(value):
        yield value


def _is_name(value: str) -> bool:
    return value != _HIDDEN and len(value) <= _LONGEST_NAME
