"""The sweep: everything that a principal can do, over every action that AWS has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from review.actions import Action, Actions
from review.aws import ASSUME_ROLE
from review.conditions import conditions_of, told_conditions
from review.engine import Asked, Engine, Request
from review.grants import Access, Grant
from review.model import Principal
from review.patterns import common, covers, is_pattern, overlap
from review.statements import ALLOW_EVERYTHING, Policy, Statement

_ALL = "*"


@dataclass(frozen=True, slots=True)
class _Pair:
    """An allow of the principal and, where it is bounded, an allow of its boundary."""

    by: tuple[str, ...]
    identity: Statement
    boundary: Statement | None

    @property
    def conditions(self) -> list[str]:
        """What the two ask for, as they say it: the engine takes some of it for always met."""
        statements = (self.identity, *((self.boundary,) if self.boundary else ()))
        return [text for statement in statements for text in told_conditions(statement)]

    def named(self, actions: Actions) -> list[Action]:
        """The actions that both allows name."""
        found = actions.named(self.identity)
        if self.boundary is not None:
            found &= actions.named(self.boundary)
        return sorted(found, key=lambda action: action.name)


def access_of(engine: Engine, principal: Principal, roles: Iterable[Principal]) -> Access:
    """Everything that a principal can do; ``roles`` are those whose trust is known.

    Actions that no allow names are denied without asking; the tests hold that against asking all.
    """
    actions = engine.actions()
    denies = [s for p in principal.held for s in p.statements if not s.allows]
    grants: list[Grant] = []
    opened: list[str] = []
    roles = tuple(roles)
    for pair in _pairs(principal):
        named = pair.named(actions)
        found = list(_granted(engine, principal, pair, denies, named, roles))
        grants += found
        if found or not named:
            opened += _open(pair)
        opened += _unknown(pair, actions)
    grants += _trusted(engine, principal, roles)
    return Access(
        principal=principal,
        grants=tuple(_narrowed(grants)),
        known=len(actions),
        open_actions=tuple(sorted(set(opened))),
    )


def asked_as(principal: Principal, account: str, *, trust: Policy | None = None) -> Asked:
    """How the engine is asked about a principal, with everything that it holds, and resources of
    an account."""
    boundary = principal.boundary
    return Asked(
        arn=principal.arn,
        context=principal.context,
        account=account,
        identity=[s for policy in principal.policies for s in policy.statements],
        boundary=boundary.statements if boundary else None,
        trust=trust.statements if trust else None,
    )


def _pairs(principal: Principal) -> Iterator[_Pair]:
    """Each allow with each allow of the boundary: both must grant."""
    for policy in principal.policies:
        for statement in policy.statements:
            if not statement.allows:
                continue
            by = (f"{policy.name}/{statement.sid}",)
            if principal.boundary is None:
                yield _Pair(by, statement, None)
                continue
            for bound in principal.boundary.statements:
                if bound.allows:
                    yield _Pair((*by, f"{principal.boundary.name}/{bound.sid}"), statement, bound)


def _granted(
    engine: Engine,
    principal: Principal,
    pair: _Pair,
    denies: list[Statement],
    actions: list[Action],
    roles: tuple[Principal, ...],
) -> Iterator[Grant]:
    """What one pair of allows grants, each resource of it asked about."""
    by_denies: dict[tuple[int, ...], list[tuple[Request, tuple[str, ...]]]] = {}
    for action in actions:
        for resource, exceptions in _resources(principal, pair, action):
            applying, partial = _denying(principal, denies, action, resource)
            known = by_denies.setdefault(tuple(applying), [])
            request = Request(action.name, resource, {})
            known.append((request, tuple(sorted({*exceptions, *partial}))))
    for indices, asked in by_denies.items():
        applied = [denies[index] for index in indices]
        answers = engine.decide(
            Asked(
                arn=principal.arn,
                context=principal.context,
                account=principal.account,
                identity=(pair.identity, *applied),
                boundary=None if pair.boundary is None else (pair.boundary,),
            ),
            [request for request, _ in asked],
            discover=True,
        )
        for (request, exceptions), answer in zip(asked, answers, strict=True):
            known_role = any(role.arn == request.resource for role in roles)
            if answer.is_allowed and not (request.action == ASSUME_ROLE and known_role):
                yield Grant(
                    action=request.action,
                    resource=request.resource,
                    conditions=tuple(sorted({*conditions_of(answer.conditions), *pair.conditions})),
                    exceptions=exceptions,
                    by=pair.by,
                )


def _resources(
    principal: Principal, pair: _Pair, action: Action
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The resources that both allows name and the action can be judged on, with exceptions."""
    mine, but = _allowed(principal, pair.identity)
    bounds, but_bound = _allowed(principal, pair.boundary) if pair.boundary else ((_ALL,), ())
    exceptions = (*but, *but_bound)
    shared = {both for one in mine for other in bounds if (both := common(one, other))}
    if action.takes_no_resource:
        if _ALL in shared:
            yield _ALL, exceptions
        return
    for resource in sorted(shared):
        if any(overlap(resource, arn) for arn in action.arns):
            yield resource, exceptions


