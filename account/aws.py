"""Reads from AWS: one client a service and Region, one error for what may not be read."""

import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from account.errors import AccountError, Unreadable

_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=10)
_MISSING = (
    *("AWSOrganizationsNotInUseException", "NoSuchBucket", "NoSuchBucketPolicy"),
    *("InvalidDocument", "InvalidDocumentVersion", "NoSuchEntity", "NotFound", "NotFoundException"),
    *("ResourceNotFound", "ResourceNotFoundException", "ServiceSettingNotFound"),
    *("TrailNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"),
    "QueueDoesNotExist",
)
"""Codes by which services say that something does not exist."""
_MISSING_IN_CLOUDFORMATION = "ValidationError"


class Aws:
    """The account of the credentials at hand, read only."""

    def __init__(self, profile: str | None = None) -> None:
        try:
            self._session = boto3.Session(profile_name=profile)
        except BotoCoreError as error:
            raise AccountError(f"profile {profile!r} cannot be used: {error}") from None
        self._clients: dict[tuple[str, str], Any] = {}
        self._answers: dict[tuple[object, ...], dict[str, Any] | None] = {}
        """What has been read before: several checks ask the same of a stack or resource."""

    @cached_property
    def account(self) -> str:
        """12 digits."""
        return str(self._identity["Account"])

    @cached_property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, …"""
        return str(self._identity["Arn"].split(":")[1])

    @property
    def caller(self) -> str:
        """The caller's ARN."""
        return str(self._identity["Arn"])

    @property
    def region(self) -> str:
        """The Region in use; AccountError where none is named."""
        region = os.environ.get("AWS_REGION") or self._session.region_name
        if not region:
            raise AccountError("no Region is named; set AWS_REGION, or the region of the profile")
        return str(region)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        try:
            return dict(self._client("sts", self.region).get_caller_identity())
        except NoCredentialsError:
            raise AccountError(
                "there are no AWS credentials; set a profile or the variables of the AWS CLI"
            ) from None
        except (BotoCoreError, ClientError) as error:
            raise AccountError(f"could not ask AWS who this is: {error}") from None

    def read(
        self, service: str, call: str, *, region: str = "", **given: Any
    ) -> dict[str, Any] | None:
        """The answer of a call, asked once; None where what it names does not exist. Unreadable
        where AWS refuses it, or does not answer."""
        asked = (service, call, region or self.region, *sorted(given.items()))
        if asked not in self._answers:
            client = self._client(service, region or self.region)
            try:
                self._answers[asked] = getattr(client, call)(**given)
            except (BotoCoreError, ClientError) as error:
                _require_missing(f"{service} {call}", error)
                self._answers[asked] = None
        return self._answers[asked]

    def listed(
        self, service: str, call: str, key: str, *, region: str = "", **given: Any
    ) -> Iterator[Any]:
        """Every element under a key of a call's pages; none where what it names does not exist."""
        client = self._client(service, region or self.region)
        try:
            if client.can_paginate(call):
                for page in client.get_paginator(call).paginate(**given):
                    yield from page.get(key) or ()
            else:
                yield from getattr(client, call)(**given).get(key) or ()
        except (BotoCoreError, ClientError) as error:
            _require_missing(f"{service} {call}", error)

    def pages(self, service: str, call: str, **given: Any) -> Iterator[dict[str, Any]]:
        """The pages of a call."""
        client = self._client(service, self.region)
        try:
            yield from client.get_paginator(call).paginate(**given)
        except (BotoCoreError, ClientError) as error:
            _require_missing(f"{service} {call}", error)

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        if key not in self._clients:
            try:
                self._clients[key] = self._session.client(
                    service, region_name=region, config=_CONFIG
                )
            except (BotoCoreError, ValueError) as error:
                raise AccountError(f"could not ask AWS for {service}: {error}") from None
        return self._clients[key]


def _require_missing(what: str, error: Exception) -> None:
    """Raises Unreadable unless the error says that something does not exist."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    is_stack = code == _MISSING_IN_CLOUDFORMATION and what.startswith("cloudformation ")
    if code not in _MISSING and not (is_stack and "does not exist" in str(error)):
        raise Unreadable(f"{what}: {error}") from None
