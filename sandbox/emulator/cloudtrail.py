"""CloudTrail as AWS writes it: event names, who called, what was refused.

The emulator records every request, under names like ``POST.ec2`` and by access key id. Here each
management call becomes one event with the caller's identity (root, user, assumed role with its
session, or a service), the error of a refused call, and its parameters without secrets.
Source of the shapes: CloudTrail User Guide, Record contents and userIdentity element.
"""

import json
import math
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ministack.core.iam_evaluator import CredentialResolutionError, resolve_credential
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudtrail, iam, sts

from sandbox.emulator.call import Call, Response
from sandbox.ssm.api.pages import InvalidToken, page
from sandbox.ssm.automation.clients import made_by_automation

_READS = ("Describe", "Get", "List", "Lookup", "Head", "Search", "Check", "Simulate")
_DATA_SERVICES = ("s3", "dynamodb", "logs")
"""Services whose data calls are no management events; a trail records them only when configured
to."""
_EC2_INSTANCE = "AWS::EC2::Instance"
_SSM_DOCUMENT = "AWS::SSM::Document"
_SECRET = re.compile(
    "password|secretstring|secretbinary|secretaccesskey|plaintext|parametervalue|identitytoken",
    re.IGNORECASE,
)
_SECRET_FIELDS = {
    "PutParameter": ("value",),
    "CreateFunction": ("environment",),
    "UpdateFunctionConfiguration": ("environment",),
    "CreateFunction20150331": ("environment",),
    "UpdateFunctionConfiguration20150331v2": ("environment",),
}
"""Members that an operation's event never shows."""
_STARTS = ("StartAutomationExecution", "StartChangeRequestExecution")
"""Calls whose parameters are shown by name alone.
Source: a record of 2026-04 in CrowdStrike/aws-ssm-distributor, issue 135."""
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_LOOKUP_PAGE = 50
"""Events a page, the default and the most. Source: CloudTrail API Reference, LookupEvents."""

Identity = dict[str, Any]


def record_nothing(*arguments: Any) -> None:
    """In place of the emulator's own recording."""


def record(call: Call, response: Response) -> None:
    """Records a call and what became of it."""
    if not call.operation or call.service in _DATA_SERVICES or call.path.startswith("/_"):
        return
    identity, user_name = caller_identity(call.access_key, call.account)
    by_automation = made_by_automation(call.access_key)
    if by_automation:
        identity["invokedBy"] = "ssm.amazonaws.com"
    details = {
        "userIdentity": identity,
        "sourceIPAddress": "ssm.amazonaws.com" if by_automation else "127.0.0.1",
        "userAgent": "ssm.amazonaws.com" if by_automation else call.headers.get("user-agent", ""),
        "requestParameters": _request_parameters(call),
        "responseElements": _response_elements(call, response),
        "requestID": call.request_id,
        **_error(call, response),
    }
    _append(
        source=f"{call.service}.amazonaws.com",
        name=call.operation,
        region=call.region,
        account=call.account,
        access_key=call.access_key,
        user_name=user_name,
        resources=_resources(call),
        details=details,
    )


def record_service_assumption(
    role: str,
    session: str,
    access_key: str,
    region: str,
    account: str,
    *,
    service: str,
) -> None:
    """Records that a service assumed a role, and which key it got."""
    _append(
        source="sts.amazonaws.com",
        name="AssumeRole",
        region=region,
        account=account,
        access_key="",
        user_name="",
        resources=[{"ResourceType": "AWS::IAM::Role", "ResourceName": role}],
        details={
            "userIdentity": {"type": "AWSService", "invokedBy": service},
            "sourceIPAddress": service,
            "userAgent": service,
            "requestParameters": {"roleArn": role, "roleSessionName": session},
            "responseElements": {"credentials": {"accessKeyId": access_key}},
            "requestID": str(uuid.uuid4()),
        },
    )


def record_for_caller(access_key: str, service: str, action: str, resource: str) -> None:
    """Records a call, ``ec2:StopInstances``, that a service made for the caller of this key.

    The service signs with a key of its own. Source: IAM User Guide, Forward access sessions.
    """
    identity, user_name = caller_identity(access_key, get_account_id())
    called, name = action.split(":")
    _append(
        source=f"{called}.amazonaws.com",
        name=name,
        region=get_region(),
        account=get_account_id(),
        access_key="",
        user_name=user_name,
        resources=[],
        details={
            "userIdentity": {**identity, "accessKeyId": "", "invokedBy": service},
            "sourceIPAddress": service,
            "userAgent": service,
            "requestParameters": {"name": resource},
            "responseElements": None,
            "requestID": str(uuid.uuid4()),
        },
    )


def caller_identity(access_key: str, account: str) -> tuple[Identity, str]:
    """The ``userIdentity`` of an access key, and the user name that LookupEvents shows for it."""
    credential = resolve_credential(access_key, account)
    if isinstance(credential, CredentialResolutionError):
        return {"type": "Unknown", "accessKeyId": access_key, "accountId": account}, ""
    identity: Identity = {
        "type": credential.principal_type,
        "principalId": credential.principal_id,
        "arn": credential.principal_arn,
        "accountId": credential.account_id,
        "accessKeyId": access_key,
    }
    if credential.principal_type == "User":
        identity |= {"type": "IAMUser", "userName": credential.principal_name}
        return identity, credential.principal_name
    if credential.principal_type == "AssumedRole":
        _, role_name, session_name = credential.principal_arn.split(":")[5].split("/", 2)
        identity["sessionContext"] = _session_context(access_key, role_name)
        return identity, session_name
    return identity, "root"


