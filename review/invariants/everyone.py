"""Invariants of everybody: nobody raises themselves, nobody is left out, tomorrow included."""

from collections.abc import Iterator
from dataclasses import replace

from review.access.evaluation import Decision, Evaluator, names
from review.access.grants import Access, Grant
from review.iam.engine import Context
from review.iam.names import (
    ASSUME_ROLE,
    CLOUDFORMATION,
    MFA,
    OWN_MFA,
    OWN_PASSWORD,
    PASS_ROLE,
    SIGNAL,
    START,
    WRITES,
)
from review.iam.patterns import an_example
from review.invariants.bootstrap import roles_that_deploy_administration
from review.invariants.invariant import Invariant, Proof, as_findings, invariant
from review.invariants.pipelines.pipelines import ADMINISTRATION
from review.model.account import Kind, Persona, Principal

_RAISING = (
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
)
_WITHOUT_MFA: tuple[Context, ...] = ({MFA: "false"}, {MFA: ()})
"""Signed in without a device; by access keys, whose requests do not have the key."""
_ENABLE = "iam:EnableMFADevice"
_READING = {"List", "Read"}


def everyones_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants that hold for every principal of the templates."""
    if users := _users(evaluator):
        yield invariant(
            "users-change-own-password",
            f"{names(users)} can change no password but their own",
            _own_password(evaluator, users),
        )
    if enrolling := [user for user in users if evaluator.access(user).on(_ENABLE)]:
        yield invariant(
            "users-enrol-own-device",
            f"{names(enrolling)} can enrol no MFA device but their own, and take none away",
            _own_device(evaluator, enrolling),
        )
    if asked := [user for user in users if user.is_asked_for_mfa]:
        yield invariant(
            "users-do-nothing-without-mfa",
            f"without an MFA device {names(asked)} can only enrol one and change their password",
            _nothing_without_mfa(evaluator, asked),
        )
    yield invariant(
        "nobody-widens-own-rights",
        "nobody can widen their own rights",
        replace(_widens_nothing(evaluator), excepted=_administrators(evaluator)),
    )
    yield invariant(
        "duties-are-separate",
        "nobody can both write a runbook and start it, nor start a run and approve it, not even "
        "through roles that they may assume or pass",
        replace(_separate(evaluator), excepted=_administrators(evaluator)),
    )
    yield invariant(
        "everybody-has-a-part",
        "every principal of these templates is an operator, an approver, an auditor, an author, a "
        "pipeline, a service role or the role of schedules",
        _known(evaluator),
    )
    yield invariant(
        "holds-for-tomorrow",
        "every grant names actions that are known, none by a wildcard, so that this holds for "
        "actions that AWS has yet to invent",
        _closed(evaluator),
    )


def _users(evaluator: Evaluator) -> list[Principal]:
    """The operators, approvers and auditors whom these templates make as IAM users."""
    people = evaluator.account.having(Persona.OPERATOR, Persona.APPROVER, Persona.AUDITOR)
    return [person for person in people if person.kind is Kind.USER and person.is_whole]


def _own_password(evaluator: Evaluator, users: list[Principal]) -> Proof:
    change, read = OWN_PASSWORD
    decisions: list[Decision] = []
    findings: list[str] = []
    for user in users:
        access = evaluator.access(user)
        findings += as_findings(access, (g for g in access.on(change) if g.resource != user.arn))
        other = evaluator.account.environment.iam_arn("user/SomebodyElse")
        decisions += [
            evaluator.evaluate(user, change, user.arn, expected=True),
            evaluator.evaluate(user, change, other, expected=False),
            evaluator.evaluate(user, read, "*", expected=True),
        ]
    return Proof(tuple(findings), tuple(decisions))


def _own_device(evaluator: Evaluator, users: list[Principal]) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for user in users:
        access = evaluator.access(user)
        findings += as_findings(access, (g for g in access.on(_ENABLE) if g.resource != user.arn))
        other = evaluator.account.environment.iam_arn("user/SomebodyElse")
        decisions += [
            evaluator.evaluate(user, _ENABLE, user.arn, expected=True),
            *(
                evaluator.evaluate(user, action, arn, expected=False)
                for action, arn in (
                    *((_ENABLE, other), ("iam:DeactivateMFADevice", other)),
                    ("iam:DeactivateMFADevice", user.arn),
                )
            ),
        ]
    return Proof(tuple(findings), tuple(decisions))


def _nothing_without_mfa(evaluator: Evaluator, users: list[Principal]) -> Proof:
    """Whatever they can do, asked without a device."""
    decisions: list[Decision] = []
    for user in users:
        for name in evaluator.access(user).allowed_actions:
            for grant in evaluator.access(user).on(name):
                may = name in OWN_MFA or name in OWN_PASSWORD
                decisions += [
                    evaluator.evaluate(
                        user,
                        name,
                        an_example(grant.resource),
                        expected=may,
                        context=context,
                    )
                    for context in _WITHOUT_MFA
                ]
    return Proof((), tuple(dict.fromkeys(decisions)))


def _widens_nothing(evaluator: Evaluator) -> Proof:
    """No action that manages permissions, and no change of IAM but to one's own password and
    device, of which other invariants are."""
    actions = evaluator.engine.actions()
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses:
        for name in access.allowed_actions:
            found = actions.get(name)
            if found is None or name in (*OWN_PASSWORD, *OWN_MFA) or name == PASS_ROLE:
                continue
            writes_iam = name.startswith("iam:") and not set(found.levels) <= _READING
            lends = name == ASSUME_ROLE and access.principal.persona is Persona.SERVICE_ROLE
            if writes_iam or lends or found.manages_permissions:
                findings += as_findings(access, (g for g in access.on(name) if not _is_for_aws(g)))
        decisions += [
            evaluator.evaluate(
                access.principal, action, _raised(evaluator, access, action), expected=False
            )
            for action in _RAISING
        ]
    return Proof(tuple(findings), tuple(decisions))


def _is_for_aws(grant: Grant) -> bool:
    """Whether it lets AWS services alone use a key: what starting an encrypted instance takes."""
    return (
        grant.action == "kms:CreateGrant"
        and "kms:GrantIsForAWSResource Bool true" in grant.conditions
    )


def _raised(evaluator: Evaluator, access: Access, action: str) -> str:
    """What the action would be done to: oneself, or something of one's kind."""
    kind = "role" if "Role" in action else "group" if "Group" in action else "user"
    if access.principal.arn.split(":")[5].startswith(kind):
        return access.principal.arn
    return evaluator.account.environment.iam_arn(f"{kind}/Example")


