"""Everything that is wrong in the account, in the order of harm."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from account.aws import Aws
from account.delivery import check_delivery
from account.documents import check_documents
from account.errors import Unreadable
from account.expected import Expected, read_expected
from account.findings import Finding, Harm, by_harm
from account.identities import check_identities
from account.live_iam import read_iam
from account.others import check_others
from account.settings import check_settings
from account.stacks import check_stacks
from account.users import check_users
from review.iam.engine import Engine


def examine(aws: Aws, assembly: Path, known: Iterable[str] = ()) -> list[Finding]:
    """The findings of an account against a synthesized assembly; ``known`` are patterns of names of
    principals that are accepted."""
    expected = read_expected(assembly, aws)
    found: list[Finding] = []
    with Engine() as engine:
        for what, check in _checks(engine):
            try:
                found += check(aws, expected)
            except Unreadable as error:
                found.append(_unreadable(what, error))
    accepted = tuple(known)
    return by_harm([f for f in found if not any(_is_about(f, pattern) for pattern in accepted)])


Check = Callable[[Aws, Expected], Iterable[Finding]]


def _checks(engine: Engine) -> Iterator[tuple[str, Check]]:
    """What is checked, each by a call that may be refused by itself."""
    yield "the stacks", check_stacks
    yield "the documents", check_documents
    yield "IAM", lambda aws, expected: _check_iam(engine, aws, expected)
    yield "the users' keys and devices", check_users
    yield "recording and reporting", check_delivery
    yield "settings", check_settings


def _check_iam(engine: Engine, aws: Aws, expected: Expected) -> Iterator[Finding]:
    live = read_iam(aws)
    yield from check_identities(live, expected)
    yield from check_others(engine, live, expected)


def _unreadable(what: str, error: Unreadable) -> Finding:
    return Finding(
        Harm.UNKNOWN,
        f"{what} could not be read: {error}",
        "the caller's policy lacks the action",
        "python -m account policy prints what the doctor reads",
    )


def _is_about(finding: Finding, pattern: str) -> bool:
    words = finding.what.split(" ", 2)
    return len(words) > 1 and words[0] in ("role", "user") and fnmatchcase(words[1], pattern)
