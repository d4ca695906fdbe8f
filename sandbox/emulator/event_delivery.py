"""EventBridge delivers to log groups, and only where the target's own policy lets it.

The emulator takes a rule's log group and delivers nothing to it, and asks neither a topic's policy
nor its key. Source: EventBridge User Guide, Using resource-based policies; SNS Developer Guide,
Key management.
"""

import json
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, eventbridge, kms, sns

SERVICE = "events.amazonaws.com"
_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")

_log = logging.getLogger(__name__)
_invoke_target = eventbridge._invoke_target


def deliver(
    target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], view: Any = None
) -> None:
    """Delivers an event to a target, if the target's own policy lets EventBridge."""
    arn = str(target.get("Arn", ""))
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    if service == "sns" and not _may_publish(arn, rule["Arn"]):
        _log.warning("%s may not publish to %s", rule["Arn"], arn)
    elif service != "logs":
        _invoke_target(target, event, rule, view)
    elif _may_write(arn, rule["Arn"]):
        _write(arn, event, view)
    else:
        _log.warning("%s may not write to %s", rule["Arn"], arn)


def _may_publish(topic: str, rule: str) -> bool:
    """Whether the topic's policy and its key let EventBridge publish for the rule."""
    if not sns.topic_policy_allows(topic, SERVICE, rule, get_account_id()):
        return False
    attributes = (sns._topics.get(topic) or {}).get("attributes", {})
    named = attributes.get("KmsMasterKeyId")
    if not named:
        return True
    key = kms._resolve_key(named)
    if not key or key["KeyState"] != "Enabled":
        return False
    return all(_allows(key.get("Policy"), action, key["Arn"], {}) for action in _KEY_ACTIONS)


def _may_write(group: str, rule: str) -> bool:
    """Whether a resource policy of CloudWatch Logs lets EventBridge write for the rule: opening a
    stream is asked for without the rule's ARN."""
    resource = f"{group.removesuffix(':*')}:log-stream:events"
    policies = [p["policyDocument"] for p in cloudwatch_logs._resource_policies.values()]
    keys = {"aws:SourceArn": rule, "aws:SourceAccount": get_account_id()}
    return any(_allows(p, "logs:CreateLogStream", resource, {}) for p in policies) and any(
        _allows(p, "logs:PutLogEvents", resource, keys) for p in policies
    )


def _allows(policy: Any, action: str, resource: str, keys: dict[str, str]) -> bool:
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={key.lower(): value for key, value in keys.items()},
    )
    decision = evaluate_resource_policy(policy, context, service=SERVICE).decision
    return bool(decision == "Allow")


def _write(arn: str, event: Any, view: Any) -> None:
    """A stream for each event, as EventBridge makes them."""
    group = arn.split(":log-group:", 1)[1].removesuffix(":*")
    stream = str(uuid.uuid4())
    body = (view or eventbridge._pattern_event_view(event)).event_with_detail()
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    written = {"timestamp": int(time.time() * 1000), "message": json.dumps(body)}
    cloudwatch_logs._put_log_events(
        {"logGroupName": group, "logStreamName": stream, "logEvents": [written]}
    )
