"""AWS as the user reaches it: by a profile, the environment, IAM Identity Center or a role."""

import contextlib
import difflib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from operate.command_name import as_called
from operate.errors import AwsError, Exit, OperateError, code_of, message_of
from operate.explanations import explain
from operate.screen import say

PAGE = 50
"""Entries of a page, the most that these APIs give."""
_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_ATTEMPTS = 7
"""How often a throttled or lost call is tried, with exponential back-off and jitter, unless
``AWS_MAX_ATTEMPTS`` or the profile says otherwise.
Source: AWS SDKs and Tools Reference Guide, Retry behavior, standard."""


_CONNECT_SECONDS = 3
_UNREACHED_SECONDS = 4
"""After so long without any answer no connection is tried again."""
_UNREACHED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class Connection:
    """Clients of one account and Region."""

    def __init__(
        self, *, profile: str | None = None, region: str | None = None, endpoint: str | None = None
    ) -> None:
        """Raises OperateError for settings of the AWS configuration that are none."""
        self._endpoint = endpoint
        self._profile = profile
        self._named = " ".join(filter(None, (profile, region)))
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = threading.Lock()
        self._begun = time.monotonic()
        self._was_answered = False
        with asking("for credentials"):
            named = region or os.environ.get("AWS_REGION")  # which boto3 does not read
            self._session = boto3.Session(profile_name=profile, region_name=named)
        try:
            attempts = self._session._session.get_config_variable("max_attempts") or _ATTEMPTS
            self._config = Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=60,
                user_agent_extra="operate",
            )
        except (ValueError, *AwsError) as error:
            raise OperateError(f"AWS_MAX_ATTEMPTS is not a number of 1 or more: {error}") from None

    @cached_property
    def region(self) -> str:
        """The Region in use; OperateError where none is named, or what cannot be one."""
        region: str | None = self._session.region_name
        if not region:
            raise OperateError(
                "no Region is named; give --region, set AWS_REGION, or name one in the profile"
            )
        known = [
            name
            for partition in self._session.get_available_partitions()
            for name in self._session.get_available_regions("ssm", partition)
        ]
        # A Region of tomorrow has words of today: us-east-3.
        words = {word for name in known for word in name.split("-")[1:-1]}
        if region not in known and not words.issuperset(region.split("-")[1:-1] or [""]):
            near = ", ".join(difflib.get_close_matches(region, known))
            hint = f"nearest: {near}" if near else "Regions are written as us-east-1"
            raise OperateError(f"{region!r} is not a Region of Systems Manager; {hint}")
        return region

    @cached_property
    def regions(self) -> list[str]:
        """The Regions of this Region's partition, enabled in the account or not."""
        partition = self._session.get_partition_for_region(self.region)
        return list(self._session.get_available_regions("cloudtrail", partition))

    @cached_property
    def home_of_global_services(self) -> str:
        """The Region in which IAM and other global services record their calls; empty where it is
        not known. Source: CloudTrail User Guide, Global service events."""
        partition = self._session.get_partition_for_region(self.region)
        return _HOMES.get(partition, "")

    @property
    def title(self) -> str:
        """Profile and Region as they were named, where several are."""
        return self._named or "the default profile"

    @property
    def named_region(self) -> str:
        """The Region in use as it is named, whatever it is; empty where none is."""
        return str(self._session.region_name or "")

    def is_beside(self, other: "Connection") -> bool:
        """Whether it is another Region by the same profile."""
        return self._profile == other._profile and self is not other

    @property
    def account(self) -> str:
        """12 digits; empty where AWS does not show who the caller is."""
        return self.caller.split(":")[4] if self.caller else ""

    @property
    def place(self) -> str:
        """Region and account, for a question."""
        return f"{self.region} of {self.account or 'an unknown account'}"

    @property
    def ssm(self) -> Any:
        """A client of Systems Manager."""
        return self.client("ssm")

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of an AWS service, one each; of this Region unless another is named."""
        key = service, region or self.region
        with self._making:  # a session makes one client at a time
            if key not in self._clients:
                self._clients[key] = self._new_client(*key)
            return self._clients[key]

    def once(self, service: str) -> Any:
        """A client of this Region that sends each call once, whatever becomes of it."""
        return self._new_client(service, self.region, Config(retries={"total_max_attempts": 1}))

    def _new_client(self, service: str, region: str, more: Config | None = None) -> Any:
        config = self._config.merge(more) if more else self._config
        with asking(f"for {service}"):
            self._require_credentials()
            client = self._session.client(
                service, region_name=region, endpoint_url=self._endpoint, config=config
            )
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"needs-retry.{name}", self._give_up)
        client.meta.events.register(f"request-created.{name}", _say_that_it_is_tried_again)
        return client

    def _give_up(
        self, response: Any = None, caught_exception: Exception | None = None, **_: Any
    ) -> None:
        """A certificate that is not trusted is not trusted the next time either, and an endpoint
        that never answered is not waited for as one that did."""
        self._was_answered |= response is not None
        if isinstance(caught_exception, SSLError):
            raise caught_exception
        is_unreached = isinstance(caught_exception, _UNREACHED) and not self._was_answered
        if is_unreached and time.monotonic() - self._begun > _UNREACHED_SECONDS:
            assert caught_exception
            raise caught_exception

    def _require_credentials(self) -> None:
        """Raises what the provider of the credentials does, before anything else is asked: a
        missing file or program, an answer that is none, an MFA code that nobody can enter."""
        credentials = self._session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()

    @cached_property
    def caller(self) -> str | None:
        """The ARN of the caller, as executions name it; None where AWS does not return one.

        The call needs no permission. Source: STS API Reference, GetCallerIdentity.
        """
        with contextlib.suppress(*AwsError):
            return str(self._identity["Arn"])
        return None

    @property
    def caller_id(self) -> str:
        """The id of the caller, as policies know it by ``${aws:userid}``."""
        with asking("who this is"):
            return str(self._identity["UserId"])

    @cached_property
    def _identity(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client("sts").get_caller_identity()
        return answer


Answer = TypeVar("Answer")


def of_each(
    connections: Sequence[Connection], ask: Callable[[Connection], Answer]
) -> tuple[list[Answer], Exit | None]:
    """What each account and Region answers, and the status of a command where one cannot be asked:
    that is said, and the others are asked. Of one alone the error itself."""
    if len(connections) == 1:
        return [ask(connections[0])], None
    answers: list[Answer] = []
    status = None
    for each in connections:
        try:
            answers.append(ask(each))
        except OperateError as error:
            say(f"{each.title}: {error}")
            status = error.status
    return answers, status


@contextlib.contextmanager
def asking(what: str, *, status: Exit = Exit.REFUSED) -> Iterator[None]:
    """Makes an OperateError of whatever goes wrong while AWS is asked, with cause and fix."""
    try:
        yield
    except AwsError as error:
        raise explained(error, f"could not ask AWS {what}", status=status) from None
    except (ValueError, OSError, EOFError) as error:
        # An endpoint that is not a URL; a file or program of the profile that is missing or answers
        # something else than credentials; an MFA code that nobody can enter.
        said = str(error) or "the input has ended, where an MFA code was asked for: Enter MFA code"
        lines = [f"AWS was to be asked {what}: {said}", *map(as_called, explain(said))]
        raise OperateError("\n".join(lines), status=status) from None


def _say_that_it_is_tried_again(request: Any, **_: Any) -> None:
    """Reports once a call that AWS did not answer it as it should."""
    if (request.context.get("retries") or {}).get("attempt") == _REPORTED_ATTEMPT:
        say("AWS does not answer, or asks to be asked less; trying again")


_REPORTED_ATTEMPT = 3


def explained(error: Exception, what: str, *, status: Exit = Exit.REFUSED) -> OperateError:
    """What AWS answered, in its own words, with cause and fix where they are known."""
    said = f"{code_of(error)}: {message_of(error)}"
    lines = [f"{what}: {said}", *map(as_called, explain(said))]
    return OperateError("\n".join(lines), status=status, code=code_of(error))
