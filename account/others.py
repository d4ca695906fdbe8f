"""Everybody else in the account: who can start, change, share, approve, pass or assume ours.

A question is an action on a resource of ours, decided by the review's engine from everything that
the principal holds; a condition is taken to hold. Service control policies are not read.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from account.expected import Expected
from account.findings import Finding, Harm
from account.live_iam import Identity, LiveIam
from review.errors import ReviewError
from review.iam.engine import Engine, Request, Requester
from review.iam.managed_policies import aws_managed_policy
from review.iam.patterns import covers, may_overlap
from review.iam.policy_variables import Values, filled
from review.iam.statements import ALLOW_EVERYTHING, Policy, Statement, read_policy
from review.model.account import Persona
from review.templates.resource_types import GROUP, MANAGED_POLICY, ROLE, USER

_EXECUTION = "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f"
_SERVICE_LINKED = ":role/aws-service-role/"
_NOTHING_KNOWN = Values(known={}, absent=frozenset())


@dataclass(frozen=True, slots=True)
class Question:
    """Something that nobody else should be able to do."""

    power: str
    """What it comes to: ``start runbooks``."""
    action: str
    resources: tuple[str, ...]


def check_others(
    engine: Engine, live: LiveIam, expected: Expected, known: Iterable[str]
) -> Iterator[Finding]:
    """A finding for each principal that can do any of it, administrators in one line; none for
    those whose names match a pattern of ``known``."""
    own = {(r.kind, r.name) for r in expected.of_type(USER, GROUP, ROLE)}
    asked = questions(expected)
    administrators: list[str] = []
    for holder, identity in live.identities.items():
        is_deployer = identity.arn in expected.deployers
        if identity.kind == "group" or holder in own or is_deployer:
            continue
        if _SERVICE_LINKED in identity.arn or _is_any(identity.name, known):
            continue
        try:
            held = _held(identity, live, expected)
            if _is_administrator(held):
                administrators.append(identity.title)
                continue
            powers = _powers(engine, identity, held, asked, expected)
        except ReviewError as error:
            yield Finding(
                Harm.UNKNOWN,
                f"what {identity.title} can do cannot be determined: {error}",
                "the review does not understand one of its policies",
                "look at its policies: can it start, change or pass what is ours?",
            )
            continue
        if powers:
            yield _finding(identity, powers)
    if administrators:
        listed = ", ".join(sorted(administrators)[:20])
        more = f" and {len(administrators) - 20} more" if len(administrators) > 20 else ""
        yield Finding(
            Harm.NOTE,
            f"{len(administrators)} administrators can do everything: {listed}{more}",
            "they hold AdministratorAccess or what comes to it",
            "keep them few; nothing here limits them",
        )


def _is_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def questions(expected: Expected) -> tuple[Question, ...]:
    """What nobody else should be able to do to this deployment."""
    environment = expected.account.environment
    documents = expected.account.runbook_arns
    runs = tuple(
        replace(environment, region=region).ssm_arn(f"automation-execution/{_EXECUTION}")
        for region in expected.account.regions
    )
    roles = tuple(role.arn for role in expected.of_type(ROLE))
    services = tuple(role.arn for role in expected.account.having(Persona.SERVICE_ROLE))
    policies = tuple(policy.arn for policy in expected.of_type(MANAGED_POLICY))
    groups = tuple(group.arn for group in expected.of_type(GROUP))
    users = tuple(user.arn for user in expected.of_type(USER))
    stacks = tuple(
        f"arn:{t.environment.partition}:cloudformation:{t.environment.region}:"
        f"{t.environment.account}:stack/{t.stack}/{_EXECUTION}"
        for t in expected.templates
    )
    asked = (
        ("start runbooks", ("ssm:StartAutomationExecution",), documents),
        (
            "change runbooks",
            ("ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion", "ssm:DeleteDocument"),
            documents,
        ),
        ("share runbooks", ("ssm:ModifyDocumentPermission", "ssm:PutResourcePolicy"), documents),
        ("answer approvals", ("ssm:SendAutomationSignal",), runs),
        ("pass service roles", ("iam:PassRole",), services),
        ("change policies", ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"), policies),
        (
            "change roles",
            (
                *("iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"),
                *("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"),
            ),
            roles,
        ),
        ("change groups", ("iam:AddUserToGroup", "iam:AttachGroupPolicy"), groups),
        (
            "become users",
            ("iam:CreateAccessKey", "iam:UpdateLoginProfile", "iam:CreateLoginProfile"),
            users,
        ),
        ("change users", ("iam:AttachUserPolicy", "iam:PutUserPolicy"), users),
        (
            "change stacks",
            ("cloudformation:UpdateStack", "cloudformation:ExecuteChangeSet"),
            stacks,
        ),
        ("assume roles", ("sts:AssumeRole",), roles),
    )
    return tuple(
        Question(power, action, resources)
        for power, actions, resources in asked
        for action in actions
        if resources
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """The statements that decide about a principal's requests."""

    identity: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None


