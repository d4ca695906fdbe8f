"""What a change of templates does to access: who gains and who loses what, in sentences."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review.grants import Access
from review.principals import Limit, Part, Principal, Runbook
from review.promises import Verdict
from review.reviews import AccountReview, Review
from review.statements import Statement


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The difference of two reviews."""

    gains: tuple[str, ...]
    losses: tuple[str, ...]
    broken: tuple[str, ...]
    """Promises that are broken now and were not."""
    mended: tuple[str, ...]
    """Promises that were broken and are not any more."""


def change(old: Review, new: Review) -> Change:
    """What becomes of everybody's access when ``old`` becomes ``new``."""
    before = {review.account.place.account: review for review in old.accounts}
    after = {review.account.place.account: review for review in new.accounts}
    gains: list[str] = []
    losses: list[str] = []
    for account in dict.fromkeys((*before, *after)):
        where = f" (account {account})" if len({*before, *after}) > 1 else ""
        was, becomes = before.get(account), after.get(account)
        gains += [f"{text}{where}" for text in _gained(was, becomes)]
        losses += [f"{_lost(text)}{where}" for text in _gained(becomes, was)]
    was_broken, is_broken = (
        {
            promise.sentence
            for review in each.accounts
            for promise in review.promises
            if promise.verdict is Verdict.BROKEN
        }
        for each in (old, new)
    )
    return Change(
        gains=tuple(dict.fromkeys(gains)),
        losses=tuple(dict.fromkeys(losses)),
        broken=tuple(sorted(is_broken - was_broken)),
        mended=tuple(sorted(was_broken - is_broken)),
    )


def _lost(text: str) -> str:
    """The sentence of a gain, for the loss of the same."""
    for gained, lost in _OPPOSITES:
        if gained in text:
            return text.replace(gained, lost, 1)
    return text


_OPPOSITES = (
    (" gains ", " loses "),
    (" is now not denied ", " is now denied "),
    (" may now ", " may no longer "),
    (" now runs as ", " no longer runs as "),
)


def _gained(old: AccountReview | None, new: AccountReview | None) -> Iterator[str]:
    """What anybody has in ``new`` and had not in ``old``."""
    if new is None:
        return
    old_accesses = {a.principal.arn: a for a in old.accesses} if old else {}
    for access in new.accesses:
        yield from _grants_gained(old_accesses.get(access.principal.arn), access)
        yield from _trust_gained(
            old_accesses.get(access.principal.arn), access.principal, new.accesses
        )
    old_runbooks = {runbook.name: runbook for runbook in old.account.runbooks} if old else {}
    starters = [a.principal.name for a in new.accesses if a.principal.part is Part.OPERATOR]
    for runbook in new.account.runbooks:
        yield from _runbook_gained(old_runbooks.get(runbook.name), runbook, starters)


def _grants_gained(old: Access | None, new: Access) -> Iterator[str]:
    had = old.grants if old else ()
    gained: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for grant in new.grants:
        if not any(other.covers(grant) for other in had):
            key = (grant.resource, grant.conditions, grant.exceptions)
            gained.setdefault(key, []).append(grant.action)
    for (resource, conditions, exceptions), actions in gained.items():
        on = f"{resource}{where(conditions)}{but(exceptions)}"
        yield f"{new.principal.name} gains {_listed(actions)} on {on}"
    if old:
        denied = _denials(new.principal)
        for text in _denials(old.principal):
            if text not in denied:
                yield f"{new.principal.name} is now not denied {text}, whatever else grants it"
    known = old.open_actions if old else ()
    for pattern in new.open_actions:
        if pattern not in known:
            yield f"{new.principal.name} gains {pattern} by name, whatever AWS adds to it"


def _listed(actions: list[str]) -> str:
    """The actions; where they are many, the first, and how many more there are."""
    more = len(actions) - _MOST_ACTIONS
    tail = f" and {more} more actions" if more > 0 else ""
    return ", ".join(actions[:_MOST_ACTIONS]) + tail


def _denials(principal: Principal) -> list[str]:
    """What a principal is denied whatever else it holds, a sentence for each action."""
    boundary = (principal.boundary,) if principal.boundary else ()
    return [
        f"{action} on {', '.join(statement.resources)}{where(_conditions(statement))}"
        for policy in (*principal.policies, *boundary)
        for statement in policy.statements
        if not statement.allows
        for action in statement.actions
    ]


def _conditions(statement: Statement) -> list[str]:
    return [f"{key} {operator} {', '.join(v)}" for operator, key, v in statement.conditions]


_MOST_ACTIONS = 15


def where(conditions: Iterable[str]) -> str:
    """Conditions as the end of a sentence."""
    joined = " and ".join(conditions)
    return f" where {joined}" if joined else ""


def but(exceptions: Iterable[str]) -> str:
    """Exceptions as the end of a sentence."""
    joined = ", ".join(exceptions)
    return f" but {joined}" if joined else ""


def _trust_gained(old: Access | None, role: Principal, accesses: Iterable[Access]) -> Iterator[str]:
    """Who may assume a role now; those of the account's model are told by their grants."""
    known = {access.principal.arn for access in accesses}
    had = [t for s in _trusting(old.principal if old else None) for t in _trusted(s)]
    for statement in _trusting(role):
        for who, conditions in _trusted(statement):
            if who in known or any(other == who and held <= conditions for other, held in had):
                continue
            told = where(sorted(conditions))
            yield f"{who} may now assume {role.name}{told}"


def _trusting(role: Principal | None) -> Iterator[Statement]:
    if role is not None and role.trust is not None:
        yield from (s for s in role.trust.statements if s.allows)


def _trusted(statement: Statement) -> Iterator[tuple[str, set[str]]]:
    for _, value in statement.principals:
        yield value, set(_conditions(statement))


def _runbook_gained(old: Runbook | None, new: Runbook, starters: list[str]) -> Iterator[str]:
    """What those who start a runbook get done by it that they did not before."""
    who = ", ".join(starters) or "whoever starts it"
    had = {action for call in old.calls for action in call.actions} if old else set()
    gained = sorted({action for call in new.calls for action in call.actions} - had)
    if gained:
        yield f"{who} gains {', '.join(gained)} through {new.name}"
    untold = {call.step for call in old.calls if not call.is_told} if old else set()
    for call in new.calls:
        if not call.is_told and call.step not in untold:
            yield f"{who} gains what step {call.step} of {new.name} does, which no template tells"
    if old is None:
        return
    if old.role != new.role:
        yield f"{new.name} now runs as {new.role or 'its starter, or a role that he passes'}"
    limits = {limit.what: limit for limit in new.limits}
    for limit in old.limits:
        becomes = limits.get(limit.what)
        if becomes is None or not _is_as_tight(limit, becomes):
            now = becomes.value if becomes else "no more"
            yield f"{who} gains by {new.name}: {limit} becomes {now}"


def _is_as_tight(old: Limit, new: Limit) -> bool:
    """Whether a limit holds its starter to as much as before."""
    if old.value == new.value:
        return True
    before, after = json.loads(old.value), json.loads(new.value)
    kind = old.what.split(" ")[0]
    if kind.startswith("max"):
        return bool(after <= before)
    if kind.startswith("min"):
        return bool(after >= before)
    if kind == "allowedValues":
        return set(map(str, after)) <= set(map(str, before))
    if kind == "approval":
        return after["needed"] >= before["needed"] and set(map(str, after["of"])) <= set(
            map(str, before["of"])
        )
    return False
