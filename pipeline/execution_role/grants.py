"""What CloudFormation's handlers call for each resource of templates: one action on one resource.

What they call for which property is inferred from their lists of permissions.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_facts.resource_handlers import OF_VENDED_LOGS, WITHOUT_A_RESOURCE, handlers
from pipeline.errors import PipelineError
from review.templates.assembly import Template
from review.templates.assembly_checks import is_authors
from review.templates.intrinsics import Environment
from review.templates.resource_types import (
    ALARM,
    DOCUMENT,
    GROUP,
    KEY,
    LOG,
    MANAGED_POLICY,
    PROVIDER,
    QUEUE,
    QUEUE_POLICY,
    ROLE,
    RULE,
    SCHEDULE,
    SCHEDULE_GROUP,
    SECRET,
    TOPIC,
    TOPIC_POLICY,
    USER,
)
from review.templates.resources import Resource, read_resources

_NOTHING = "AWS::CDK::Metadata"
_ONLY_WITH: dict[str, dict[str, tuple[str, ...]]] = {
    USER: {
        "LoginProfile": ("CreateLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"),
        "Groups": ("AddUserToGroup", "RemoveUserFromGroup"),
        "Policies": ("PutUserPolicy", "DeleteUserPolicy", "GetUserPolicy"),
        "ManagedPolicyArns": ("AttachUserPolicy", "DetachUserPolicy"),
        "PermissionsBoundary": ("PutUserPermissionsBoundary",),
    },
    GROUP: {
        "Policies": ("PutGroupPolicy", "DeleteGroupPolicy", "GetGroupPolicy"),
        "ManagedPolicyArns": ("AttachGroupPolicy", "DetachGroupPolicy"),
    },
    ROLE: {
        "Policies": ("PutRolePolicy", "DeleteRolePolicy", "GetRolePolicy"),
        "ManagedPolicyArns": ("AttachRolePolicy", "DetachRolePolicy"),
        "PermissionsBoundary": ("PutRolePermissionsBoundary",),
    },
    MANAGED_POLICY: {
        "Users": ("AttachUserPolicy", "DetachUserPolicy"),
        "Groups": ("AttachGroupPolicy", "DetachGroupPolicy"),
        "Roles": ("AttachRolePolicy", "DetachRolePolicy"),
    },
    SECRET: {
        "ReplicaRegions": ("ReplicateSecretToRegions", "RemoveRegionsFromReplication"),
    },
    DOCUMENT: {
        "Attachments": ("GetObject",),
    },
    LOG: {
        "RetentionInDays": ("PutRetentionPolicy", "DeleteRetentionPolicy"),
        "KmsKeyId": ("AssociateKmsKey", "DisassociateKmsKey"),
        "DataProtectionPolicy": ("PutDataProtectionPolicy", "DeleteDataProtectionPolicy"),
    },
    KEY: {
        "Enabled": ("DisableKey", "EnableKey"),
        "EnableKeyRotation": ("EnableKeyRotation", "DisableKeyRotation"),
    },
    TOPIC: {
        "Subscription": ("Subscribe", "Unsubscribe"),
        "DataProtectionPolicy": ("PutDataProtectionPolicy",),
        "DeliveryStatusLogging": ("GetRole", "PassRole"),
    },
    RULE: {"RoleArn": ("PassRole",)},
}
"""By type: the calls that a handler makes for a property alone. Tags are not among them: stacks
have some, and CloudFormation adds its own. No target of a rule here has a role.
Source: the schemas of the types; inferred where they do not say so."""
_NEVER = {
    USER: {"iam:DeleteUserPermissionsBoundary"},
    ROLE: {"iam:DeleteRolePermissionsBoundary"},
    LOG: OF_VENDED_LOGS,
}
"""By type: what takes a boundary away, which only a change between two assemblies does; what
handlers list for the delivery of vended logs."""
_HOLDERS = {"Users": "user", "Groups": "group", "Roles": "role"}

_ARN = re.compile(r"^arn:([^:]*):([^:]*):([^:]*):([^:]*):")

Condition = tuple[str, str, tuple[str, ...]]
"""Operator, key and values."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource."""

    action: str
    resource: str
    conditions: tuple[Condition, ...] = ()


