"""What a change of templates does to access: who gains and who loses what, in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from review.access.grants import Access, Grant, alike
from review.access_review import AccountReview, Review
from review.alike_accounts import grouped, listed
from review.diff.audit import audit_gained
from review.diff.differences import Difference, differences
from review.diff.gains import About, Aspect, Gain, but, provided
from review.diff.runbooks import runbooks_gained
from review.diff.schedules import schedules_gained
from review.diff.trust import trust_gained
from review.errors import understood
from review.iam.conditions import conditions_as_text
from review.iam.patterns import covers, surely_covers
from review.iam.statements import Statement
from review.invariants.invariant import Invariant, Verdict
from review.model.account import Kind, Principal


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The difference of two reviews."""

    gains: tuple[str, ...]
    losses: tuple[str, ...]
    violated: tuple[str, ...]
    """Invariants that are violated now and were not."""
    restored: tuple[str, ...]
    """Invariants that were violated and are not any more."""
    withdrawn: tuple[str, ...]
    """Invariants that were made and are not any more."""
    differences: tuple[Difference, ...]
    """Every other difference of the assemblies: nobody has evaluated what it does."""

    @property
    def widens(self) -> bool:
        """Whether anybody gains access, as far as is known. An invariant that is violated counts as
        a gain, and so does every difference of an administrators' stack that is not evaluated."""
        unknown = any(each.is_administrators for each in self.differences)
        return bool(self.gains or self.violated) or unknown


def change(old: Review, new: Review) -> Change:
    """What becomes of everybody's access when ``old`` becomes ``new``."""
    with understood():
        return _change(old, new)


def _change(old: Review, new: Review) -> Change:
    before = {review.account.environment.account: review for review in old.accounts}
    after = {review.account.environment.account: review for review in new.accounts}
    gains: list[tuple[str, str]] = []
    losses: list[tuple[str, str]] = []
    evaluated: dict[str, set[About]] = {}
    """By account, what sentences are about."""
    for account in dict.fromkeys((*before, *after)):
        was, becomes = before.get(account), after.get(account)
        gained, lost = [*_gained(was, becomes)], [*_gained(becomes, was)]
        gains += [(account, gain.reported) for gain in gained]
        losses += [(account, loss.lost) for loss in lost if loss.lost]
        evaluated[account] = {about for each in (*gained, *lost) for about in each.about}
    is_one = len({*before, *after}) == 1
    was_made, is_made = _invariants(old), _invariants(new)
    return Change(
        gains=tuple(_once(gains, is_one=is_one)),
        losses=tuple(_once(losses, is_one=is_one)),
        violated=tuple(
            invariant.sentence
            for key, invariant in is_made.items()
            if _is_violated(invariant) and not _is_violated(was_made.get(key))
        ),
        restored=tuple(
            invariant.sentence
            for key, invariant in is_made.items()
            if not _is_violated(invariant) and _is_violated(was_made.get(key))
        ),
        withdrawn=tuple(p.sentence for key, p in was_made.items() if key not in is_made),
        differences=tuple(differences(old, new, evaluated)),
    )


def _once(found: Iterable[tuple[str, str]], *, is_one: bool) -> Iterator[str]:
    """The sentences, each with the account that it is about, or once with those that it is."""
    distinct = dict.fromkeys(found)
    for text, accounts in grouped((account, said, account) for account, said in distinct):
        if is_one:
            yield text
        elif len(accounts) == 1:
            yield f"{text} (account {accounts[0]})"
        else:
            yield f"{text} ({len(accounts)} accounts: {listed(accounts)})"


def _invariants(review: Review) -> dict[tuple[str, str], Invariant]:
    """The invariants by account and id."""
    return {
        (each.account.environment.account, invariant.id): invariant
        for each in review.accounts
        for invariant in each.invariants
    }


def _is_violated(invariant: Invariant | None) -> bool:
    return invariant is not None and invariant.verdict is Verdict.VIOLATED