def _allowed(principal: Principal, statement: Statement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    resources = principal.resources(statement)
    return ((_ALL,), resources) if statement.but_resources else (resources, ())


def _denying(
    principal: Principal, denies: list[Statement], action: Action, resource: str
) -> tuple[list[int], list[str]]:
    """The denies that apply to all of a resource, and the parts of it that others deny."""
    applying, partial = [], []
    for index, deny in enumerate(denies):
        if not deny.speaks_of(action.name):
            continue
        named = principal.resources(deny)
        touched = [each for each in named if overlap(each, resource)]
        whole = any(covers(each, resource) for each in named)
        if deny.but_resources:
            if not touched:
                applying.append(index)
            elif not whole and not deny.conditions:
                partial.append(f"all but {', '.join(named)}")
        elif whole:
            applying.append(index)
        elif not deny.conditions:  # under a condition, a part of it is not surely denied
            partial += touched
    return applying, partial


def _trusted(engine: Engine, principal: Principal, roles: tuple[Principal, ...]) -> Iterator[Grant]:
    """The roles that a principal can assume, by their trust and by what it holds.

    One of another account needs that account's permission as well, which no template tells.
    """
    for role in roles:
        if role.trust is None or role.arn == principal.arn:
            continue
        asked = asked_as(principal, role.account, trust=role.trust)
        naming = [s for s in role.trust.statements if ("AWS", principal.arn) in s.principals]
        conditions = tuple(text for s in naming if s.allows for text in told_conditions(s))
        if principal.account != role.account:
            asked = replace(asked, identity=(*asked.identity, ALLOW_EVERYTHING))
            conditions = (*conditions, "its own account allows it")
        answer = engine.decide(asked, [Request(ASSUME_ROLE, role.arn, {})], discover=True)[0]
        if answer.is_allowed:
            yield Grant(
                action=ASSUME_ROLE,
                resource=role.arn,
                conditions=tuple(sorted({*conditions_of(answer.conditions), *conditions})),
                exceptions=(),
                by=(role.trust.name,),
            )


def _open(pair: _Pair) -> list[str]:
    """The actions of a pair that are no plain names on either side."""
    found = []
    for statement in (pair.identity, pair.boundary):
        if statement is None:
            continue
        if statement.but_actions:
            found.append("all but " + ", ".join(statement.actions))
            continue
        patterns = [action for action in statement.actions if is_pattern(action)]
        if not patterns:
            return []
        found += patterns
    return found


def _unknown(pair: _Pair, actions: Actions) -> list[str]:
    """The plain names that the engine's data does not have: newer than it, or misspelt."""
    if pair.identity.but_actions:
        return []
    return [
        f"{name} (which the engine's data does not know)"
        for name in pair.identity.actions
        if not is_pattern(name) and actions.get(name) is None
        if pair.boundary is None or pair.boundary.speaks_of(name)
    ]


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
