"""What a change of templates does to access: who gains and who loses what, in sentences."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from review.conditions import told_conditions
from review.grants import Access, Grant, alike
from review.model import Limit, Part, Principal, Runbook
from review.promises import Promise, Verdict
from review.reviews import AccountReview, Review
from review.statements import Statement
from review.trail_promises import expected, heard


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The difference of two reviews."""

    gains: tuple[str, ...]
    losses: tuple[str, ...]
    broken: tuple[str, ...]
    """Promises that are broken now and were not."""
    mended: tuple[str, ...]
    """Promises that were broken and are not any more."""
    unmade: tuple[str, ...]
    """Promises that were made and are not any more."""


@dataclass(frozen=True, slots=True)
class _Gain:
    """What somebody has in one review and not in the other, told from either side."""

    told: str
    lost: str


def change(old: Review, new: Review) -> Change:
    """What becomes of everybody's access when ``old`` becomes ``new``."""
    before = {review.account.place.account: review for review in old.accounts}
    after = {review.account.place.account: review for review in new.accounts}
    gains: list[str] = []
    losses: list[str] = []
    for account in dict.fromkeys((*before, *after)):
        where = f" (account {account})" if len({*before, *after}) > 1 else ""
        was, becomes = before.get(account), after.get(account)
        gains += [f"{gain.told}{where}" for gain in _gained(was, becomes)]
        losses += [f"{loss.lost}{where}" for loss in _gained(becomes, was)]
    was_made, is_made = _promises(old), _promises(new)
    return Change(
        gains=tuple(dict.fromkeys(gains)),
        losses=tuple(dict.fromkeys(losses)),
        broken=tuple(
            promise.sentence
            for key, promise in is_made.items()
            if _is_broken(promise) and not _is_broken(was_made.get(key))
        ),
        mended=tuple(
            promise.sentence
            for key, promise in is_made.items()
            if not _is_broken(promise) and _is_broken(was_made.get(key))
        ),
        unmade=tuple(p.sentence for key, p in was_made.items() if key not in is_made),
    )


def _promises(review: Review) -> dict[tuple[str, str], Promise]:
    """The promises by account and id."""
    return {
        (each.account.place.account, promise.id): promise
        for each in review.accounts
        for promise in each.promises
    }


def _is_broken(promise: Promise | None) -> bool:
    return promise is not None and promise.verdict is Verdict.BROKEN


def _gained(old: AccountReview | None, new: AccountReview | None) -> Iterator[_Gain]:
    """What anybody has in ``new`` and had not in ``old``."""
    if new is None:
        return
    old_accesses = {a.principal.arn: a for a in old.accesses} if old else {}
    for access in new.accesses:
        yield from _grants_gained(old_accesses.get(access.principal.arn), access)
        yield from _trust_gained(
            old_accesses.get(access.principal.arn), access.principal, new.accesses
        )
    yield from _trail_gained(old, new)
    yield from _subscribers_gained(old, new)
    held = {access.principal.arn: access.allowed_actions for access in new.accesses}
    old_runbooks = {runbook.name: runbook for runbook in old.account.runbooks} if old else {}
    starters = [a.principal.name for a in new.accesses if a.principal.part is Part.OPERATOR]
    for runbook in new.account.runbooks:
        who = ", ".join(starters) or "whoever starts it"
        was = old_runbooks.get(runbook.name)
        told = list(_runbook_gained(was, runbook, who, held))
        yield from told
        if was and was.course != runbook.course and not told:
            what = f"what {runbook.name} does, by the order, guards or outputs of its steps"
            yield _Gain(f"{who} gains {what}", f"{who} loses {what}")


def _trail_gained(old: AccountReview | None, new: AccountReview) -> Iterator[_Gain]:
    """What is no longer recorded or told, of what there is still."""
    if old is None:
        return
    there = {subject.what for subject in expected(new.account)}
    for subject in sorted(heard(old.account) - heard(new.account)):
        if subject.what in there:
            where = f"the {subject.channel} in {subject.region}"
            yield _Gain(
                f"{where} no longer hears of {subject.what}",
                f"{where} now hears of {subject.what}",
            )


