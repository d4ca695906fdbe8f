"""The allows of a principal, each with each allow of its boundary, and what they name together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from review.iam.actions import Action, Actions
from review.iam.conditions import conditions_as_text
from review.iam.patterns import common, covers, is_pattern, overlap
from review.iam.policy_variables import filled
from review.iam.statements import Policy, Statement
from review.model.account import Principal

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A statement as it applies to a principal."""

    label: str
    """``POLICY/SID``."""
    statement: Statement
    """Without policy variables."""
    written: Statement
    """As the template has it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An allow of the principal and, where it is bounded, an allow of its boundary."""

    identity: Labelled
    boundary: Labelled | None

    @property
    def both(self) -> tuple[Labelled, ...]:
        """The allows: both must grant."""
        return (self.identity, *((self.boundary,) if self.boundary else ()))

    @property
    def by(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(each.label for each in self.both)

    @property
    def conditions(self) -> list[str]:
        """What the two ask for, as they say it: the engine takes some of it for always met."""
        return [text for each in self.both for text in conditions_as_text(each.written)]

    def named(self, actions: Actions) -> list[Action]:
        """The actions that both allows name."""
        found = actions.named(self.identity.statement)
        if self.boundary is not None:
            found &= actions.named(self.boundary.statement)
        return sorted(found, key=lambda action: action.name)

    def spells(self, action: Action) -> bool:
        """Whether one of the allows names an action in full, not by a wildcard."""
        name = action.name.lower()
        return any(
            not each.statement.but_actions
            and any(spelled.lower() == name for spelled in each.statement.actions)
            for each in self.both
        )


def labelled(principal: Principal, policies: Iterable[Policy]) -> Iterator[Labelled]:
    for policy in policies:
        for written in policy.statements:
            statement = filled(written, principal.values)
            if statement is not None:
                yield Labelled(f"{policy.name}/{written.sid}", statement, written)


def pairs_of(principal: Principal) -> Iterator[Pair]:
    """Each allow with each allow of the boundary: both must grant."""
    boundary = principal.boundary
    bounds = [*labelled(principal, [boundary])] if boundary else []
    for each in labelled(principal, principal.policies):
        if not each.statement.allows:
            continue
        if boundary is None:
            yield Pair(each, None)
            continue
        yield from (Pair(each, bound) for bound in bounds if bound.statement.allows)


def resources_of(pair: Pair) -> tuple[list[tuple[str, bool]], tuple[str, ...]]:
    """The resources that both allows name, and the exceptions of all of them.

    Each is a pattern, and whether that is no wider than the two allows: where their patterns cross,
    no one pattern shows what they share.
    """
    mine, but = _allowed(pair.identity.statement)
    bounds, but_bound = _allowed(pair.boundary.statement) if pair.boundary else ((_ALL,), ())
    exceptions = (*but, *but_bound)
    found = set()
    for one, other in product(mine, bounds):
        both = common(one, other)
        if both is not None and not any(covers(exception, both) for exception in exceptions):
            found.add((both, covers(one, both) and covers(other, both)))
    return sorted(found), exceptions


def _allowed(statement: Statement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    resources = statement.resources
    return ((_ALL,), resources) if statement.but_resources else (resources, ())


def open_actions(pair: Pair, denies: list[Labelled]) -> list[str]:
    """The actions of a pair that are no plain names on either side, so that they grant what AWS
    has yet to invent; those that a Deny takes back whole are none."""
    if not resources_of(pair)[0]:
        return []
    patterns = [_patterns(each.statement) for each in pair.both]
    if not all(patterns):
        return []
    taken = [
        pattern
        for each in denies
        if not each.statement.conditions
        and not each.statement.but_actions
        and _ALL in each.statement.resources
        and not each.statement.but_resources
        for pattern in each.statement.actions
    ]
    return [
        one
        for each, others in ((patterns[0], patterns[-1]), (patterns[-1], patterns[0]))
        for one in each
        if any(_may_share(one, other) for other in others)
        and not any(covers(whole.lower(), one.lower()) for whole in taken)
    ]


def _patterns(statement: Statement) -> list[str]:
    if statement.but_actions:
        return ["all but " + ", ".join(statement.actions)]
    return [action for action in statement.actions if is_pattern(action)]


def _may_share(one: str, other: str) -> bool:
    """Whether two patterns of actions may name the same; ``all but …`` may name anything."""
    if one.startswith("all but ") or other.startswith("all but "):
        return True
    return overlap(one.lower(), other.lower())


def unknown_actions(pair: Pair, actions: Actions) -> list[str]:
    """The plain names that the engine's data does not have: newer than it, or misspelt."""
    return [
        f"{name} on {', '.join(each.statement.resources)} (which the engine's data does not know)"
        for each in pair.both
        if not each.statement.but_actions
        for name in each.statement.actions
        if not is_pattern(name) and actions.get(name) is None
        if all(other.statement.speaks_of(name) for other in pair.both)
    ]