def grants_of(templates: Iterable[Template]) -> Iterator[Grant]:
    """All that making, changing and deleting the resources of templates takes. PipelineError for a
    type whose handlers are not known."""
    resources = [each for each in read_resources(tuple(templates)) if each.type != _NOTHING]
    for resource in resources:
        if any(map(is_authors, resource.template.deployers)):
            continue  # the author's role makes it
        for grant in (*_grants(resource, resources), _bootstrap_version(resource)):
            yield _wherever(grant, resource.template.environment)


def boundary_removals(assemblies: Iterable[Iterable[Template]]) -> Iterator[Grant]:
    """What taking a boundary away takes, of users and roles that have one in some assembly and none
    in another."""
    known: dict[str, set[bool]] = defaultdict(set)
    found: dict[str, Resource] = {}
    for templates in assemblies:
        for resource in read_resources(tuple(templates)):
            if resource.type in (USER, ROLE):
                known[resource.arn].add(bool(resource.get("PermissionsBoundary")))
                found[resource.arn] = resource
    for arn, resource in found.items():
        if len(known[arn]) > 1:
            action = f"iam:Delete{resource.kind.capitalize()}PermissionsBoundary"
            yield _wherever(Grant(action, arn), resource.template.environment)


def _wherever(grant: Grant, environment: Environment) -> Grant:
    """The grant with stars for the account, the Region and the partition that nothing fixes."""
    is_any_account, is_any_region = (each in environment.assumed for each in ("account", "Region"))

    def filled(match: re.Match[str]) -> str:
        partition, service, region, account = match.groups()
        partition = "*" if is_any_region else partition
        region = "*" if is_any_region and region == environment.region else region
        account = "*" if is_any_account and account == environment.account else account
        return f"arn:{partition}:{service}:{region}:{account}:"

    conditions = []
    for operator, key, values in grant.conditions:
        anywhere = tuple(_ARN.sub(filled, value) for value in values)
        has_star = anywhere != values
        conditions.append(
            (operator.replace("Equals", "Like") if has_star else operator, key, anywhere)
        )
    return Grant(grant.action, _ARN.sub(filled, grant.resource), tuple(conditions))


def _grants(resource: Resource, resources: list[Resource]) -> Iterator[Grant]:
    known = handlers(resource.type)
    if not known:
        raise PipelineError(
            f"{resource.where}: what CloudFormation calls for {resource.type} is not known "
            f"(aws_facts/resource_handlers.json)"
        )
    absent = {
        call
        for property_, calls in _ONLY_WITH.get(resource.type, {}).items()
        if not resource.properties.get(property_)
        for call in calls
    }
    never = _NEVER.get(resource.type, set())
    for action in sorted({action for actions in known.values() for action in actions} - never):
        if action.split(":")[1] not in absent:
            yield from _on(action, resource, resources)


def _on(action: str, resource: Resource, resources: list[Resource]) -> Iterator[Grant]:
    """An action of a handler on what it is about."""
    call = action.split(":")[1]
    if action == "iam:PassRole":
        role, service = _passed(resource)
        yield Grant(action, role, (("StringEquals", "iam:PassedToService", (service,)),))
    elif action in WITHOUT_A_RESOURCE:
        yield Grant(action, "*")
    elif call in ("AddUserToGroup", "RemoveUserFromGroup"):
        for group in resource.listed("Groups"):
            yield from (Grant(action, arn) for arn in _holders("group", group, resources))
    elif call.startswith(("Attach", "Detach")):
        yield from _attaching(action, resource, resources)
    elif resource.type in _POLICIES:
        property_, type_ = _POLICIES[resource.type]
        named = {each.attribute("Ref"): each for each in resources if each.type == type_}
        for holder in resource.listed(property_):
            yield from (Grant(action, arn) for arn in _arns(named[holder]))
    elif resource.type == SCHEDULE_GROUP and call == "DeleteSchedule":
        yield Grant(action, _arn(resource, "scheduler", f"schedule/{resource.name}/*"))
    else:
        yield from (Grant(action, arn, _bounded(call, resource)) for arn in _arns(resource))


_POLICIES = {TOPIC_POLICY: ("Topics", TOPIC), QUEUE_POLICY: ("Queues", QUEUE)}
"""By type of a policy: the property that names what it is of, and the type of that."""


