"""What a schedule does when it is due: its role is assumed, its target called, a failure reported.

Source: EventBridge Scheduler User Guide, Using universal targets, Configuring a dead-letter queue
(the attributes of its messages) and Cross-service confused deputy prevention. Tries follow each
other at once: their delays are left out.
"""

import json
import logging
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import eventbridge

from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.emulator.sts.service_sessions import assumed_by
from sandbox.ssm.automation.clients import client

SERVICE = "scheduler.amazonaws.com"
UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:(?P<service>[a-z0-9-]+):(?P<api>[a-zA-Z]+)")
_MOST_RETRIES = 3
"""Scheduler tries up to 185 times within a day, which here would be at once."""

_log = logging.getLogger(__name__)


def deliver(record: Mapping[str, Any], at: datetime) -> None:
    """Calls the target of a schedule for its start at a time."""
    target = record["Target"]
    match = UNIVERSAL.fullmatch(target["Arn"])
    if match is None:
        eventbridge._invoke_target(target, _event(record, at), record)
        return
    execution = uuid.uuid4().hex[:16]
    session = _assumed(record, execution)
    if session is None:
        _log.warning("%s may not assume %s", record["Arn"], target["RoleArn"])
        return
    region = record["Arn"].split(":")[3]
    policy = target.get("RetryPolicy") or {}
    retries = min(int(policy.get("MaximumRetryAttempts", _MOST_RETRIES)), _MOST_RETRIES)
    for retried in range(retries + 1):
        try:
            _call(match, json.loads(target.get("Input") or "{}"), session, region)
            return
        except (ClientError, BotoCoreError, ValueError) as error:
            if retried == retries:
                _log.warning("%s did not start its target: %s", record["Arn"], error)
                _report(record, at, execution, session, error, retries)


def _assumed(record: Mapping[str, Any], execution: str) -> Credentials | None:
    """A session of the schedule's role, if its trust lets Scheduler in for the schedule's group."""
    _, _, _, region, account, _ = record["Arn"].split(":", 5)
    group = f"arn:aws:scheduler:{region}:{account}:schedule-group/{record['GroupName']}"
    keys = {"aws:SourceArn": group, "aws:SourceAccount": account}
    role = record["Target"]["RoleArn"]
    return assumed_by(SERVICE, role, execution, region=region, account=account, keys=keys)


def _call(match: re.Match[str], given: Any, session: Credentials, region: str) -> None:
    """Calls an API with what the schedule gives; raises what botocore does."""
    api = match["api"][0].upper() + match["api"][1:]
    called = client(match["service"], session, region, user_agent=SERVICE)
    getattr(called, xform_name(api))(**given)


def _report(
    record: Mapping[str, Any],
    at: datetime,
    execution: str,
    session: Credentials,
    failure: Exception,
    retries: int,
) -> None:
    """Puts what was not started into the schedule's queue, as its role."""
    target = record["Target"]
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    _, _, _, region, account, name = queue.split(":", 5)
    attributes = {
        "ERROR_CODE": _code(failure),
        "ERROR_MESSAGE": str(failure),
        "EXECUTION_ID": execution,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULED_TIME": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "SCHEDULE_ARN": record["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    sqs = client("sqs", session, region, user_agent=SERVICE)
    try:
        sqs.send_message(
            QueueUrl=f"{sqs.meta.endpoint_url}/{account}/{name}",
            MessageBody=target.get("Input") or "{}",
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value}
                for key, value in attributes.items()
            },
        )
    except (ClientError, BotoCoreError) as error:
        _log.warning("%s could not report to %s: %s", record["Arn"], queue, error)


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return "ValidationException"


def _event(record: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    _, _, _, region, account, _ = record["Arn"].split(":", 5)
    return {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": at.timestamp(),
        "Resources": [record["Arn"]],
        "Account": account,
        "Region": region,
    }