def _separate(evaluator: Evaluator) -> Proof:
    findings = []
    for access in evaluator.accesses:
        reached = list(_reached(evaluator, access))
        for first, others in ((START, WRITES), (START, (SIGNAL,))):
            one = next((each for each in reached if each.on(first)), None)
            other = next(
                ((each, action) for each in reached for action in others if each.on(action)), None
            )
            if one and other:
                findings.append(
                    f"{access.principal.name} may {first}{_through(access, one)} and "
                    f"{other[1]}{_through(access, other[0])}"
                )
        findings += as_findings(access, _to_the_unknown(evaluator, access))
    return Proof(tuple(findings), ())


def _administrators(evaluator: Evaluator) -> str:
    """Whom these invariants leave out: who deploys AdministrationStack can do anything."""
    if not evaluator.account.having(Persona.PIPELINE):
        return ""
    return (
        f"{ADMINISTRATION}: it deploys AdministrationStack by the roles of cdk bootstrap "
        f"and can do anything"
    )


def _to_the_unknown(evaluator: Evaluator, access: Access) -> list[Grant]:
    """What somebody may assume beside roles of these templates and those that deploy them."""
    deploying = (
        roles_that_deploy_administration(evaluator)
        if evaluator.account.named(access.principal) == ADMINISTRATION
        else []
    )
    return [
        grant
        for grant in access.on(ASSUME_ROLE)
        if evaluator.account.by_arn(grant.resource) is None and grant.resource not in deploying
    ]


def _reached(evaluator: Evaluator, access: Access) -> Iterator[Access]:
    """What somebody can do themselves, and what the roles can that they may assume or hand to
    CloudFormation, and those roles in turn."""
    seen: set[str] = set()
    waiting = [access]
    while waiting:
        each = waiting.pop(0)
        if each.principal.arn in seen:
            continue
        seen.add(each.principal.arn)
        yield each
        for grant in (*each.on(ASSUME_ROLE), *each.on(PASS_ROLE)):
            role = evaluator.account.by_arn(grant.resource)
            takes = role is not None and ("Service", CLOUDFORMATION) in role.trusted
            if role is not None and (grant.action == ASSUME_ROLE or takes):
                waiting.append(evaluator.access(role))


def _through(access: Access, reached: Access) -> str:
    return "" if reached is access else f" through {reached.principal.name}"


def _known(evaluator: Evaluator) -> Proof:
    findings = [
        f"{access.principal.title} ({access.principal.arn}) has no part in this; actions allowed: "
        f"{len(access.allowed_actions)}"
        for access in evaluator.accesses_of(Persona.OTHER)
    ]
    return Proof(tuple(findings), ())


def _closed(evaluator: Evaluator) -> Proof:
    findings = [
        f"{access.principal.name} is granted {pattern}, with whatever AWS adds to it"
        for access in evaluator.accesses
        for pattern in access.open_actions
    ]
    return Proof(tuple(findings), ())
