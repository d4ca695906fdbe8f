"""What is promised of everybody: nobody raises himself, nobody is left out, tomorrow included."""

from collections.abc import Iterator
from dataclasses import replace

from review.access.evaluation import Decision, Judge, names
from review.access.grants import Access, Grant
from review.iam.names import (
    ASSUME_ROLE,
    CLOUDFORMATION,
    OWN_PASSWORD,
    PASS_ROLE,
    SIGNAL,
    START,
    WRITES,
)
from review.invariants.bootstrap import roles_that_deploy_administration
from review.invariants.invariant import Promise, Proof, promise, told
from review.invariants.pipelines import ADMINISTRATION
from review.model.account import Kind, Part, Principal

_RAISING = (
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
)
_READING = {"List", "Read"}


def everyones_promises(judge: Judge) -> Iterator[Promise]:
    """The promises that hold for every principal of the templates."""
    if users := _users(judge):
        yield promise(
            "users-change-own-password",
            f"{names(users)} can change no password but their own",
            _own_password(judge, users),
        )
    yield promise(
        "nobody-widens-own-rights",
        "nobody can widen their own rights",
        replace(_widens_nothing(judge), excepted=_administrators(judge)),
    )
    yield promise(
        "duties-are-separate",
        "nobody can both write a runbook and start it, nor start a run and approve it, not even "
        "through roles that they may assume or pass",
        replace(_separate(judge), excepted=_administrators(judge)),
    )
    yield promise(
        "everybody-has-a-part",
        "every principal of these templates is an operator, an approver, an auditor, an author, a "
        "pipeline or a service role",
        _known(judge),
    )
    yield promise(
        "holds-for-tomorrow",
        "every grant names actions that are known, none by a wildcard, so that this holds for "
        "actions that AWS has yet to invent",
        _closed(judge),
    )


def _users(judge: Judge) -> list[Principal]:
    """The operators, approvers and auditors whom these templates make as IAM users."""
    people = judge.account.having(Part.OPERATOR, Part.APPROVER, Part.AUDITOR)
    return [person for person in people if person.kind is Kind.USER and person.is_whole]


def _own_password(judge: Judge, users: list[Principal]) -> Proof:
    change, read = OWN_PASSWORD
    decisions: list[Decision] = []
    for user in users:
        other = judge.account.place.iam_arn("user/SomebodyElse")
        decisions += [
            judge.ask(user, change, user.arn, expected=True),
            judge.ask(user, change, other, expected=False),
            judge.ask(user, read, "*", expected=True),
        ]
    return Proof((), tuple(decisions))


def _widens_nothing(judge: Judge) -> Proof:
    """No action that manages permissions, and no change of IAM but to one's own password."""
    actions = judge.engine.actions()
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses:
        for name in access.allowed_actions:
            found = actions.get(name)
            if found is None or name in OWN_PASSWORD or name == PASS_ROLE:
                continue
            writes_iam = name.startswith("iam:") and not set(found.levels) <= _READING
            lends = name == ASSUME_ROLE and access.principal.part is Part.SERVICE_ROLE
            if writes_iam or lends or found.manages_permissions:
                findings += told(access, (g for g in access.on(name) if not _is_for_aws(g)))
        decisions += [
            judge.ask(access.principal, action, _raised(judge, access, action), expected=False)
            for action in _RAISING
        ]
    return Proof(tuple(findings), tuple(decisions))


def _is_for_aws(grant: Grant) -> bool:
    """Whether it lets AWS services alone use a key: what starting an encrypted instance takes."""
    return (
        grant.action == "kms:CreateGrant"
        and "kms:GrantIsForAWSResource Bool true" in grant.conditions
    )


def _raised(judge: Judge, access: Access, action: str) -> str:
    """What the action would be done to: oneself, or something of one's kind."""
    kind = "role" if "Role" in action else "group" if "Group" in action else "user"
    if access.principal.arn.split(":")[5].startswith(kind):
        return access.principal.arn
    return judge.account.place.iam_arn(f"{kind}/Example")


def _separate(judge: Judge) -> Proof:
    findings = []
    for access in judge.accesses:
        reached = list(_reached(judge, access))
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
        findings += told(access, _to_the_unknown(judge, access))
    return Proof(tuple(findings), ())


def _administrators(judge: Judge) -> str:
    """Whom these promises leave out: who deploys AdministrationStack can do anything."""
    if not judge.account.having(Part.PIPELINE):
        return ""
    return (
        f"{ADMINISTRATION}: it deploys AdministrationStack by the roles of cdk bootstrap "
        f"and can do anything"
    )


def _to_the_unknown(judge: Judge, access: Access) -> list[Grant]:
    """What somebody may assume beside roles of these templates and those that deploy them."""
    deploying = (
        roles_that_deploy_administration(judge) if access.principal.name == ADMINISTRATION else []
    )
    return [
        grant
        for grant in access.on(ASSUME_ROLE)
        if judge.account.by_arn(grant.resource) is None and grant.resource not in deploying
    ]


def _reached(judge: Judge, access: Access) -> Iterator[Access]:
    """What somebody can do himself, and what the roles can that he may assume or hand to
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
            role = judge.account.by_arn(grant.resource)
            takes = role is not None and ("Service", CLOUDFORMATION) in role.trusted
            if role is not None and (grant.action == ASSUME_ROLE or takes):
                waiting.append(judge.access(role))


def _through(access: Access, reached: Access) -> str:
    return "" if reached is access else f" through {reached.principal.name}"


def _known(judge: Judge) -> Proof:
    findings = [
        f"{access.principal.title} ({access.principal.arn}) has no part in this; actions allowed: "
        f"{len(access.allowed_actions)}"
        for access in judge.accesses_of(Part.OTHER)
    ]
    return Proof(tuple(findings), ())


def _closed(judge: Judge) -> Proof:
    findings = [
        f"{access.principal.name} is granted {pattern}, with whatever AWS adds to it"
        for access in judge.accesses
        for pattern in access.open_actions
    ]
    return Proof(tuple(findings), ())
