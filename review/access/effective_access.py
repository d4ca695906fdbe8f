"""Effective access: everything that a principal can do, over every action that AWS has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from review.access.accounting import require_accounted
from review.access.allows import (
    Labelled,
    Pair,
    labelled,
    open_actions,
    pairs_of,
    resources_of,
    unknown_actions,
)
from review.access.grants import Access, Cut, Grant
from review.errors import ReviewError
from review.iam.actions import Action
from review.iam.conditions import conditions_as_text, conditions_of
from review.iam.engine import Engine, Request, Requester
from review.iam.names import ASSUME_ROLE
from review.iam.patterns import may_overlap, surely_covers
from review.iam.statements import ALLOW_EVERYTHING, Policy, Statement
from review.model.account import Principal

_ALL = "*"


@lru_cache(maxsize=256)
def access_of(engine: Engine, principal: Principal, roles: tuple[Principal, ...]) -> Access:
    """Everything that a principal can do; ``roles`` are those whose trust is known.

    Each action and resource that a statement allows becomes a grant, or is cut by a statement or
    boundary that is named; raises ReviewError where it is neither. Actions that no allow names are
    denied without asking; the tests hold that against asking all. Of two assemblies, most
    principals are the same: each is evaluated once.
    """
    actions = engine.actions()
    denies = [each for each in labelled(principal, principal.held) if not each.statement.allows]
    found: list[Grant | Cut] = []
    opened: list[str] = []
    for pair in pairs_of(principal):
        found += _decided(engine, principal, pair, denies, pair.named(actions), roles)
        opened += open_actions(pair, denies)
        opened += unknown_actions(pair, actions)
    trusted = [*_trusted(engine, principal, roles)]
    assumed = {grant.resource for grant in trusted}
    granted = [each for each in found if isinstance(each, Grant)]
    cuts = {each for each in found if isinstance(each, Cut)}
    access = Access(
        principal=principal,
        grants=tuple(_narrowed([*granted, *trusted])),
        known=len(actions),
        open_actions=tuple(sorted(set(opened))),
        cuts=tuple(sorted(c for c in cuts if c.action != ASSUME_ROLE or c.resource not in assumed)),
    )
    return replace(access, cuts=require_accounted(access, actions))


def requester_of(principal: Principal, account: str, *, trust: Policy | None = None) -> Requester:
    """How the engine is asked about a principal, with everything that it holds, and resources of
    an account."""
    boundary = principal.boundary
    return Requester(
        arn=principal.arn,
        context=principal.context,
        account=account,
        identity=principal.filled(s for policy in principal.policies for s in policy.statements),
        boundary=principal.filled(boundary.statements) if boundary else None,
        trust=principal.filled(trust.statements) if trust else None,
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What the engine is asked, and what the answer is about."""

    request: Request
    exceptions: tuple[str, ...]


def _decided(
    engine: Engine,
    principal: Principal,
    pair: Pair,
    denies: list[Labelled],
    actions: list[Action],
    roles: tuple[Principal, ...],
) -> Iterator[Grant | Cut]:
    """What becomes of one pair of allows, each resource of it asked about."""
    by_denies: dict[tuple[int, ...], list[_Question]] = {}
    shared, exceptions = resources_of(pair)
    for action, (resource, is_exact) in product(actions, shared):
        applying, partial = _denying(denies, action, resource)
        rest = tuple(sorted({*exceptions, *partial}))
        question = _Question(Request(action.name, resource, {}), rest)
        takes = action.takes(resource)
        if takes and is_exact:
            by_denies.setdefault(tuple(applying), []).append(question)
        elif action.may_take(resource) or pair.spells(action):
            # Patterns that cross, or a kind of resource that is newer than the engine's data.
            cut = _cutting(denies, applying)
            yield _cut(pair, question, cut) if cut else _grant(pair, question)
    for indices, asked in by_denies.items():
        yield from _asked(engine, principal, pair, [denies[i] for i in indices], asked, roles)


