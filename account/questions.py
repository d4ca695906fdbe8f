"""What nobody else should be able to do: actions on what the deployment makes and stands on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from account.aws import Aws
from account.deployers import deployers
from account.expected import Expected
from account.findings import Harm
from account.live_iam import Identity, LiveIam
from account.physical import physical_id
from review.model.account import Persona
from review.templates.resource_types import (
    DOCUMENT,
    GROUP,
    KEY,
    LOG,
    MANAGED_POLICY,
    PROVIDER,
    ROLE,
    RULE,
    TOPIC,
    USER,
)

_EXECUTION = "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f"
ASSUME_ROLE = "sts:AssumeRole"

_ON_DOCUMENTS = {
    "start runbooks": (
        *("ssm:StartAutomationExecution", "ssm:StartChangeRequestExecution"),
        *("ssm:CreateAssociation", "ssm:CreateAssociationBatch", "ssm:UpdateAssociation"),
    ),
    "change runbooks": (
        *("ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion", "ssm:DeleteDocument"),
    ),
    "share runbooks": ("ssm:ModifyDocumentPermission", "ssm:PutResourcePolicy"),
}
_ON_ROLES = {
    "change roles": (
        *("iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"),
        *("iam:PutRolePolicy", "iam:DeleteRolePolicy"),
        *("iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"),
    ),
}
_ON_POLICIES = {
    "change policies": (
        *("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicy"),
    ),
}
_ON_GROUPS = {
    "change groups": (
        *("iam:AddUserToGroup", "iam:RemoveUserFromGroup", "iam:UpdateGroup"),
        *("iam:AttachGroupPolicy", "iam:DetachGroupPolicy"),
        *("iam:PutGroupPolicy", "iam:DeleteGroupPolicy"),
    ),
}
_ON_USERS = {
    "become users": (
        *("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"),
        *("iam:EnableMFADevice", "iam:DeactivateMFADevice"),
    ),
    "change users": (
        *("iam:AttachUserPolicy", "iam:DetachUserPolicy", "iam:PutUserPolicy"),
        *("iam:DeleteUserPolicy", "iam:UpdateUser", "iam:PutUserPermissionsBoundary"),
        "iam:DeleteUserPermissionsBoundary",
    ),
}
_ON_STACKS = {
    "change stacks": (
        *("cloudformation:UpdateStack", "cloudformation:ExecuteChangeSet"),
        "cloudformation:DeleteStack",
    ),
}
_ON_PROVIDERS = {
    "change who signs in to pipelines": (
        *("iam:AddClientIDToOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider"),
        "iam:UpdateOpenIDConnectProviderThumbprint",
    ),
}
_ON_RULES = (
    *("events:DisableRule", "events:PutRule", "events:DeleteRule"),
    *("events:PutTargets", "events:RemoveTargets"),
)
_ON_LOGS = (
    *("logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy"),
    *("logs:PutSubscriptionFilter", "logs:PutDataProtectionPolicy", "logs:AssociateKmsKey"),
)
_ON_STREAMS = ("logs:DeleteLogStream",)
_ON_EVERY_LOG = ("logs:PutResourcePolicy", "logs:DeleteResourcePolicy", "logs:PutAccountPolicy")
_ON_TOPICS = (
    *("sns:DeleteTopic", "sns:SetTopicAttributes", "sns:AddPermission", "sns:RemovePermission"),
    *("sns:Subscribe", "sns:Unsubscribe", "sns:SetSubscriptionAttributes"),
    *("sns:Publish", "sns:PutDataProtectionPolicy"),
)
_ON_KEYS = ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")
_ON_TRAILS = (
    *("cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail"),
    "cloudtrail:PutEventSelectors",
)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that nobody else should be able to do."""

    power: str
    """What it comes to: ``start runbooks``."""
    action: str
    resources: tuple[str, ...]
    harm: Harm = Harm.ACCESS