def _session_context(access_key: str, role_name: str) -> dict[str, Any]:
    role = iam._roles.get(role_name) or {}
    issued = (sts._sessions.get(access_key) or {}).get("IssuedAt", time.time())
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role.get("RoleId", ""),
            "arn": role.get("Arn", ""),
            "accountId": role.get("Arn", ":::::").split(":")[4],
            "userName": role_name,
        },
        "attributes": {"creationDate": _time(issued), "mfaAuthenticated": "false"},
    }


def _append(
    *,
    source: str,
    name: str,
    region: str,
    account: str,
    access_key: str,
    user_name: str,
    resources: list[dict[str, str]],
    details: Mapping[str, Any],
) -> None:
    now, event_id, read_only = time.time(), str(uuid.uuid4()), name.startswith(_READS)
    event = {
        "eventVersion": "1.11",
        **details,
        "eventTime": _time(now),
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "readOnly": read_only,
        "eventID": event_id,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    cloudtrail._get_event_queue().append(
        {
            "EventId": event_id,
            "EventName": name,
            "EventSource": source,
            "EventTime": now,
            "Username": user_name,
            "AccessKeyId": access_key,
            "ReadOnly": str(read_only).lower(),
            "Resources": resources,
            "CloudTrailEvent": json.dumps(event),
        }
    )


def _request_parameters(call: Call) -> dict[str, Any] | None:
    """The parameters as CloudTrail spells them, names in lower camel case, without secrets."""
    if call.operation.startswith(_READS) and not call.parameters and not call.form:
        return None
    if call.parameters:
        parameters: dict[str, Any] = {_camel(k): v for k, v in call.parameters.items()}
    else:
        parameters = {
            _camel(name): values[0]
            for name, values in call.form.items()
            if name not in ("Action", "Version") and not name.startswith("InstanceId.")
        }
        if instances := call.members("InstanceId"):
            items = [{"instanceId": instance} for instance in instances]
            parameters["instancesSet"] = {"items": items}
    hidden: dict[str, Any] = _hidden(parameters, _SECRET_FIELDS.get(call.operation, ()))
    if call.operation in _STARTS and isinstance(hidden.get("parameters"), dict):
        hidden["parameters"] = {name: [_HIDDEN] for name in hidden["parameters"]}
    return hidden


def _hidden(value: Any, fields: tuple[str, ...]) -> Any:
    """The parameters with every secret member hidden, at any depth."""
    if isinstance(value, dict):
        return {
            key: _HIDDEN if _SECRET.search(key) or key in fields else _hidden(element, fields)
            for key, element in value.items()
        }
    return [_hidden(element, fields) for element in value] if isinstance(value, list) else value


def _response_elements(call: Call, response: Response) -> Any:
    """What a change of SSM answered, and which key a session of a role got; nothing for reads,
    failures and other services."""
    status, _, body = response
    if status >= 400 or call.operation.startswith(_READS):
        return None
    if call.service == "sts":
        key = _between("AccessKeyId", body.decode("utf-8", "replace"))
        return {"credentials": {"accessKeyId": key}} if key else None
    if call.service != "ssm":
        return None
    try:
        return {_camel(name): value for name, value in json.loads(body or b"{}").items()} or None
    except (ValueError, AttributeError):
        return None


def _error(call: Call, response: Response) -> dict[str, str]:
    """``errorCode`` and ``errorMessage`` of a refused or failed call."""
    status, _, body = response
    if status < 400:
        return {}
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        parsed = json.loads(text)
        code = str(parsed.get("__type", "")).rsplit("#", 1)[-1]
        message = str(parsed.get("message") or parsed.get("Message") or "")
    except (ValueError, AttributeError):
        code, message = _between("Code", text), _between("Message", text)
    if call.service == "ec2":
        code = f"Client.{code}"
    return {"errorCode": code, "errorMessage": message}


def _between(tag: str, text: str) -> str:
    match = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return match[1] if match else ""


def _resources(call: Call) -> list[dict[str, str]]:
    if call.service == "ec2":
        return [
            {"ResourceType": _EC2_INSTANCE, "ResourceName": instance}
            for instance in call.members("InstanceId")
        ]
    name = call.parameters.get("DocumentName") or (
        call.parameters.get("Name") if "Document" in call.operation else None
    )
    if call.service == "ssm" and isinstance(name, str):
        return [{"ResourceType": _SSM_DOCUMENT, "ResourceName": name}]
    return []


def lookup_events(body: Mapping[str, Any]) -> Response:
    """LookupEvents with attributes, times and pages, the newest event first."""
    attributes = {
        attribute.get("AttributeKey"): attribute.get("AttributeValue")
        for attribute in body.get("LookupAttributes") or ()
    }
    begin = float(body.get("StartTime") or 0)
    end = float(body.get("EndTime") or math.inf)
    matching = [
        event
        for event in reversed(list(cloudtrail._get_event_queue()))
        if begin <= event["EventTime"] <= end
    ]
    for key, value in attributes.items():
        matching = [event for event in matching if _has(event, key, value)]
    size = body.get("MaxResults") or _LOOKUP_PAGE
    try:
        events, token = page(matching, size, body.get("NextToken"))
    except InvalidToken:
        error: Response = cloudtrail._err("InvalidNextTokenException", "Invalid token.")
        return error
    answer: Response = cloudtrail._ok({"Events": events, **({"NextToken": token} if token else {})})
    return answer


def _has(event: Mapping[str, Any], key: str | None, value: str | None) -> bool:
    if key in ("ResourceName", "ResourceType"):
        return any(resource.get(key) == value for resource in event["Resources"])
    return str(event.get(str(key))) == value


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _time(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
