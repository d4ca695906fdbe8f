"""What nobody else should be able to do: actions on what the deployment makes and stands on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from account.aws import Aws
from account.comparison.physical import physical_id, trails
from account.expected import Expected
from account.findings import Harm
from account.live_iam import Identity, LiveIam
from account.reach import actions
from account.reach.deployers import deployers, let_in, trust_of
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


@dataclass(frozen=True, slots=True)
class Question:
    """Something that nobody else should be able to do."""

    power: str
    """What it comes to: ``start runbooks``."""
    action: str
    resources: tuple[str, ...]
    harm: Harm = Harm.ACCESS
    is_of_others: bool = True
    """Whether a principal is not asked about itself."""
    is_pattern: bool = False
    """Whether the resources are patterns, any resource of which will do."""


ACTIONS_OF_STEPS = (
    *(
        actions.ASSUME_ROLE,
        "iam:PassRole",
        "iam:UpdateAssumeRolePolicy",
        *actions.KEYS,
        "iam:AddUserToGroup",
    ),
    *(*actions.ON_OIDC_PROVIDERS, *actions.ON_SAML_PROVIDERS),
    *("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"),
    *("iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary"),
)
"""The actions of what follows from what was found."""


def step_questions(reaching: Iterable[Identity]) -> tuple[Question, ...]:
    """About becoming one of those who reach what is ours, or letting somebody in as them."""
    reaching = tuple(reaching)
    roles, users, groups = (_of(kind, reaching) for kind in ("role", "user", "group"))
    saml, oidc = _by_protocol(_providers(each for each in reaching if each.kind == "role"))
    power = "become principals that reach what is ours"
    return (
        *_each(power, (actions.ASSUME_ROLE, "iam:PassRole", "iam:UpdateAssumeRolePolicy"), roles),
        *_each(power, actions.KEYS, users),
        *_each(power, ("iam:AddUserToGroup",), groups),
        *_each(power, actions.LETS_IN_BY_SAML, saml),
        *_each(power, actions.LETS_IN_BY_OIDC, oidc),
    )


def own_questions(identity: Identity) -> tuple[Question, ...]:
    """About a principal's leaving its own permissions boundary."""
    if identity.boundary is None:
        return ()
    kind = identity.kind.capitalize()
    actions = (f"iam:Delete{kind}PermissionsBoundary", f"iam:Put{kind}PermissionsBoundary")
    asked = _each("leave its permissions boundary", actions, (identity.arn,))
    return tuple(replace(question, is_of_others=False) for question in asked)


def _gifts(account: str) -> Iterator[Question]:
    """About giving anybody any permission, as a step to everything: ``account`` is the beginning of
    the ARNs of IAM."""
    for giving, kind in (
        (actions.GIVES_A_ROLE, "role"),
        (actions.GIVES_A_USER, "user"),
        (actions.GIVES_A_GROUP, "group"),
        (("iam:CreatePolicyVersion",), "policy"),
    ):
        for action in giving:
            yield Question(
                "give somebody any permission",
                action,
                (f"{account}:{kind}/*",),
                is_of_others=False,
                is_pattern=True,
            )


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
    existing = people(expected, live)
    named = _of("role", existing)
    roles = tuple(role.arn for role in expected.of_type(ROLE))
    services = tuple(
        role.arn
        for role in expected.account.having(Persona.SERVICE_ROLE, Persona.SCHEDULE_ROLE)
        if role.arn in roles
    )
    schedules = tuple(
        environment.scheduler_arn(each.resource, each.region) for each in expected.account.schedules
    )
    policies = (
        *(policy.arn for policy in expected.of_type(MANAGED_POLICY)),
        *_customer_policies((*existing, *deployers(live, expected))),
    )
    groups = (*(group.arn for group in expected.of_type(GROUP)), *_of("group", existing))
    users = (*(user.arn for user in expected.of_type(USER)), *_of("user", existing))
    documents = tuple(document.arn for document in expected.of_type(DOCUMENT))
    providers = (
        *(each.attribute("Arn") for each in expected.of_type(PROVIDER)),
        *_providers((*existing, *deployers(live, expected))),
    )
    saml, oidc = _by_protocol(providers)
    windows, remediations = (
        tuple(
            f"arn:{environment.partition}:{service}:{region}:{environment.account}:{resource}"
            for region in expected.account.regions
        )
        for service, resource in (
            ("ssm", "maintenancewindow/mw-0123456789abcdef0"),
            ("config", "remediation-configuration/example/example"),
        )
    )
    buckets = tuple(asset.split("/")[0] for asset in assets)
    return (
        *_each("start runbooks", actions.STARTS, documents),
        *_each("have a service start runbooks", actions.BY_SERVICES, windows),
        *_each("have a service start runbooks", (actions.REMEDIATES,), remediations),
        *_each("change runbooks", actions.CHANGES, documents),
        *_each("share runbooks", actions.SHARES, documents),
        *_each("answer approvals", ("ssm:SendAutomationSignal",), executions),
        *_each("pass service roles", ("iam:PassRole",), services),
        *_each("pass roles that deploy", ("iam:PassRole",), deploying),
        *_each("change roles", actions.ON_ROLES, (*roles, *named, *deploying)),
        *_each("change policies", actions.ON_POLICIES, policies),
        *_each("change groups", actions.ON_GROUPS, groups),
        *_each("become users", actions.SIGN_INS, users),
        *_each("change users", actions.ON_USERS, users),
        *_each("change who signs in", actions.ON_OIDC_PROVIDERS, oidc),
        *_each("change who signs in", actions.ON_SAML_PROVIDERS, saml),
        *_each("change stacks", actions.ON_STACKS, stacks),
        *_each("change what is deployed", ("s3:PutObject", "s3:ReplicateObject"), assets),
        *_each("change what is deployed", ("s3:PutBucketPolicy",), buckets),
        *_each("assume roles", (actions.ASSUME_ROLE,), roles),
        *_each("deploy", (actions.ASSUME_ROLE,), deploying),
        *_each(
            *("act as people whom the deployment names", (actions.ASSUME_ROLE, "iam:PassRole")),
            *(named, Harm.NOTE),
        ),
        *_each("change schedules", actions.ON_SCHEDULES, schedules, Harm.FUNCTION),
        *_each("stop executions", ("ssm:StopAutomationExecution",), executions, Harm.FUNCTION),
        *_gifts(environment.iam_arn("")[:-1]),
    )


