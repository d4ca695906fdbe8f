"""Sessions that an AWS service opens in the account, as itself or for somebody."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import iam, sts

SESSION_SECONDS = 12 * 60 * 60
"""AWS renews a service's session for as long as its work takes; the sandbox gives a long one."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What calls are signed with."""

    access_key: str
    secret_key: str
    session_token: str | None


def open_session(role: Mapping[str, Any], name: str) -> Credentials:
    """A session of a role (the emulator's record of it) under this name."""
    account = role["Arn"].split(":")[4]
    return register(
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{name}",
            "UserId": f"{role['RoleId']}:{name}",
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        }
    )


def register(session: Mapping[str, Any]) -> Credentials:
    """New credentials for a session of the emulator's form."""
    credentials = Credentials(
        access_key=iam._gen_session_access_key(),
        secret_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
    )
    sts.register_session(
        credentials.access_key,
        {
            **session,
            "SecretAccessKey": credentials.secret_key,
            "SessionToken": credentials.session_token,
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    return credentials