def _held(identity: Identity, live: LiveIam, expected: Expected) -> _Held:
    """Raises ReviewError for a policy that the review does not understand. Policies of this
    deployment are left out: who holds them and should not is a finding of its own."""
    own = {policy.arn for policy in expected.of_type(MANAGED_POLICY)}
    groups = (live.identities.get(("group", group)) for group in identity.groups)
    policies: list[Policy] = []
    for holder in (identity, *filter(None, groups)):
        policies += [read_policy(name, document) for name, document in holder.inline.items()]
        policies += [_managed(arn, live) for arn in sorted(holder.attached - own)]
    bounds = None if identity.boundary is None else _managed(identity.boundary, live).statements
    statements = (s for policy in policies for s in policy.statements)
    return _Held(_filled(statements), None if bounds is None else _filled(bounds))


def _managed(arn: str, live: LiveIam) -> Policy:
    if arn not in live.policies:
        return aws_managed_policy(arn)
    return read_policy(arn, live.policies[arn].document)


def _filled(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Without policy variables, each taken for what gives the most."""
    found = (filled(statement, _NOTHING_KNOWN) for statement in statements)
    return tuple(statement for statement in found if statement is not None)


def _is_administrator(held: _Held) -> bool:
    everything = (ALLOW_EVERYTHING.actions, ALLOW_EVERYTHING.resources)
    return held.boundary is None and any(
        (each.actions, each.resources) == everything
        and each.allows
        and not (each.but_actions or each.but_resources or each.conditions)
        for each in held.identity
    )


def _powers(
    engine: Engine,
    identity: Identity,
    held: _Held,
    asked: Iterable[Question],
    expected: Expected,
) -> dict[str, list[str]]:
    """What the principal can do of it: each power with the actions and what they are on."""
    trusts = {role.arn: role for role in expected.account.principals if role.trust}
    requester = Requester(
        arn=identity.arn,
        context={},
        account=expected.account.environment.account,
        identity=held.identity,
        boundary=held.boundary,
    )
    found: dict[str, list[str]] = defaultdict(list)
    for question in asked:
        for resource in question.resources:
            trust = trusts[resource].trust if question.action == "sts:AssumeRole" else None
            statements = trust.statements if trust else None
            if trust is None and not _may(held.identity, question.action, resource):
                continue
            if trust is not None and not _is_trusted(identity, trust):
                continue
            answer = engine.decide(
                replace(requester, trust=statements),
                [Request(question.action, resource, {})],
                discover=True,
            )[0]
            if answer.is_allowed:
                name = resource.split(":", 5)[-1]
                found[question.power].append(f"{question.action} on {name}")
                break
    return found


def _may(statements: Iterable[Statement], action: str, resource: str) -> bool:
    """Whether any statement may allow it: what none allows need not be asked."""
    return any(
        each.allows
        and each.speaks_of(action)
        and (each.but_resources or any(may_overlap(on, resource) for on in each.resources))
        for each in statements
    )


def _is_trusted(identity: Identity, trust: Policy) -> bool:
    """Whether a role's trust may let the principal in, by itself or by its account."""
    account = identity.arn.split(":")[4]
    named = (
        value
        for statement in trust.statements
        if statement.allows
        for kind, value in statement.principals
        if kind in ("AWS", "*")
    )
    of_account = ("*", account, ":".join((*identity.arn.split(":")[:5], "root")))
    return any(value in of_account or covers(value, identity.arn) for value in named)


def _finding(identity: Identity, powers: dict[str, list[str]]) -> Finding:
    listed = "; ".join(f"{power} ({', '.join(how)})" for power, how in powers.items())
    return Finding(
        Harm.ACCESS,
        f"{identity.title} can {listed}",
        "it holds policies of its own that reach what is ours; conditions are taken to hold",
        "narrow its policies, or name it in --known if that is accepted",
    )
