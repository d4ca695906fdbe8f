"""Everybody else in the account: who can start, change, share, approve, pass or assume ours.

Each question is decided from everything that a principal holds; a condition is taken to hold. Then
it is asked who can become one of those that were found, step by step, until nobody is added.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from account.expected import Expected
from account.findings import Finding, Harm, is_known
from account.live_iam import Identity, LiveIam
from account.reach.deployers import deployers, is_inside, let_in, trust_of
from account.reach.foreign_policies import Held, held_by
from account.reach.inquiry import Control, Inquiry, Trust
from account.reach.questions import (
    ACTIONS_OF_STEPS,
    Question,
    own_questions,
    people,
    step_questions,
)
from review.iam.engine import Engine
from review.iam.statements import Statement
from review.templates.resource_types import MANAGED_POLICY

_SERVICE_LINKED = ":role/aws-service-role/"
_EVERYTHING = ("*", "*:*")

_Holder = tuple[Identity, Held]


def check_others(
    engine: Engine,
    live: LiveIam,
    expected: Expected,
    asked: Iterable[Question],
    known: Iterable[str],
    controls: tuple[Control, ...] = (),
) -> Iterator[Finding]:
    """A finding for each principal that can do any of what is asked, or become one that can;
    administrators in one line; none for those whose names or ARNs match a pattern of ``known``."""
    asked, known = tuple(asked), tuple(known)
    inquiry = Inquiry(
        engine=engine,
        account=expected.account.environment.account,
        trusts=_trusts(expected, live),
        controls=controls,
    )
    administrators: list[Identity] = []
    reaching = list(_powerful_groups(inquiry, live, expected, asked))
    others = list(_ours(live, expected))
    for identity, held in _everybody_else(live, expected, actions_of(asked)):
        is_accepted = _is_known(identity, known)
        if _is_administrator(held):
            reaching.append(identity)
            if not is_accepted:
                administrators.append(identity)
            continue
        found = inquiry.answers(identity, held, (*asked, *own_questions(identity)))
        found.unknown[:0] = held.not_understood
        if not is_accepted:
            yield from found.findings()
        if found.reach_what_is_ours:
            reaching.append(identity)
        else:
            others.append((identity, held))
    yield from _steps(inquiry, others, reaching, known)
    if administrators:
        names = ", ".join(sorted(identity.title for identity in administrators))
        yield Finding(
            Harm.NOTE,
            f"{len(administrators)} administrators can do whatever no policy denies them: {names}",
            "they hold AdministratorAccess or what comes to it",
            "keep them few; nothing here limits them",
        )


def actions_of(asked: Iterable[Question]) -> tuple[str, ...]:
    """The actions of these questions, and of those that follow from their answers."""
    return tuple(dict.fromkeys((*(question.action for question in asked), *ACTIONS_OF_STEPS)))


def check_people(live: LiveIam, expected: Expected, known: Iterable[str]) -> Iterator[Finding]:
    """A note for each principal outside the account, and each service, that can be somebody whom
    the deployment names: whom the account's own may be is asked of each."""
    account, known = expected.account.environment.account, tuple(known)
    for role in people(expected, live):
        for kind, value in sorted(set(let_in(trust_of(role)[0])) if role.trust else ()):
            if not (is_known(value, known) or is_inside(kind, value, account)):
                yield Finding(
                    Harm.NOTE,
                    f"{role.title}, whom the deployment names, can be assumed by {value} ({kind})",
                    "its trust policy names a service, or somebody outside the account",
                    "look whether they should operate, approve or audit",
                )


def _everybody_else(
    live: LiveIam, expected: Expected, actions: tuple[str, ...]
) -> Iterator[_Holder]:
    """The users and roles that are neither the deployment's, nor deploy it, nor AWS's own."""
    made = expected.made
    own = frozenset(policy.arn for policy in expected.of_type(MANAGED_POLICY))
    deploying = {role.arn for role in deployers(live, expected)}
    for holder, identity in live.identities.items():
        if identity.kind == "group" or holder in made or identity.arn in deploying:
            continue  # a group's policies count for its users; the rest is compared as a whole
        if _SERVICE_LINKED not in identity.arn:
            yield identity, held_by(identity, live, own, actions)


def _powerful_groups(
    inquiry: Inquiry, live: LiveIam, expected: Expected, asked: tuple[Question, ...]
) -> Iterator[Identity]:
    """The groups whose members reach what is ours, or are administrators."""
    own = frozenset(policy.arn for policy in expected.of_type(MANAGED_POLICY))
    actions = actions_of(asked)
    for holder, group in live.identities.items():
        if group.kind != "group" or holder in expected.made:
            continue
        member = replace(group, kind="user", arn=group.arn.replace(":group/", ":user/"))
        held = held_by(member, live, own, actions)
        if _is_administrator(held) or inquiry.answers(member, held, asked).reach_what_is_ours:
            yield group


def _ours(live: LiveIam, expected: Expected) -> Iterator[_Holder]:
    """The users and roles of the templates, which hold what was compared: they are asked whether
    somebody else's trust names them, for which they need no policy."""
    for holder, identity in live.identities.items():
        if holder in expected.made and identity.kind != "group":
            yield identity, Held((), None, ())


def _steps(
    inquiry: Inquiry,
    others: Sequence[_Holder],
    reaching: Sequence[Identity],
    known: Iterable[str],
) -> Iterator[Finding]:
    """Findings for those who can become one who reaches what is ours, step by step."""
    while reaching and others:
        trusts = {}
        for role in (identity for identity in reaching if identity.kind == "role"):
            statements, not_understood = trust_of(role)
            trusts[role.arn] = Trust(statements)
            for reason in not_understood:
                yield Finding(
                    Harm.UNKNOWN,
                    f"who can assume {role.title} cannot be determined: {reason}",
                    "its trust policy is not understood, and it reaches what is ours",
                    "look at it: whom does it let in?",
                )
        asking = replace(inquiry, trusts={**inquiry.trusts, **trusts})
        asked = step_questions(reaching)
        found = [asking.answers(identity, held, asked) for identity, held in others]
        for each in found:
            if not _is_known(each.identity, known):
                yield from each.findings()
        reaching = [each.identity for each in found if each.reach_what_is_ours]
        others = [
            other for other, each in zip(others, found, strict=True) if not each.reach_what_is_ours
        ]


def _is_known(identity: Identity, known: Iterable[str]) -> bool:
    return any(is_known(each, known) for each in (identity.name, identity.arn))


def _is_administrator(held: Held) -> bool:
    bounds = held.boundary
    return _allows_everything(held.identity) and (bounds is None or _allows_everything(bounds))


def _allows_everything(statements: Iterable[Statement]) -> bool:
    return any(
        each.allows
        and not (each.but_actions or each.but_resources)
        and any(pattern in _EVERYTHING for pattern in each.actions)
        and "*" in each.resources
        for each in statements
    )


def _trusts(expected: Expected, live: LiveIam) -> dict[str, Trust]:
    """The trust of our roles, as synthesized (how it differs is a finding of its own); of the roles
    that deploy, and of people whom the deployment names, as it is."""
    named = (each for each in people(expected, live) if each.kind == "role")
    return {
        **{
            role.arn: Trust(role.trust.statements, is_ours=True)
            for role in expected.account.principals
            if role.trust
        },
        **{role.arn: Trust(trust_of(role)[0]) for role in (*deployers(live, expected), *named)},
    }