def questions(expected: Expected, live: LiveIam) -> tuple[Question, ...]:
    """About runbooks, executions, stacks and IAM: what the templates make, who else is an
    operator, approver, auditor or author, and the roles that deploy."""
    environment = expected.account.environment
    executions = tuple(
        replace(environment, region=region).ssm_arn(f"automation-execution/{_EXECUTION}")
        for region in expected.account.regions
    )
    stacks = tuple(
        f"arn:{t.environment.partition}:cloudformation:{t.environment.region}:"
        f"{t.environment.account}:stack/{t.stack}/{_EXECUTION}"
        for t in expected.templates
    )
    assets = tuple(
        f"arn:{t.environment.partition}:s3:::{t.asset}" for t in expected.templates if t.asset
    )
    deploying = tuple(role.arn for role in deployers(live, expected))
    existing = tuple(identity.arn for identity in people(expected, live))
    named = _of("role", existing)
    roles = tuple(role.arn for role in expected.of_type(ROLE))
    made = {role.arn for role in expected.of_type(ROLE)}
    services = tuple(
        role.arn for role in expected.account.having(Persona.SERVICE_ROLE) if role.arn in made
    )
    documents = tuple(document.arn for document in expected.of_type(DOCUMENT))
    buckets = tuple(asset.split("/")[0] for asset in assets)
    policies = (
        *(policy.arn for policy in expected.of_type(MANAGED_POLICY)),
        *_customer_policies(existing, deploying, live),
    )
    groups = (*(group.arn for group in expected.of_type(GROUP)), *_of("group", existing))
    users = (*(user.arn for user in expected.of_type(USER)), *_of("user", existing))
    providers = tuple(each.attribute("Arn") for each in expected.of_type(PROVIDER))
    return (
        *_each(_ON_DOCUMENTS, documents),
        *_each({"answer approvals": ("ssm:SendAutomationSignal",)}, executions),
        *_each({"pass service roles": ("iam:PassRole",)}, services),
        *_each({"pass roles that deploy": ("iam:PassRole",)}, deploying),
        *_each(_ON_ROLES, (*roles, *named, *deploying)),
        *_each(_ON_POLICIES, tuple(dict.fromkeys(policies))),
        *_each(_ON_GROUPS, groups),
        *_each(_ON_USERS, users),
        *_each(_ON_PROVIDERS, providers),
        *_each(_ON_STACKS, stacks),
        *_each({"change what is deployed": ("s3:PutObject",)}, tuple(dict.fromkeys(assets))),
        *_each({"change what is deployed": ("s3:PutBucketPolicy",)}, tuple(dict.fromkeys(buckets))),
        *_each({"assume roles": (ASSUME_ROLE,)}, roles),
        *_each({"deploy": (ASSUME_ROLE,)}, deploying),
        *_each({"act as people whom the deployment names": (ASSUME_ROLE,)}, named, Harm.NOTE),
    )


def recording_questions(aws: Aws, expected: Expected) -> tuple[Question, ...]:
    """About what records and reports, with the ARNs that topics, keys and trails have."""
    rules = tuple(
        f"arn:{aws.partition}:events:{rule.region}:{aws.account}:rule/{rule.name}"
        for rule in expected.of_type(RULE)
    )
    logs = tuple(log.attribute("Arn") for log in expected.of_type(LOG))
    topics = tuple(filter(None, (physical_id(aws, topic) for topic in expected.of_type(TOPIC))))
    keys = tuple(
        f"arn:{aws.partition}:kms:{key.region}:{aws.account}:key/{physical_id(aws, key)}"
        for key in expected.of_type(KEY)
    )
    trails = dict.fromkeys(
        str(trail["TrailARN"])
        for region in dict.fromkeys(rule.region for rule in expected.of_type(RULE))
        for trail in aws.listed("cloudtrail", "describe_trails", "trailList", region=region)
    )
    asked = (
        ("change what is recorded", _ON_RULES, rules),
        (
            "delete or redirect the log",
            _ON_LOGS,
            tuple(form for log in logs for form in (log, log.removesuffix(":*"))),
        ),
        (
            "delete or redirect the log",
            _ON_STREAMS,
            tuple(f"{log.removesuffix('*')}log-stream:example" for log in logs),
        ),
        ("delete or redirect the log", _ON_EVERY_LOG, ("*",) if logs else ()),
        ("change or forge reports", _ON_TOPICS, topics),
        ("stop reports", _ON_KEYS, keys),
        ("stop the trail", _ON_TRAILS, tuple(trails)),
    )
    return tuple(
        question
        for power, actions, resources in asked
        for question in _each({power: actions}, resources, Harm.RECORD)
    )


def _each(
    powers: Mapping[str, tuple[str, ...]], resources: tuple[str, ...], harm: Harm = Harm.ACCESS
) -> Iterator[Question]:
    for power, actions in powers.items():
        for action in actions if resources else ():
            yield Question(power, action, resources, harm)


def people(expected: Expected, live: LiveIam) -> tuple[Identity, ...]:
    """The users, groups and roles whom the templates give a part, and do not make."""
    made = {each.arn for each in expected.of_type(USER, GROUP, ROLE)}
    parts = (Persona.OPERATOR, Persona.APPROVER, Persona.AUDITOR, Persona.AUTHOR)
    named = {principal.arn for principal in expected.account.having(*parts)}
    return tuple(
        identity
        for holder, identity in live.identities.items()
        if identity.arn not in made and (holder in expected.attached or identity.arn in named)
    )


def _customer_policies(
    existing: Iterable[str], deploying: Iterable[str], live: LiveIam
) -> Iterator[str]:
    """The company's own policies that these hold: who changes one gives them more."""
    arns = {*existing, *deploying}
    for identity in live.identities.values():
        if identity.arn in arns:
            bounds = (identity.boundary,) if identity.boundary else ()
            yield from sorted(p for p in (*identity.attached, *bounds) if ":aws:policy/" not in p)


def _of(kind: str, arns: Iterable[str]) -> tuple[str, ...]:
    return tuple(arn for arn in arns if arn.split(":", 5)[5].startswith(f"{kind}/"))