def _subscribers_gained(old: AccountReview | None, new: AccountReview) -> Iterator[_Gain]:
    """Whom a topic no longer tells."""
    told = set(old.account.subscribers) if old else set()
    for region, address in sorted(told - set(new.account.subscribers)):
        topic = f"the topic in {region}"
        yield _Gain(f"{topic} no longer tells {address}", f"{topic} now tells {address}")


def _grants_gained(old: Access | None, new: Access) -> Iterator[_Gain]:
    """What is granted now, alike actions and resources in one sentence."""
    who = new.principal.name
    gained = []
    for grant in new.grants:
        had = old.on(grant.action) if old else ()
        if not any(other.covers(grant) for other in had):
            narrower = sorted(_where(other) for other in had if grant.covers(other))
            rest = (", ".join(narrower), but(grant.exceptions))
            gained.append((grant.action, _where(grant), rest))
    for actions, places, (within, exceptions) in alike(gained):
        before, kept = (f" (before: {within})", f" (left: {within})") if within else ("", "")
        lost = f"{_listed(actions)} on {_listed(places, 'more')}{exceptions}{kept}"
        # A gain is told whole, for whoever accepts it.
        gain = f"{', '.join(actions)} on {', '.join(places)}{exceptions}{before}"
        yield _Gain(f"{who} gains {gain}", f"{who} loses {lost}")
    denied = _denials(new.principal)
    for statement, text in _denials(old.principal if old else None).items():
        if statement not in denied:
            yield _Gain(
                f"{who} is no longer denied {text}, whatever else grants it",
                f"{who} is now denied {text}, whatever else grants it",
            )
    known = old.open_actions if old else ()
    for pattern in new.open_actions:
        if pattern not in known:
            by_name = f"{pattern}, with whatever AWS adds to it"
            yield _Gain(f"{who} gains {by_name}", f"{who} loses {by_name}")


def _where(grant: Grant) -> str:
    """The resource of a grant, with its conditions."""
    return f"{grant.resource}{provided(grant.conditions)}"


def _listed(texts: Sequence[str], what: str = "more actions") -> str:
    """The texts; where they are many, the first, and how many more there are."""
    more = len(texts) - _MOST
    tail = f" and {more} {what}" if more > 0 else ""
    return ", ".join(texts[:_MOST]) + tail


_MOST = 15


def provided(conditions: Iterable[str]) -> str:
    """Conditions as the end of a sentence."""
    joined = " and ".join(conditions)
    return f" where {joined}" if joined else ""


def but(exceptions: Iterable[str]) -> str:
    """Exceptions as the end of a sentence."""
    joined = ", ".join(exceptions)
    return f" but {joined}" if joined else ""


def _denials(principal: Principal | None) -> dict[Statement, str]:
    """The statements by which a principal is denied something whatever else it holds."""
    held = principal.held if principal else ()
    return {
        replace(statement, sid=""): _denied(statement)
        for policy in held
        for statement in policy.statements
        if not statement.allows
    }


def _denied(statement: Statement) -> str:
    but_actions = "all but " if statement.but_actions else ""
    but_resources = "all but " if statement.but_resources else ""
    conditions = provided(told_conditions(statement))
    resources = f"{but_resources}{_listed(statement.resources, 'more')}"
    return f"{but_actions}{_listed(statement.actions)} on {resources}{conditions}"


_MOST_ACTIONS = 15


