"""The roles that deploy the stacks: whom they let in."""

import re
from collections.abc import Iterable, Iterator

from account.expected import Expected
from account.findings import Finding, Harm, is_known
from account.live_iam import Identity, LiveIam
from account.reach.foreign_policies import Reader
from review.iam.policy_variables import Values
from review.iam.statements import Statement

_SESSIONS = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_CLOUDFORMATION = ("Service", "cloudformation.amazonaws.com")
_DELETED = re.compile(r"A[A-Z0-9]{15,}")
"""The id that stands in a trust for a principal that was deleted: nobody has it any more.
Source: IAM User Guide, AWS JSON policy elements: Principal."""


def deployers(live: LiveIam, expected: Expected) -> tuple[Identity, ...]:
    """The roles of the account that deploy, without those that the templates make."""
    named = expected.deployers
    return tuple(each for each in live.identities.values() if each.arn in named)


def trust_of(role: Identity) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """The statements by which a role may be assumed; and why others were not understood."""
    reader = Reader(Values(known={}, absent=frozenset()), _SESSIONS)
    statements = tuple(reader.read(f"trust of {role.title}", role.trust))
    return statements, tuple(reader.not_understood)


def let_in(trust: Iterable[Statement]) -> Iterator[tuple[str, str]]:
    """Kind and value of those whom a trust lets in."""
    return (each for statement in trust if statement.allows for each in statement.principals)


def check_deployers(live: LiveIam, expected: Expected, known: Iterable[str]) -> Iterator[Finding]:
    """A finding for each principal of such a role's trust that is neither the account's nor
    known; what the account's own principals may is asked of each."""
    account, known = expected.account.environment.account, tuple(known)
    for role in deployers(live, expected):
        trust, not_understood = trust_of(role)
        for reason in not_understood:
            yield Finding(
                Harm.UNKNOWN,
                f"who can assume {role.title} cannot be determined: {reason}",
                "its trust policy is not understood",
                "look at it: whom does it let in?",
            )
        for kind, value in sorted(set(let_in(trust))):
            if not (is_known(value, known) or _is_inside(kind, value, account)):
                yield Finding(
                    Harm.ACCESS,
                    f"{role.title}, which deploys the stacks, can be assumed by {value} ({kind})",
                    "its trust policy names a session, an identity provider, somebody outside the "
                    "account, or everybody",
                    "narrow its trust (cdk bootstrap), or name the principal in --known if that "
                    "is accepted",
                )


def _is_inside(kind: str, value: str, account: str) -> bool:
    """Whether a principal of a trust is CloudFormation, the account, one of its users and roles, or
    nobody. A session, or those whom an identity provider lets in, is none of them."""
    if kind != "AWS":
        return (kind, value) == _CLOUDFORMATION
    of_account = value == account or value.split(":")[2:5] == ["iam", "", account]
    return of_account or _DELETED.fullmatch(value) is not None
