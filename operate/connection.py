"""AWS as the user reaches it: by a profile, the environment, IAM Identity Center or a role."""

import contextlib
import difflib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from operate.errors import AwsError, Exit, OperateError, code_of, message_of
from operate.explanations import explain
from operate.screen import say

_ATTEMPTS = 7
"""How often a throttled or lost call is tried, with exponential back-off and jitter, unless
``AWS_MAX_ATTEMPTS`` or the profile says otherwise.
Source: AWS SDKs and Tools Reference Guide, Retry behavior, standard."""

_TELLING_ATTEMPT = 2
_BUSY = (400, 429, 500, 502, 503, 504)
"""Statuses of throttling and of trouble at AWS, once a call has been tried again at all."""


class Connection:
    """Clients of one account and Region."""

    def __init__(
        self, *, profile: str | None = None, region: str | None = None, endpoint: str | None = None
    ) -> None:
        """Raises OperateError for a profile that is not configured or a Region that is none."""
        self._endpoint = endpoint
        with asking("for credentials"):
            self._session = boto3.Session(profile_name=profile, region_name=region)
        self._clients: dict[str, Any] = {}
        attempts = self._session._session.get_config_variable("max_attempts") or _ATTEMPTS
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=10,
            read_timeout=60,
            user_agent_extra="operate",
        )

    @cached_property
    def region(self) -> str:
        """The Region in use; OperateError where none is named."""
        region: str | None = self._session.region_name
        if not region:
            raise OperateError(
                "no Region is named; give --region, set AWS_REGION, or name one in the profile"
            )
        known = self._session.get_available_regions("ssm", self._partition(region))
        if region not in known and (nearest := difflib.get_close_matches(region, known)):
            raise OperateError(
                f"{region!r} is no Region of Systems Manager; nearest: {', '.join(nearest)}"
            )
        return region

    @property
    def ssm(self) -> Any:
        """A client of Systems Manager."""
        return self.client("ssm")

    def client(self, service: str) -> Any:
        """A client of an AWS service, one each."""
        if service not in self._clients:
            with asking(f"for {service}"):
                client = self._session.client(
                    service,
                    region_name=self.region,
                    endpoint_url=self._endpoint,
                    config=self._config,
                )
            client.meta.events.register(f"needs-retry.{service}", _say_that_it_is_tried_again)
            self._clients[service] = client
        return self._clients[service]

    @cached_property
    def caller(self) -> str | None:
        """The ARN of whoever calls, as executions name their starter; None where AWS tells none.

        The call needs no permission. Source: STS API Reference, GetCallerIdentity.
        """
        with contextlib.suppress(*AwsError):
            return str(self.client("sts").get_caller_identity()["Arn"])
        return None

    def _partition(self, region: str) -> str:
        with contextlib.suppress(*AwsError):
            return str(self._session.get_partition_for_region(region))
        return "aws"


@contextlib.contextmanager
def asking(what: str, *, status: Exit = Exit.REFUSED) -> Iterator[None]:
    """Makes an OperateError of whatever goes wrong while AWS is asked, with cause and cure."""
    try:
        yield
    except AwsError as error:
        raise explained(error, f"AWS was asked {what}", status=status) from None


def _say_that_it_is_tried_again(
    attempts: int, caught_exception: Exception | None, response: Any, **_: Any
) -> None:
    """Tells once a call that AWS does not answer as it should."""
    failed = caught_exception is not None or response[0].status_code in _BUSY
    if attempts == _TELLING_ATTEMPT and failed:
        why = caught_exception or response[1].get("Error", {}).get("Code", "busy")
        say(f"AWS does not answer ({why}); trying again")


def explained(error: Exception, what: str, *, status: Exit = Exit.REFUSED) -> OperateError:
    """What AWS answered, in its own words, with cause and cure where they are known."""
    said = f"{code_of(error)}: {message_of(error)}"
    return OperateError("\n".join([f"{what}: {said}", *explain(said)]), status=status)
