"""What a principal can do: every action that AWS has, asked, and what came out allowed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from review.actions import Action, Actions
from review.aws import ASSUME_ROLE
from review.engine import Asked, Engine, Request
from review.model import Principal
from review.patterns import common, covers, is_pattern, overlap
from review.statements import ALLOW_EVERYTHING, Policy, Statement

_ALL = "*"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Grant:
    """Something that a principal can do."""

    action: str
    resource: str
    """A pattern of ARNs, as narrow as policies and boundary together make it."""
    conditions: tuple[str, ...]
    """What must hold besides, all of it."""
    exceptions: tuple[str, ...]
    """Resources within the pattern that a statement denies or leaves out."""
    by: tuple[str, ...]
    """The statements that grant it, ``POLICY/SID``; with a boundary, its statement as well."""

    def covers(self, other: "Grant") -> bool:
        """Whether whoever has this can do the other."""
        return (
            self.action == other.action
            and covers(self.resource, other.resource)
            and set(self.conditions) <= set(other.conditions)
            and set(self.exceptions) <= set(other.exceptions)
        )


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one principal can do."""

    principal: Principal
    grants: tuple[Grant, ...]
    known: int
    """How many actions were judged: all that the engine's data has."""
    open_actions: tuple[str, ...]
    """What effective allows name and no data can judge: patterns, which will grant what AWS has
    yet to invent, and names that the engine's data does not have."""

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """The actions that are allowed on something."""
        return tuple(self._by_action)

    @property
    def denied(self) -> int:
        """How many of the actions are denied on everything."""
        return self.known - len(self.allowed_actions)

    def on(self, action: str) -> tuple[Grant, ...]:
        """The grants of an action."""
        return tuple(self._by_action.get(action, ()))

    @cached_property
    def _by_action(self) -> dict[str, list[Grant]]:
        found: dict[str, list[Grant]] = {}
        for grant in self.grants:
            found.setdefault(grant.action, []).append(grant)
        return found


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
                account=principal.arn.split(":")[4],
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
        account = role.arn.split(":")[4]
        asked = asked_as(principal, account, trust=role.trust)
        naming = [s for s in role.trust.statements if ("AWS", principal.arn) in s.principals]
        conditions = tuple(text for s in naming if s.allows for text in told_conditions(s))
        if principal.arn.split(":")[4] != account:
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


def told_conditions(statement: Statement) -> list[str]:
    """The conditions of a statement, a text each."""
    return [f"{key} {operator} {', '.join(v)}" for operator, key, v in statement.conditions]


def conditions_of(expressions: Iterable[Any]) -> tuple[str, ...]:
    """What must hold, one text for each condition; several kinds of resource are alternatives."""
    told = list(dict.fromkeys(json.dumps(e, sort_keys=True) for e in expressions))
    if len(told) == 1:
        return tuple(sorted(set(_all_of(json.loads(told[0])))))
    alternatives = sorted({" and ".join(_all_of(json.loads(e))) for e in told})
    return () if "" in alternatives else (" or ".join(f"({a})" for a in alternatives),)


def _all_of(expression: Any) -> list[str]:
    kind = expression["conditionType"]
    if kind == "always":
        return []
    if kind == "condition":
        values = ", ".join(expression["values"])
        return [f"{expression['key']} {expression['op']} {values}"]
    if kind == "group" and expression["operator"] == "and":
        return [text for part in expression["conditions"] for text in _all_of(part)]
    if kind == "group":
        parts = [" and ".join(_all_of(part)) for part in expression["conditions"]]
        return [] if "" in parts else ["(" + " or ".join(parts) + ")"]
    return [json.dumps(expression, sort_keys=True)]
