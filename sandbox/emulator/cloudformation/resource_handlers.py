"""What CloudFormation calls for a resource, on what, and with which condition keys.

The calls are those of AWS's own handlers, as far as the resource has the property that a call is
about; a type whose handlers are not in ``aws_facts`` is ``SERVICE:CreateTYPE`` (``UpdateTYPE``,
``DeleteTYPE``) on anything, which shows an administrator from a narrow role.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id

from aws_facts.resource_handlers import OF_VENDED_LOGS, WITHOUT_A_RESOURCE, handlers
from sandbox.emulator.iam.authorization import Check, arn
from sandbox.emulator.iam.paths import arn_of

Properties = Mapping[str, Any]

_NEEDS = {
    **dict.fromkeys(
        (f"iam:{verb}LoginProfile" for verb in ("Create", "Update", "Delete", "Get")),
        "LoginProfile",
    ),
    **dict.fromkeys(("iam:AddUserToGroup", "iam:RemoveUserFromGroup"), "Groups"),
    **{
        f"iam:{verb}{kind}Policy": "Policies"
        for verb in ("Put", "Delete", "Get")
        for kind in ("User", "Group", "Role")
    },
    **{
        f"iam:{verb}{kind}PermissionsBoundary": "PermissionsBoundary"
        for verb in ("Put", "Delete")
        for kind in ("User", "Role")
    },
    **dict.fromkeys(
        (
            *("iam:TagUser", "iam:UntagUser", "iam:TagRole", "iam:UntagRole"),
            *("iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider"),
            *("secretsmanager:TagResource", "secretsmanager:UntagResource"),
            *("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"),
            *("logs:TagResource", "logs:UntagResource", "kms:TagResource", "kms:UntagResource"),
            *("sns:TagResource", "sns:UntagResource", "events:TagResource", "events:UntagResource"),
            *("scheduler:TagResource", "scheduler:UntagResource", "sqs:TagQueue", "sqs:UntagQueue"),
            *("cloudwatch:TagResource", "cloudwatch:UntagResource"),
        ),
        "Tags",
    ),
    **dict.fromkeys(
        (
            "secretsmanager:ReplicateSecretToRegions",
            "secretsmanager:RemoveRegionsFromReplication",
        ),
        "ReplicaRegions",
    ),
    **dict.fromkeys(("s3:GetObject",), "Attachments"),
    **dict.fromkeys(("logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy"), "RetentionInDays"),
    **dict.fromkeys(("logs:AssociateKmsKey", "logs:DisassociateKmsKey"), "KmsKeyId"),
    **dict.fromkeys(
        (
            *("logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy"),
            "sns:PutDataProtectionPolicy",
        ),
        "DataProtectionPolicy",
    ),
    **dict.fromkeys(("kms:DisableKey", "kms:EnableKey"), "Enabled"),
    **dict.fromkeys(("kms:EnableKeyRotation", "kms:DisableKeyRotation"), "EnableKeyRotation"),
    **dict.fromkeys(("sns:Subscribe", "sns:Unsubscribe"), "Subscription"),
    "iam:GetRole": "DeliveryStatusLogging",
}
"""The property without which a handler does not make a call. ``iam:GetRole`` is of topics."""
_KINDS = {"AWS::IAM::OIDCProvider": "OpenIDConnectProvider"}
"""What IAM calls a type, where CloudFormation calls it otherwise."""
_NAMES = {
    "AWS::IAM::User": ("user", "UserName"),
    "AWS::IAM::Group": ("group", "GroupName"),
    "AWS::IAM::Role": ("role", "RoleName"),
    "AWS::IAM::ManagedPolicy": ("policy", "ManagedPolicyName"),
}
_DOCUMENT = "AWS::SSM::Document"
_POLICIES = {"AWS::SNS::TopicPolicy": "Topics", "AWS::SQS::QueuePolicy": "Queues"}
"""By type of a policy: what it is of, topics by ARN and queues by URL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A resource that CloudFormation makes, changes or deletes."""

    verb: str
    """``Create``, ``Update`` or ``Delete``."""
    type: str
    properties: Properties
    """Its properties now; those that it had for one that is deleted."""
    old: Properties
    """Its properties before."""
    generated: str
    """The name that CloudFormation makes for one without."""


def checks(change: Change) -> Iterator[Check]:
    """The calls of a handler, each on the resource that it is about."""
    known = handlers(change.type)
    if not known:
        service, kind = change.type.split("::")[1].lower(), change.type.split("::")[2]
        kind = _KINDS.get(change.type, kind)
        yield Check(action=f"{service}:{change.verb}{kind}", resource="*")
        return
    reads = () if change.verb == "Delete" else known["read"]
    actions = dict.fromkeys((*known[change.verb.lower()], *reads))
    for action in sorted(actions, key=lambda each: f":{change.verb}" not in each):
        if _is_called(action, change):
            yield from _on(action, change)


def _is_called(action: str, change: Change) -> bool:
    if action in OF_VENDED_LOGS and change.type == "AWS::Logs::LogGroup":
        return False
    if action == "iam:GetRole" and change.type == "AWS::IAM::Role":
        return True
    if ":Delete" in action and action.endswith("PermissionsBoundary"):
        return "PermissionsBoundary" in change.old and not change.properties.get(
            "PermissionsBoundary"
        )
    property_ = _NEEDS.get(action)
    return not property_ or bool({**change.old, **change.properties}.get(property_))


def _on(action: str, change: Change) -> Iterator[Check]:
    properties = {**change.old, **change.properties}
    call = action.split(":")[1]
    if action == "iam:PassRole":
        yield from _passed(change)
    elif action in WITHOUT_A_RESOURCE:
        yield Check(action=action, resource="*")
    elif call in ("AddUserToGroup", "RemoveUserFromGroup"):
        for group in properties["Groups"]:
            yield Check(action=action, resource=arn_of("group", group))
    elif call.startswith(("Attach", "Detach")):
        yield from _attached(action, change, properties)
    elif change.type in _POLICIES:
        for holder in properties[_POLICIES[change.type]]:
            is_arn = holder.startswith("arn:")
            named = holder if is_arn else arn("sqs", holder.rsplit("/", 1)[-1])
            yield Check(action=action, resource=named)
    elif change.type == "AWS::Scheduler::ScheduleGroup" and call == "DeleteSchedule":
        yield Check(action=action, resource=arn("scheduler", f"schedule/{properties['Name']}/*"))
    else:
        boundary = properties.get("PermissionsBoundary")
        takes_one = call in ("CreateRole", "CreateUser") or call.startswith("Put")
        context = {"iam:PermissionsBoundary": boundary} if boundary and takes_one else {}
        yield Check(action=action, resource=_own(change), context=context)


def _attached(action: str, change: Change, properties: Properties) -> Iterator[Check]:
    """A policy and its holder: one is the resource, the other one of its properties."""
    kind = action.split(":")[1].removesuffix("Policy")[6:].lower()
    if change.type == "AWS::IAM::ManagedPolicy":
        for name in properties.get(f"{kind.capitalize()}s") or ():
            context = {"iam:PolicyARN": _own(change)}
            yield Check(action=action, resource=arn_of(kind, name), context=context)
        return
    for policy in properties.get("ManagedPolicyArns") or ():
        context = {"iam:PolicyARN": policy}
        yield Check(action=action, resource=_own(change), context=context)


def _passed(change: Change) -> Iterator[Check]:
    """The roles that a resource hands to a service."""
    if change.verb == "Delete":
        return
    if change.type == _DOCUMENT:
        content = change.properties.get("Content", {})
        if isinstance(content, str):
            content = json.loads(content) if content.lstrip().startswith("{") else {}
        roles = {"ssm.amazonaws.com": [content.get("assumeRole", "")]}
    elif change.type == "AWS::Scheduler::Schedule":
        roles = {"scheduler.amazonaws.com": [change.properties["Target"]["RoleArn"]]}
    else:
        targets = change.properties.get("Targets") or ()
        roles = {"events.amazonaws.com": [target.get("RoleArn", "") for target in targets]}
    for service, arns in roles.items():
        for role in arns:
            if role.startswith("arn:"):
                context = {"iam:PassedToService": service}
                yield Check(action="iam:PassRole", resource=role, context=context)


def _own(change: Change) -> str:
    """The ARN of the resource itself."""
    properties = {**change.old, **change.properties}
    if change.type in _NAMES:
        kind, name = _NAMES[change.type]
        path = properties.get("Path") or "/"
        return (
            f"arn:aws:iam::{get_account_id()}:{kind}{path}{properties.get(name, change.generated)}"
        )
    if change.type == "AWS::IAM::OIDCProvider":
        return arn_of("oidc-provider", properties["Url"].removeprefix("https://"))
    service, form, name = {
        _DOCUMENT: ("ssm", "document/{}", "Name"),
        "AWS::SecretsManager::Secret": ("secretsmanager", "secret:{}-AbCdEf", "Name"),
        "AWS::Logs::LogGroup": ("logs", "log-group:{}", "LogGroupName"),
        "AWS::KMS::Key": ("kms", "key/{}", ""),
        "AWS::SNS::Topic": ("sns", "{}", "TopicName"),
        "AWS::Events::Rule": ("events", "rule/{}", "Name"),
        "AWS::Scheduler::Schedule": (
            "scheduler",
            f"schedule/{properties.get('GroupName', 'default')}/{{}}",
            "Name",
        ),
        "AWS::Scheduler::ScheduleGroup": ("scheduler", "schedule-group/{}", "Name"),
        "AWS::SQS::Queue": ("sqs", "{}", "QueueName"),
        "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:{}", "AlarmName"),
    }[change.type]
    return arn(service, form.format(properties.get(name, change.generated)))
