"""One rollout at a time in an account: a lease in CDK's staging bucket.

A rollout is several stacks in an order; CloudFormation keeps apart what happens to one of them, no
more. The lease is an object that S3 writes only for whoever has seen its last state. It ends with
the rollout, or by itself some minutes after a rollout that died.
Source: S3 User Guide, Conditional writes.
"""

import contextlib
import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import ClientError

from pipeline.credentials import asking
from pipeline.errors import PipelineError

KEY = "runbooks/rollout.lease"
"""Where the authors' pipeline may write as well as the administrator's."""
_LASTS_SECONDS = 180
_RENEWED_AFTER_SECONDS = 30
_POLL_SECONDS = 2
_LONGEST_WAIT_SECONDS = 1200
"""The job's credentials last an hour, and a rollout has to fit into the rest."""
_NEVER = float("-inf")
_SEEN_ANOTHER = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_UNPRINTABLE = re.compile(r"[^\w .,-]")


class Lease:
    """Held from ``with`` to its end; waits until nobody else holds it.

    ``s3`` may read and write the key in the bucket. PipelineError where the bucket cannot be
    written, or somebody holds the lease for longer than twenty minutes.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket
        self._holder = _myself()
        self._mark = secrets.token_hex(8)
        self._etag = ""
        self._renewed_at = _NEVER
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        deadline, told = time.monotonic() + _LONGEST_WAIT_SECONDS, ""
        while holder := self._taken_by_another():
            if time.monotonic() > deadline:
                raise PipelineError(f"{holder} deploys for too long; run again later")
            if holder != told:
                print(f"waiting: {holder} deploys", flush=True)
                told = holder
            time.sleep(_POLL_SECONDS)
        self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._renewing.join()
        with contextlib.suppress(PipelineError, _SomebodyElse):  # or it ends by itself
            self._keep(is_over=True)

    def require(self) -> None:
        """Renews the lease; PipelineError where it is another's, or may be by now."""
        try:
            self._keep()
        except _SomebodyElse:
            self._renewed_at = _NEVER
        except PipelineError:
            pass  # the last renewal may hold on
        if time.monotonic() - self._renewed_at > _LASTS_SECONDS - _RENEWED_AFTER_SECONDS:
            raise PipelineError(
                f"the lease {self._bucket}/{KEY} could not be kept; another rollout may be under "
                f"way, run this again"
            )

    def _taken_by_another(self) -> str:
        """Who holds the lease; empty where it is held now, since nobody had it, or whoever had it
        has ended or died."""
        with contextlib.suppress(_SomebodyElse):
            self._put(IfNoneMatch="*")
            return ""
        found, state = self._found()
        if state.get("mark") == self._mark:  # written, and the answer was lost
            self._etag, self._renewed_at = found["ETag"], time.monotonic() - _age(found)
            return ""
        if not state.get("is_over") and _age(found) < _LASTS_SECONDS:
            return _UNPRINTABLE.sub("?", str(state.get("holder", "somebody")))[:80]
        with contextlib.suppress(_SomebodyElse):
            self._put(IfMatch=found["ETag"])
            return ""
        return "another rollout"

    def _keep(self, *, is_over: bool = False) -> None:
        """Writes the lease anew. Where it is not as it was written last, an answer may have been
        lost: it is still one's own if it says so."""
        with self._writing:
            try:
                self._put(is_over=is_over, IfMatch=self._etag)
            except _SomebodyElse:
                found, state = self._found()
                if state.get("mark") != self._mark:
                    raise
                self._put(is_over=is_over, IfMatch=found["ETag"])

    def _put(self, *, is_over: bool = False, **condition: str) -> None:
        """Writes the lease if it is as told; the time in it gives each writing another ETag."""
        began = time.monotonic()
        state = {"holder": self._holder, "mark": self._mark, "is_over": is_over, "at": began}
        with asking(f"for the lease {self._bucket}/{KEY}"):
            try:
                answer = self._s3.put_object(
                    Bucket=self._bucket, Key=KEY, Body=json.dumps(state).encode(), **condition
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _SEEN_ANOTHER:
                    raise _SomebodyElse from None
                raise
        self._etag, self._renewed_at = answer["ETag"], began

    def _found(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The object as it is, and what it says."""
        with asking(f"who deploys ({self._bucket}/{KEY})"):
            found = self._s3.get_object(Bucket=self._bucket, Key=KEY)
            return found, _state(found["Body"].read())

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_AFTER_SECONDS):
            with contextlib.suppress(PipelineError, _SomebodyElse):  # require() tells
                self._keep()


class _SomebodyElse(Exception):
    """The object is not as it was seen last."""


def _state(body: bytes) -> Mapping[str, Any]:
    """What a lease says; of one that says nothing, its age alone counts."""
    try:
        state = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def _age(found: Mapping[str, Any]) -> float:
    """Seconds since the object was written, both by the clock of S3."""
    now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
    written: datetime = found["LastModified"]
    return (now.astimezone(UTC) - written.astimezone(UTC)).total_seconds()


def _myself() -> str:
    run = os.environ.get("GITHUB_RUN_ID")
    return f"run {run} of GitHub" if run else f"process {os.getpid()} on {socket.gethostname()}"
