"""What is promised of everybody: nobody raises himself, nobody is left out, tomorrow included."""

from collections.abc import Iterator

from review.grants import Access, Grant
from review.judge import Decision, Judge
from review.operator_promises import CHANGES, SIGNAL, START
from review.principals import Part
from review.promises import Promise, Proof, promise, told

_OWN_PASSWORD = {"iam:ChangePassword", "iam:GetAccountPasswordPolicy"}
_RAISING = (
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
)
_PERMISSIONS, _READING = "Permissions management", {"List", "Read"}


def everyones_promises(judge: Judge) -> Iterator[Promise]:
    """The promises that hold for every principal of the templates."""
    yield promise(
        "nobody-widens-own-rights", "nobody can widen his own rights", _widens_nothing(judge)
    )
    yield promise(
        "duties-are-separate",
        "nobody can both write a runbook and start it, nor start a run and approve it",
        _separate(judge),
    )
    yield promise(
        "everybody-has-a-part",
        "everybody to whom these templates give anything is an operator, an approver, an author or "
        "a service role",
        _known(judge),
    )
    yield promise(
        "holds-for-tomorrow",
        "no grant names actions by a wildcard, so that this holds for actions that AWS has yet to "
        "invent",
        _closed(judge),
    )


def _widens_nothing(judge: Judge) -> Proof:
    """No action that manages permissions, and no change of IAM but to one's own password."""
    actions = judge.engine.actions()
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses:
        for name in access.allowed_actions:
            found = actions.get(name)
            if found is None or name in _OWN_PASSWORD or name == "iam:PassRole":
                continue
            writes_iam = name.startswith("iam:") and not set(found.levels) <= _READING
            if writes_iam or _PERMISSIONS in found.levels:
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
    place = judge.account.place
    kind = "role" if "Role" in action else "group" if "Group" in action else "user"
    if access.principal.arn.split(":")[5].startswith(kind):
        return access.principal.arn
    return f"arn:{place.partition}:iam::{place.account}:{kind}/Example"


def _separate(judge: Judge) -> Proof:
    findings = []
    for access in judge.accesses:
        starts, signals = access.on(START), access.on(SIGNAL)
        writes = [g for action in CHANGES[:4] for g in access.on(action)]
        if starts and writes:
            findings.append(f"{access.principal.name} may start runbooks and {writes[0].action}")
        if starts and signals:
            findings.append(f"{access.principal.name} may start runbooks and {SIGNAL}")
    return Proof(tuple(findings), ())


def _known(judge: Judge) -> Proof:
    findings = [
        f"{access.principal.title} ({access.principal.arn}) has no part in this and holds "
        f"{len(access.allowed_actions)} actions"
        for access in judge.accesses_of(Part.OTHER)
    ]
    return Proof(tuple(findings), ())


def _closed(judge: Judge) -> Proof:
    findings = [
        f"{access.principal.name} is granted {pattern}, whatever AWS adds to it"
        for access in judge.accesses
        for pattern in access.open_actions
    ]
    return Proof(tuple(findings), ())