def _passed(resource: Resource) -> tuple[str, str]:
    """The role that a resource hands to a service, and the service."""
    if resource.type == SCHEDULE:
        return resource.get("Target")["RoleArn"], "scheduler.amazonaws.com"
    return resource.get("Content", {})["assumeRole"], "ssm.amazonaws.com"


def _attaching(action: str, resource: Resource, resources: list[Resource]) -> Iterator[Grant]:
    """A policy to a holder: of its own policies, or of the holders that it names. It is taken away
    whatever it is: an earlier deployment may have attached another."""
    is_attached = ":Attach" in action
    kind = action.split(":")[1].removesuffix("Policy")[6:].lower()
    if resource.type != MANAGED_POLICY:
        policies = tuple(sorted(resource.listed("ManagedPolicyArns")))
        which = (("ArnEquals", "iam:PolicyARN", policies),) if is_attached else ()
        yield Grant(action, resource.arn, which)
        return
    which = (("ArnEquals", "iam:PolicyARN", (resource.arn,)),) if is_attached else ()
    for property_, of_kind in _HOLDERS.items():
        for name in resource.listed(property_) if of_kind == kind else ():
            yield from (Grant(action, arn, which) for arn in _holders(kind, name, resources))


def _bounded(call: str, resource: Resource) -> tuple[Condition, ...]:
    """That a user or role is made, and stays, under its boundary."""
    boundary = resource.get("PermissionsBoundary") if resource.type in (USER, ROLE) else None
    is_set = call in ("CreateUser", "CreateRole") or call.endswith("PermissionsBoundary")
    if not boundary or not is_set:
        return ()
    return (("StringEquals", "iam:PermissionsBoundary", (boundary,)),)


def _holders(kind: str, name: str, resources: list[Resource]) -> tuple[str, ...]:
    """The ARN of a user, group or role; of one that the templates do not make, at any path."""
    for resource in resources:
        if (resource.kind, resource.name) == (kind, name):
            return (resource.arn,)
    environment = resources[0].template.environment
    return environment.iam_arn(f"{kind}/{name}"), environment.iam_arn(f"{kind}/*/{name}")


def _arns(resource: Resource) -> tuple[str, ...]:
    """The ARNs of a resource itself, one that CloudFormation or AWS names with a star for that."""
    if resource.type == SECRET:
        name = str(resource.get("Name") or resource.logical_id)
        return (_arn(resource, "secretsmanager", f"secret:{name}-*"),)
    if resource.type == KEY:
        return (_arn(resource, "kms", "key/*"),)
    if resource.type == LOG:
        group = _arn(resource, "logs", f"log-group:{resource.name}")
        return group, f"{group}:*"
    if resource.type in _FORMS:
        service, form = _FORMS[resource.type]
        return (_arn(resource, service, form.format(resource.name)),)
    if resource.type == SCHEDULE:
        what = f"schedule/{resource.get('GroupName', 'default')}/{resource.name}"
        return (_arn(resource, "scheduler", what),)
    if resource.type == TOPIC:
        generated = f"{resource.template.stack}-{resource.logical_id}-*"
        return (_arn(resource, "sns", str(resource.get("TopicName") or generated)),)
    return (resource.attribute("Arn") if resource.type == PROVIDER else resource.arn,)


_FORMS = {
    RULE: ("events", "rule/{}"),
    SCHEDULE_GROUP: ("scheduler", "schedule-group/{}"),
    QUEUE: ("sqs", "{}"),
    ALARM: ("cloudwatch", "alarm:{}"),
}
"""By type: the service and the end of its ARN, after the name. Source: Service Authorization
Reference."""


def _arn(resource: Resource, service: str, what: str) -> str:
    environment = resource.template.environment
    return (
        f"arn:{environment.partition}:{service}:{environment.region}:{environment.account}:{what}"
    )


def _bootstrap_version(resource: Resource) -> Grant:
    """The parameter that every template of CDK names, for CloudFormation to compare."""
    parameters = resource.template.body.get("Parameters", {})
    if "BootstrapVersion" not in parameters:
        raise PipelineError(
            f"stack {resource.template.stack} names no version of the bootstrap; name a cloud "
            f"assembly, as make synth writes it"
        )
    name = parameters["BootstrapVersion"]["Default"]
    return Grant("ssm:GetParameters", _arn(resource, "ssm", f"parameter{name}"))