def _trust_gained(
    old: Access | None, role: Principal, accesses: Iterable[Access]
) -> Iterator[_Gain]:
    """Who may assume a role now; those of the account's model are told by their grants."""
    known = {access.principal.arn for access in accesses}
    was = old.principal if old else None
    had = [t for s in _trusting(was, allows=True) for t in _trusted(s)]
    for statement in _trusting(role, allows=True):
        for who, conditions in _trusted(statement):
            if who in known or any(w == who and held <= conditions for w, held in had):
                continue
            told = f"assume {role.name}{provided(sorted(conditions)) or ' without condition'}"
            within = [provided(sorted(held)) for w, held in had if w == who and held > conditions]
            lost = f"{who} may no longer {told}"
            if within:
                lost = f"{who} may assume {role.name} no longer but{', '.join(within)}"
            yield _Gain(f"{who} may now {told}", lost)
    denied = list(_trusting(role, allows=False))
    for statement in _trusting(was, allows=False):
        if statement not in denied:
            told = f"denies {', '.join(value for _, value in statement.principals)}"
            told += provided(told_conditions(statement))
            yield _Gain(
                f"the trust of {role.name} no longer {told}",
                f"the trust of {role.name} now {told}",
            )


def _trusting(role: Principal | None, *, allows: bool) -> Iterator[Statement]:
    if role is not None and role.trust is not None:
        yield from (s for s in role.trust.statements if s.allows == allows)


def _trusted(statement: Statement) -> Iterator[tuple[str, set[str]]]:
    for _, value in statement.principals:
        yield value, set(told_conditions(statement))


def _runbook_gained(
    old: Runbook | None, new: Runbook, who: str, held: Mapping[str, tuple[str, ...]]
) -> Iterator[_Gain]:
    """What those who start a runbook get done by it that they did not before."""
    had = _done(old, held) if old else set()
    gained = sorted(_done(new, held) - had)
    if gained:
        what = f"{', '.join(gained)} through {new.name}"
        yield _Gain(f"{who} gains {what}", f"{who} loses {what}")
    known = {replace(call, step="") for call in old.calls} if old else set()
    for call in new.calls:
        if not call.inputs or replace(call, step="") in known or (call.is_told and not old):
            continue
        if call.is_told and set(call.actions) & set(gained):
            continue
        how = "by its inputs" if call.is_told else "which no template tells"
        what = f"what step {call.step} of {new.name} does, {how}"
        yield _Gain(f"{who} gains {what}", f"{who} loses {what}")
    if old is None:
        return
    if old.role != new.role:
        role = new.runs_as
        yield _Gain(f"{new.name} now runs as {role}", f"{new.name} no longer runs as {role}")
    limits = {limit.what: limit for limit in new.limits}
    for limit in old.limits:
        becomes = limits.get(limit.what)
        if becomes is None or not _is_as_tight(limit, becomes):
            now = becomes.value if becomes else "none"
            yield _Gain(
                f"{who} gains by {new.name}: {limit} becomes {now}",
                f"{new.name} holds {who} to more: {limit.what}: {now} becomes {limit.value}",
            )


def _done(runbook: Runbook, held: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The actions of a runbook's steps, those that depend on inputs if its role may do them."""
    of_role = held.get(runbook.role or "")
    return {
        action
        for call in runbook.calls
        for action in (*call.actions, *call.optional)
        if action in call.actions or of_role is None or action in of_role
    }


def _is_as_tight(old: Limit, new: Limit) -> bool:
    """Whether a limit holds its starter to as much as before; what cannot be told does not."""
    if old.value == new.value:
        return True
    before, after = json.loads(old.value), json.loads(new.value)
    kind = old.what.split(" ")[0]
    if kind == "approval":
        return (
            {**before, "of": 0, "needed": 0} == {**after, "of": 0, "needed": 0}
            and _is_at_least(after["needed"], before["needed"])
            and _is_within(after["of"], before["of"])
        )
    if kind.startswith("max"):
        return _is_at_least(before, after)
    if kind.startswith("min"):
        return _is_at_least(after, before)
    return kind == "allowedValues" and _is_within(after, before)


def _is_at_least(one: object, other: object) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one >= other


def _is_within(some: object, others: object) -> bool:
    return (
        isinstance(some, list)
        and isinstance(others, list)
        and set(map(str, some)) <= set(map(str, others))
    )