def _gained(old: AccountReview | None, new: AccountReview | None) -> Iterator[Gain]:
    """What anybody has in ``new`` and had not in ``old``."""
    if new is None:
        return
    old_accesses = {a.principal.arn: a for a in old.accesses} if old else {}
    for access in new.accesses:
        was = old_accesses.get(access.principal.arn)
        name = access.principal.name
        is_new = was is None and access.principal.kind is Kind.POLICY_HOLDERS
        made = {each.name for each in old.account.made if each.kind == "policy"} if old else ()
        if is_new and name in made:
            continue  # it is held by somebody else there; what it grants is reported of them
        labels = frozenset((Aspect.STATEMENT, name, label) for label in _labels(was, access))
        for reported, lost in _grants_gained(was, access):
            yield Gain(reported, lost, labels)
        for who, reported, lost in trust_gained(was, access.principal, new.accesses):
            yield Gain(reported, lost, frozenset((Aspect.TRUST, name, each) for each in who))
    yield from audit_gained(old, new)
    yield from runbooks_gained(old, new)
    yield from schedules_gained(old, new)


def _labels(old: Access | None, new: Access) -> set[str]:
    """The statements by which a principal has more now than before."""
    granted = {
        label
        for grant in new.grants
        if not any(other.covers(grant) for other in (old.on(grant.action) if old else ()))
        for label in grant.by
    }
    denied = _denials(new.principal)
    return granted | {
        f"{policy.name}/{statement.sid}"
        for policy in (old.principal.held if old else ())
        for statement in policy.statements
        if not statement.allows
        and not any(_denies_as_much(each, replace(statement, sid="")) for each in denied)
    }


def _grants_gained(old: Access | None, new: Access) -> Iterator[tuple[str, str]]:
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
        # Every gained action is listed: a reviewer approves exactly these.
        gain = f"{', '.join(actions)} on {', '.join(places)}{exceptions}{before}"
        yield f"{who} gains {gain}", f"{who} loses {lost}"
    denied = _denials(new.principal)
    for statement, text in _denials(old.principal if old else None).items():
        if not any(_denies_as_much(each, statement) for each in denied):
            yield (
                f"{who} is no longer denied {text}, whatever else grants it",
                f"{who} is now denied {text}, whatever else grants it",
            )
    was, is_now = (_bounded(each) for each in (old, new))
    if was and was != is_now:
        instead = f"bounded by {is_now} instead of {was}" if is_now else f"not bounded by {was}"
        yield f"{who} is now {instead}", f"{who} is now bounded by {was}"
    known = old.open_actions if old else ()
    for pattern in new.open_actions:
        if pattern not in known:
            by_name = f"{pattern}, with whatever AWS adds to it"
            yield f"{who} gains {by_name}", f"{who} loses {by_name}"


def _bounded(access: Access | None) -> str:
    """The name of a principal's boundary; empty where it has none."""
    boundary = access.principal.boundary if access else None
    return boundary.name if boundary else ""


def _where(grant: Grant) -> str:
    """The resource of a grant, with its conditions."""
    return f"{grant.resource}{provided(grant.conditions)}"


def _listed(texts: Sequence[str], what: str = "more actions") -> str:
    """The texts; where they are many, the first, and how many more there are."""
    more = len(texts) - _MOST
    tail = f" and {more} {what}" if more > 0 else ""
    return ", ".join(texts[:_MOST]) + tail


_MOST = 15


def _denials(principal: Principal | None) -> dict[Statement, str]:
    """The statements by which a principal is denied something whatever else it holds."""
    held = principal.held if principal else ()
    return {
        replace(statement, sid=""): _denied(statement)
        for policy in held
        for statement in policy.statements
        if not statement.allows
    }


def _denies_as_much(one: Statement, other: Statement) -> bool:
    """Whether a Deny surely denies all that another one does."""
    if one == other:
        return True
    plain = not (one.but_actions or one.but_resources or other.but_actions or other.but_resources)
    return (
        plain
        and all(any(covers(w.lower(), a.lower()) for w in one.actions) for a in other.actions)
        and all(any(surely_covers(w, r) for w in one.resources) for r in other.resources)
        and set(one.conditions) <= set(other.conditions)
    )


def _denied(statement: Statement) -> str:
    but_actions = "all but " if statement.but_actions else ""
    but_resources = "all but " if statement.but_resources else ""
    conditions = provided(conditions_as_text(statement))
    resources = f"{but_resources}{_listed(statement.resources, 'more')}"
    return f"{but_actions}{_listed(statement.actions)} on {resources}{conditions}"
