"""What a principal can do, as values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from review.iam.patterns import covers
from review.model.account import Principal


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
        """Whether anyone who has this can do the other."""
        return (
            self.action == other.action
            and covers(self.resource, other.resource)
            and set(self.conditions) <= set(other.conditions)
            and set(self.exceptions) <= set(other.exceptions)
        )


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Cut:
    """Something that a statement allows and something else takes back."""

    action: str
    resource: str
    by: tuple[str, ...]
    """The statements that allow it, as of a `Grant`."""
    cut_by: str
    """The statement that denies it, the boundary that leaves it out, or the trust that lacks it."""


Allowed = dict[str, tuple[list[str], tuple[str, ...]]]
"""Of each action, the resources, and what every grant of it has to ask for besides."""


def is_among(grant: Grant, allowed: Allowed) -> bool:
    """Whether a grant is one of these, and no wider."""
    resources, conditions = allowed.get(grant.action, ([], ()))
    return grant.resource in resources and set(conditions) <= set(grant.conditions)


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one principal can do."""

    principal: Principal
    grants: tuple[Grant, ...]
    known: int
    """How many actions were evaluated: all that the engine's data has."""
    open_actions: tuple[str, ...]
    """What effective allows name and no data can evaluate: patterns, which will grant what AWS has
    yet to invent, and names that the engine's data does not have."""
    cuts: tuple[Cut, ...] = ()
    """What a statement allows and the principal cannot do all the same."""

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


def alike(
    rows: Iterable[tuple[str, str, tuple[str, ...]]],
) -> Iterator[tuple[tuple[str, ...], list[str], tuple[str, ...]]]:
    """Rows of an action, a place and whatever else, together: the actions of a place in one, then
    the places with the same actions."""
    by_place: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for action, place, rest in rows:
        by_place.setdefault((place, rest), []).append(action)
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (place, rest), actions in by_place.items():
        together.setdefault((tuple(actions), rest), []).append(place)
    for (actions_of, rest), places in together.items():
        yield actions_of, places, rest
