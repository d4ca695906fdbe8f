"""The AWS clients that steps use: real ones, against this account's own endpoint."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from sandbox.emulator.sts.role_sessions import Credentials

_TIMEOUT_SECONDS = 30
_endpoint: dict[str, str] = {}
_automation_keys: set[str] = set()
_forwarded_keys: set[str] = set()


def configure(*, endpoint: str, certificate: str) -> None:
    """Shows where the account answers and the certificate of its authority."""
    _endpoint.update(url=endpoint, certificate=certificate)


def client(
    service: str, credentials: Credentials, region: str, *, user_agent: str = "ssm.amazonaws.com"
) -> Any:
    """A client of this account with a session's keys."""
    return _session().create_client(
        service,
        region_name=region,
        endpoint_url=_endpoint["url"],
        verify=_endpoint["certificate"],
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.session_token,
        config=Config(
            retries={"total_max_attempts": 1},
            read_timeout=_TIMEOUT_SECONDS,
            user_agent=user_agent,
            proxies={},
        ),
    )


def environment(credentials: Credentials, region: str) -> dict[str, str]:
    """Environment variables that point an AWS SDK at this account with a session's keys."""
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": _endpoint["url"],
        "AWS_CA_BUNDLE": _endpoint["certificate"],
        "NO_PROXY": "localhost",
    }


def mark_as_automation(access_key: str, *, as_caller: bool = False) -> None:
    """Remembers that calls with this key are Automation's, with a role or as its caller."""
    _automation_keys.add(access_key)
    if as_caller:
        _forwarded_keys.add(access_key)


def made_by_automation(access_key: str) -> bool:
    """Whether calls with this key are Automation's."""
    return access_key in _automation_keys


def made_as_caller(access_key: str) -> bool:
    """Whether calls with this key are Automation's with the permissions of its caller."""
    return access_key in _forwarded_keys


def warm_up() -> None:
    """Loads EC2's large model, so that the first step need not wait for it."""
    client("ec2", Credentials(access_key="", secret_key="", session_token=None), "us-east-1")


@cache
def _session() -> Any:
    """One botocore session for all clients: it caches the models, the keys are given each time."""
    return botocore.session.Session()
