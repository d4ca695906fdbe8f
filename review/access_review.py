"""The review: everything that it says, as data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review.access.evaluation import Judge
from review.access.grants import Access
from review.errors import understood
from review.escalation import Opening, openings
from review.iam.engine import Engine
from review.invariants.approvers import approver_promises
from review.invariants.audit import Subject, subjects, trail_promises
from review.invariants.auditors import auditor_promises
from review.invariants.authors import author_promises
from review.invariants.everyone import everyones_promises
from review.invariants.invariant import Promise, Verdict
from review.invariants.operators import operator_promises
from review.invariants.pipelines import pipeline_promises
from review.invariants.runbooks import runbook_promises
from review.invariants.service_roles import role_promises
from review.model.account import Account
from review.model.account_reader import read_accounts
from review.report.picture import Picture, draw
from review.templates.assembly import Template

_PROMISES = (
    operator_promises,
    approver_promises,
    auditor_promises,
    runbook_promises,
    role_promises,
    author_promises,
    pipeline_promises,
    trail_promises,
    everyones_promises,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountReview:
    """Who can do what in one account."""

    account: Account
    accesses: tuple[Access, ...]
    promises: tuple[Promise, ...]
    openings: tuple[Opening, ...]
    picture: Picture
    notifications: tuple[Subject, ...]
    """What its trail should receive, and whether it does; empty where there is none."""

    def having(self, verdict: Verdict) -> tuple[Promise, ...]:
        """The promises with this verdict."""
        return tuple(promise for promise in self.promises if promise.verdict is verdict)


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
    def broken(self) -> tuple[Promise, ...]:
        """The promises that are broken in any account."""
        return tuple(p for account in self.accounts for p in account.having(Verdict.BROKEN))


def review(engine: Engine, templates: Iterable[Template]) -> Review:
    """The review of these templates; ReviewError for what it does not know."""
    templates = tuple(templates)
    accounts = read_accounts(templates)
    actions = engine.actions()
    with understood():
        reviewed = tuple(_review(engine, account) for account in accounts)
    return Review(
        accounts=reviewed,
        data_version=actions.version,
        actions=len(actions),
        templates=templates,
    )


def _review(engine: Engine, account: Account) -> AccountReview:
    judge = Judge(engine, account)
    return AccountReview(
        account=account,
        accesses=judge.accesses,
        promises=tuple(_promises(judge)),
        openings=tuple(openings(judge)),
        picture=draw(account, judge.accesses),
        notifications=subjects(judge) if account.has_trail else (),
    )


def _promises(judge: Judge) -> Iterator[Promise]:
    for promises in _PROMISES:
        yield from promises(judge)