def stack_questions(aws: Aws, expected: Expected) -> tuple[Question, ...]:
    """About other stacks that the deployment's roles make: an update that names no role is done
    with the role that the stack has.

    Source: CloudFormation API Reference, UpdateStack, RoleARN.
    """
    ours = {(each.stack, each.environment.region) for each in expected.templates}
    found = (
        str(stack["StackId"])
        for region in dict.fromkeys(each.environment.region for each in expected.templates)
        for stack in aws.listed("cloudformation", "describe_stacks", "Stacks", region=region)
        if stack.get("RoleARN") in expected.deployers and (stack["StackName"], region) not in ours
    )
    return tuple(_each("deploy by other stacks", actions.UPDATES, found))


def recording_questions(aws: Aws, expected: Expected) -> tuple[Question, ...]:
    """About what records and reports, with the ARNs that topics, keys and trails have."""
    rules = tuple(
        f"arn:{aws.partition}:events:{rule.region}:{aws.account}:rule/{rule.name}"
        for rule in expected.of_type(RULE)
    )
    logs = tuple(log.attribute("Arn").removesuffix(":*") for log in expected.of_type(LOG))
    topics = tuple(filter(None, (physical_id(aws, topic) for topic in expected.of_type(TOPIC))))
    keys = tuple(
        f"arn:{aws.partition}:kms:{key.region}:{aws.account}:key/{physical_id(aws, key)}"
        for key in expected.of_type(KEY)
    )
    every_trail = tuple(
        str(trail["TrailARN"])
        for region in expected.recorded_regions
        for trail in trails(aws, region)
    )
    log_forms = tuple(form for log in logs for form in (f"{log}:*", log))
    streams = tuple(f"{log}:log-stream:example" for log in logs)
    return (
        *_each("change what is recorded", actions.ON_RULES, rules, Harm.RECORD),
        *_each("delete or redirect the log", actions.ON_LOGS, log_forms, Harm.RECORD),
        *_each("delete or redirect the log", ("logs:DeleteLogStream",), streams, Harm.RECORD),
        *_each("forge the log", ("logs:PutLogEvents",), streams, Harm.RECORD),
        *_each(
            "delete or redirect the log", actions.ON_EVERY_LOG, ("*",) if logs else (), Harm.RECORD
        ),
        *_each("change or forge reports", actions.ON_TOPICS, topics, Harm.RECORD),
        *_each("stop reports", actions.ON_KEYS, keys, Harm.RECORD),
        *_each("stop the trail", actions.ON_TRAILS, every_trail, Harm.RECORD),
    )


def _each(
    power: str, called: Iterable[str], resources: Iterable[str], harm: Harm = Harm.ACCESS
) -> Iterator[Question]:
    if on := tuple(dict.fromkeys(resources)):
        yield from (Question(power, action, on, harm) for action in called)


def people(expected: Expected, live: LiveIam) -> tuple[Identity, ...]:
    """The users, groups and roles whom the templates give a part, and do not make."""
    made = {each.arn for each in expected.of_type(USER, GROUP, ROLE)}
    attached = expected.attached
    parts = (Persona.OPERATOR, Persona.APPROVER, Persona.AUDITOR, Persona.AUTHOR)
    named = {principal.arn for principal in expected.account.having(*parts)}
    return tuple(
        identity
        for holder, identity in live.identities.items()
        if identity.arn not in made and (holder in attached or identity.arn in named)
    )


def _providers(identities: Iterable[Identity]) -> Iterator[str]:
    """The identity providers of the account that let people be these."""
    for identity in identities:
        for kind, value in let_in(trust_of(identity)[0]):
            if kind == "Federated" and value.startswith("arn:"):
                yield value


def _by_protocol(providers: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identity providers of SAML, and those of OpenID Connect."""
    every = tuple(providers)
    saml = tuple(each for each in every if ":saml-provider/" in each)
    return saml, tuple(each for each in every if each not in saml)


def _customer_policies(identities: Iterable[Identity]) -> Iterator[str]:
    """The company's own policies that these hold: who changes one gives them more."""
    for identity in identities:
        bounds = (identity.boundary,) if identity.boundary else ()
        yield from sorted(p for p in (*identity.attached, *bounds) if ":aws:policy/" not in p)


def _of(kind: str, identities: Iterable[Identity]) -> tuple[str, ...]:
    return tuple(identity.arn for identity in identities if identity.kind == kind)
