"""Everything that is wrong in the account, in the order of harm."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from account.aws import Aws
from account.comparison.delivery import check_delivery
from account.comparison.documents import check_documents
from account.comparison.identities import check_identities, check_providers
from account.comparison.schedules import check_schedules
from account.comparison.settings import check_settings
from account.comparison.stacks import check_missing, check_stacks, missing_stacks
from account.comparison.users import check_users
from account.errors import Unreadable
from account.expected import Expected, read_expected
from account.findings import Finding, by_harm, guarded, unreadable
from account.live_iam import read_iam
from account.reach.deployers import check_buckets, check_deployers
from account.reach.inquiry import Control
from account.reach.others import actions_of, check_others, check_people
from account.reach.questions import questions, recording_questions, stack_questions
from account.service_control_policies import read_controls, unread_controls
from review.iam.engine import Engine


def examine(aws: Aws, assembly: Path, known: Iterable[str] = ()) -> list[Finding]:
    """The findings of an account against a synthesized assembly; ``known`` are patterns of names of
    other principals whose reach is accepted."""
    whole = read_expected(assembly, aws)
    try:
        missing = missing_stacks(aws, whole)
    except Unreadable as error:
        return [unreadable("the stacks", error)]
    expected, found = whole.without(missing), list[Finding]()
    with Engine() as engine:
        for what, check in _checks(engine, tuple(known)):
            found += guarded(what, check(aws, expected))
        found += guarded("names that exist", check_missing(aws, whole, missing))
    return by_harm(found)


Check = Callable[[Aws, Expected], Iterable[Finding]]


def _checks(engine: Engine, known: tuple[str, ...]) -> Iterator[tuple[str, Check]]:
    """What is checked, each by a call that may be refused by itself."""
    yield "the stacks", check_stacks
    yield "the documents", check_documents
    yield "IAM", lambda aws, expected: _check_iam(engine, aws, expected, known)
    yield "the users' keys and devices", check_users
    yield "recording and reporting", check_delivery
    yield "schedules", check_schedules
    yield "settings", check_settings


def _check_iam(
    engine: Engine, aws: Aws, expected: Expected, known: tuple[str, ...]
) -> Iterator[Finding]:
    if not expected.templates:
        return  # nothing stands that anybody could reach
    live = read_iam(aws)
    yield from check_identities(live, expected)
    yield from guarded("identity providers", check_providers(aws, expected))
    yield from check_deployers(live, expected, known)
    yield from check_people(live, expected, known)
    yield from guarded("staging buckets", check_buckets(aws, expected, known))
    asked = questions(expected, live)
    for what, further in (
        ("what records and reports", recording_questions),
        ("other stacks", stack_questions),
    ):
        try:
            asked += further(aws, expected)
        except Unreadable as error:
            yield unreadable(what, error)
    controls: tuple[Control, ...] = ()
    try:
        controls = read_controls(aws, actions_of(asked))
    except Unreadable as error:
        yield unread_controls(error)
    yield from check_others(engine, live, expected, asked, known, controls)
