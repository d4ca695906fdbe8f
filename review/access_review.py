"""The review: everything that it says, as data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review.access.evaluation import OTHER_ACCOUNT, Evaluator
from review.access.grants import Access
from review.alike_accounts import renamed
from review.audit.subjects import Subject, subjects
from review.errors import understood
from review.escalation import OpenPath, open_paths
from review.iam.engine import Engine
from review.invariants.approvers import approver_invariants
from review.invariants.audit import audit_invariants
from review.invariants.auditors import auditor_invariants
from review.invariants.authors import author_invariants
from review.invariants.everyone import everyones_invariants
from review.invariants.fleets import fleet_invariants
from review.invariants.invariant import Invariant, Verdict
from review.invariants.operators import operator_invariants
from review.invariants.pipelines.pipelines import pipeline_invariants
from review.invariants.runbooks import runbook_invariants
from review.invariants.schedules import schedule_invariants
from review.invariants.service_roles import service_role_invariants
from review.model.account import Account
from review.model.account_reader import read_accounts
from review.report.picture import Picture, draw
from review.templates.assembly import Template

_INVARIANTS = (
    operator_invariants,
    approver_invariants,
    auditor_invariants,
    runbook_invariants,
    service_role_invariants,
    fleet_invariants,
    schedule_invariants,
    author_invariants,
    pipeline_invariants,
    audit_invariants,
    everyones_invariants,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountReview:
    """Who can do what in one account."""

    account: Account
    accesses: tuple[Access, ...]
    invariants: tuple[Invariant, ...]
    open_paths: tuple[OpenPath, ...]
    picture: Picture
    notifications: tuple[Subject, ...]
    """What its audit should receive, and whether it does; empty where there is none."""

    def having(self, verdict: Verdict) -> tuple[Invariant, ...]:
        """The invariants with this verdict."""
        return tuple(invariant for invariant in self.invariants if invariant.verdict is verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """Who can do what once these templates are deployed."""

    accounts: tuple[AccountReview, ...]
    data_version: str
    """The version of the engine's data, of which the last part is its date."""
    actions: int
    """How many actions AWS has, by that data."""
    templates: tuple[Template, ...]
    """What was reviewed."""

    @property
    def violated(self) -> tuple[Invariant, ...]:
        """The invariants that are violated in any account."""
        return tuple(p for account in self.accounts for p in account.having(Verdict.VIOLATED))


def review(engine: Engine, templates: Iterable[Template]) -> Review:
    """The review of these templates; ReviewError for what it does not know."""
    templates = tuple(templates)
    accounts = read_accounts(templates)
    actions = engine.actions()
    with understood():
        reviewed = tuple(_reviewed(engine, accounts))
    return Review(
        accounts=reviewed,
        data_version=actions.version,
        actions=len(actions),
        templates=templates,
    )


def _reviewed(engine: Engine, accounts: Iterable[Account]) -> Iterator[AccountReview]:
    """The reviews of the accounts. One whose model is that of another, but for its number and the
    digests of its templates, has that one's review with its own: nothing that is evaluated depends
    on which they are."""
    known: dict[tuple[bool, str], AccountReview] = {}
    for account in accounts:
        own = _names(account)
        # What stands for the names cannot be in the text, where a NUL is written as an escape.
        model = renamed(repr(account), {name: f"\0{i}\0" for i, name in enumerate(own)})
        # The one number that questions name as somebody else's is alike to none.
        key = account.environment.account == OTHER_ACCOUNT, model
        found = known.get(key)
        if found is None:
            found = known[key] = _review(engine, account)
        yield renamed(found, dict(zip(_names(found.account), own, strict=True)))


def _names(account: Account) -> tuple[str, ...]:
    """What two accounts that are alike differ in: digests, which follow from ids with the number in
    them, and the number."""
    return (*(each.digest for each in account.templates), account.environment.account)


def _review(engine: Engine, account: Account) -> AccountReview:
    evaluator = Evaluator(engine, account)
    return AccountReview(
        account=account,
        accesses=evaluator.accesses,
        invariants=tuple(_invariants(evaluator)),
        open_paths=tuple(open_paths(evaluator)),
        picture=draw(account, evaluator.accesses),
        notifications=subjects(evaluator) if account.has_recording else (),
    )


def _invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    for invariants in _INVARIANTS:
        yield from invariants(evaluator)