def _asked(
    engine: Engine,
    principal: Principal,
    pair: Pair,
    denies: list[Labelled],
    asked: list[_Question],
    roles: tuple[Principal, ...],
) -> Iterator[Grant | Cut]:
    """What the engine says of requests that the same denies apply to."""
    on = tuple(sorted({question.request.resource for question in asked}))

    def narrowed(each: Labelled, *resources: str) -> Statement:
        return replace(each.statement, resources=resources, but_resources=False)

    whole = Requester(
        arn=principal.arn,
        context=principal.context,
        account=principal.account,
        identity=(narrowed(pair.identity, *on), *(narrowed(each, _ALL) for each in denies)),
        boundary=None if pair.boundary is None else (narrowed(pair.boundary, *on),),
    )
    answers = engine.decide(whole, [question.request for question in asked], discover=True)
    for question, answer in zip(asked, answers, strict=True):
        request = question.request
        if answer.is_allowed:
            role = next((r for r in roles if r.arn == request.resource), None)
            if request.action != ASSUME_ROLE or role is None:
                yield _grant(pair, question, conditions_of(answer.conditions))
            else:
                assert role.trust is not None
                yield _cut(pair, question, role.trust.name)
            continue
        cutting = _cutting(denies, range(len(denies)))
        if not cutting:
            raise ReviewError(
                f"{principal.name}: {pair.by[0]} allows {request.action} on {request.resource}, no "
                f"statement and no boundary cuts it, and the engine denies it"
            )
        yield _cut(pair, question, cutting)


def _cut(pair: Pair, question: _Question, cut_by: str) -> Cut:
    request = question.request
    return Cut(action=request.action, resource=request.resource, by=pair.by, cut_by=cut_by)


def _grant(pair: Pair, question: _Question, conditions: Iterable[str] = ()) -> Grant:
    return Grant(
        action=question.request.action,
        resource=question.request.resource,
        conditions=tuple(sorted({*conditions, *pair.conditions})),
        exceptions=question.exceptions,
        by=pair.by,
    )


def _cutting(denies: list[Labelled], applying: Iterable[int]) -> str:
    """The denies that apply whatever the request is like; empty where there are none."""
    labels = [denies[i].label for i in applying if not denies[i].statement.conditions]
    return " and ".join(labels)


def _denying(denies: list[Labelled], action: Action, resource: str) -> tuple[list[int], list[str]]:
    """The denies that apply to all of a resource, and the parts of it that others deny."""
    applying, partial = [], []
    for index, each in enumerate(denies):
        deny = each.statement
        if not deny.speaks_of(action.name):
            continue
        touched = [named for named in deny.resources if may_overlap(named, resource)]
        whole = any(surely_covers(named, resource) for named in deny.resources)
        if deny.but_resources:
            if not touched:
                applying.append(index)
            elif not whole and not deny.conditions:
                partial.append(f"all but {', '.join(deny.resources)}")
        elif whole:
            applying.append(index)
        elif not deny.conditions:  # under a condition, a part of it is not surely denied
            partial += touched
    return applying, partial


def _trusted(engine: Engine, principal: Principal, roles: tuple[Principal, ...]) -> Iterator[Grant]:
    """The roles that a principal can assume, by each statement of their trust alone and by what it
    holds.

    One of another account needs that account's permission as well, which no template shows.
    """
    for role in roles:
        if role.trust is None or role.arn == principal.arn:
            continue
        denies = tuple(statement for statement in role.trust.statements if not statement.allows)
        for statement in role.trust.statements:
            if not statement.allows:
                continue
            trust = replace(role.trust, statements=(statement, *denies))
            asked = requester_of(principal, role.account, trust=trust)
            conditions = list(conditions_as_text(statement))
            if principal.account != role.account:
                asked = replace(asked, identity=(*asked.identity, ALLOW_EVERYTHING))
                conditions.append("its own account allows it")
            answer = engine.decide(asked, [Request(ASSUME_ROLE, role.arn, {})], discover=True)[0]
            if answer.is_allowed:
                yield Grant(
                    action=ASSUME_ROLE,
                    resource=role.arn,
                    conditions=tuple(sorted({*conditions_of(answer.conditions), *conditions})),
                    exceptions=(),
                    by=(role.trust.name,),
                )


def _narrowed(grants: Iterable[Grant]) -> Iterator[Grant]:
    """The grants without those that others cover; the same grant by two statements once."""
    by_action: dict[str, list[Grant]] = {}
    for grant in sorted(set(grants)):
        kept = by_action.setdefault(grant.action, [])
        if not any(other.covers(grant) for other in kept):
            kept[:] = [other for other in kept if not grant.covers(other)]
            kept.append(grant)
    for kept in by_action.values():
        yield from kept
