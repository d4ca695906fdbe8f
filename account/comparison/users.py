"""The deployment's own users: access keys, MFA devices, last use."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm, guarded
from review.templates.resource_types import USER

_UNUSED = timedelta(days=90)


def check_users(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A note for each key, for a user without a device, and for one who has not signed in."""
    for user in expected.of_type(USER):
        yield from guarded(f"user {user.name}", _check(aws, user.name))


def _check(aws: Aws, user: str) -> Iterator[Finding]:
    answer = aws.read("iam", "get_user", UserName=user)
    if answer is None:
        return  # the comparison of IAM reports it
    yield from _keys(aws, user)
    if not [*aws.listed("iam", "list_mfa_devices", "MFADevices", UserName=user)]:
        yield Finding(
            Harm.NOTE,
            f"user {user} has no MFA device",
            "they have not enrolled one",
            "require_mfa=True (deployments.py) lets them do nothing else without",
        )
    yield from _last_use(user, answer["User"])


def _keys(aws: Aws, user: str) -> Iterator[Finding]:
    for key in aws.listed("iam", "list_access_keys", "AccessKeyMetadata", UserName=user):
        used = aws.read("iam", "get_access_key_last_used", AccessKeyId=key["AccessKeyId"]) or {}
        when = used.get("AccessKeyLastUsed", {}).get("LastUsedDate")
        last = f"last used on {when:%Y-%m-%d}" if isinstance(when, datetime) else "never used"
        yield Finding(
            Harm.NOTE,
            f"user {user} has the access key {key['AccessKeyId']} ({key['Status']}), {last}",
            "somebody made it; this project makes none",
            "IamUser(…, cli_sign_in=True) signs in without keys; delete what nobody uses",
        )


def _last_use(name: str, user: dict[str, Any]) -> Iterator[Finding]:
    last = user.get("PasswordLastUsed") or user["CreateDate"]
    if datetime.now(UTC) - last > _UNUSED:
        yield Finding(
            Harm.NOTE,
            f"user {name} has not signed in since {last:%Y-%m-%d}",
            "they do not use it",
            "take them from deployments.py",
        )
