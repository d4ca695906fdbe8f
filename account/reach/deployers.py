"""The roles that deploy the stacks: whom they let in."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm, is_known
from account.live_iam import Identity, LiveIam
from account.reach.foreign_policies import Reader
from review.iam.policy_variables import Values
from review.iam.statements import Statement

_SESSIONS = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_CLOUDFORMATION = ("Service", "cloudformation.amazonaws.com")
_WRITES = (
    *("s3:PutObject", "s3:PutObjectAcl", "s3:ReplicateObject", "s3:DeleteObject"),
    *("s3:DeleteObjectVersion", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
)
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
            is_ours = kind == "AWS" and is_inside(kind, value, account)
            if not (is_ours or (kind, value) == _CLOUDFORMATION or is_known(value, known)):
                yield Finding(
                    Harm.ACCESS,
                    f"{role.title}, which deploys the stacks, can be assumed by {value} ({kind})",
                    "its trust policy names a session, an identity provider, somebody outside the "
                    "account, or everybody",
                    "narrow its trust (cdk bootstrap), or name the principal in "
                    "known-principals.txt if that is accepted",
                )


def is_inside(kind: str, value: str, account: str) -> bool:
    """Whether a principal of a trust is the account, one of its users, roles and identity
    providers, or nobody. A session is none of them."""
    of_account = value == account or value.split(":")[2:5] == ["iam", "", account]
    is_nobody = kind == "AWS" and _DELETED.fullmatch(value) is not None
    return kind in ("AWS", "Federated") and (of_account or is_nobody)


def check_buckets(aws: Aws, expected: Expected, known: Iterable[str]) -> Iterator[Finding]:
    """A finding for each principal that the policy of a staging bucket lets write in it, and that
    is neither the account as a whole nor a role that deploys nor known."""
    account, known = expected.account.environment.account, tuple(known)
    writers = {*expected.deployers, account, *known}
    for bucket in dict.fromkeys(t.asset.split("/")[0] for t in expected.templates if t.asset):
        answer = aws.read("s3", "get_bucket_policy", Bucket=bucket)
        reader = Reader(Values(known={}, absent=frozenset()), _WRITES)
        policy = _anywhere(json.loads(answer["Policy"])) if answer else None
        statements = tuple(reader.read(f"policy of {bucket}", policy)) if policy else ()
        for reason in reader.not_understood:
            yield Finding(
                Harm.UNKNOWN,
                f"who can write in the bucket {bucket} cannot be determined: {reason}",
                "its policy is not understood",
                "look at it: whom does it let replace templates?",
            )
        for kind, value in sorted(set(let_in(statements))):
            if not (is_known(value, writers) or value.split(":")[4:] == [account, "root"]):
                yield Finding(
                    Harm.ACCESS,
                    f"the bucket {bucket}, from which templates are deployed, lets {value} "
                    f"({kind}) write",
                    "its bucket policy names them; conditions are taken to hold",
                    "narrow it, or name the principal in known-principals.txt if that is accepted",
                )


def _anywhere(policy: dict[str, Any]) -> dict[str, Any]:
    """A bucket's policy, which S3 took as one, each statement about all of the bucket."""
    found = policy["Statement"]
    statements = [
        {key: value for key, value in each.items() if key not in ("Resource", "NotResource")}
        if isinstance(each, dict)
        else each
        for each in (found if isinstance(found, list) else [found])
    ]
    return {**policy, "Statement": statements}
