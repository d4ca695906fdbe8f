"""One deployment at a time in an account: a lease in CDK's staging bucket.

A deployment is several stacks in an order; CloudFormation keeps apart what happens to one of them,
no more. The lease is an object that S3 writes only for whoever has seen its last state. It ends
with the deployment, or by itself some minutes after a deployment that died.
Source: S3 User Guide, Conditional writes.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import PipelineError

KEY = "runbooks/deployment.lock"
"""Where the authors' pipeline may write as well as the administrator's."""
_LASTS_SECONDS = 180
_RENEWED_AFTER_SECONDS = 30
_POLL_SECONDS = 2
_LONGEST_WAIT_SECONDS = 3600
_SEEN_ANOTHER = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class Lease:
    """Held from ``with`` to its end; waits until nobody else holds it.

    ``s3`` may read and write the key in the bucket. PipelineError where the bucket cannot be
    written, or somebody holds the lease for longer than an hour.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket
        self._holder = _myself()
        self._etag, self._state = "", ""
        self._is_lost = False
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        deadline, told = time.monotonic() + _LONGEST_WAIT_SECONDS, ""
        while not self._is_taken():
            state = self._state
            if time.monotonic() > deadline:
                raise PipelineError(f"{state} deploys for too long; run again later")
            if state != told:
                print(f"waiting: {state} deploys", flush=True)
                told = state
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
        with contextlib.suppress(BotoCoreError, PipelineError, _SomebodyElse):  # or by itself
            self._put(is_over=True, IfMatch=self._etag)

    def require(self) -> None:
        """Raises PipelineError where somebody else has taken the lease meanwhile."""
        if self._is_lost:
            raise PipelineError(
                f"the lease {self._bucket}/{KEY} was lost to another deployment; run this again"
            )

    def _is_taken(self) -> bool:
        """Whether it is held now: nobody had it, or whoever had it has ended or died."""
        try:
            return self._put(IfNoneMatch="*")
        except _SomebodyElse:
            pass
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=KEY)
            held = json.loads(found["Body"].read())
        except (BotoCoreError, ClientError, ValueError) as error:
            raise PipelineError(f"{self._bucket}/{KEY} cannot be read: {error}") from None
        self._state = str(held.get("holder"))
        if not held.get("is_over") and _age(found) < _LASTS_SECONDS:
            return False
        try:
            return self._put(IfMatch=found["ETag"])
        except _SomebodyElse:
            return False

    def _put(self, *, is_over: bool = False, **condition: str) -> bool:
        body = json.dumps({"holder": self._holder, "is_over": is_over, "at": time.time()})
        try:
            answer = self._s3.put_object(
                Bucket=self._bucket, Key=KEY, Body=body.encode(), **condition
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _SEEN_ANOTHER:
                raise _SomebodyElse from None
            raise PipelineError(f"{self._bucket}/{KEY} cannot be written: {error}") from None
        self._etag = answer["ETag"]
        return True

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_AFTER_SECONDS):
            try:
                self._put(IfMatch=self._etag)
            except _SomebodyElse:
                self._is_lost = True
                return
            except (BotoCoreError, PipelineError):
                continue  # the next may get through before it ends


class _SomebodyElse(Exception):
    """The object is not as it was seen last."""


def _age(found: Mapping[str, Any]) -> float:
    """Seconds since the object was written, both by the clock of S3."""
    now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
    written: datetime = found["LastModified"]
    return (now.astimezone(UTC) - written.astimezone(UTC)).total_seconds()


def _myself() -> str:
    run = os.environ.get("GITHUB_RUN_ID")
    return f"run {run} of GitHub" if run else f"process {os.getpid()} on {socket.gethostname()}"
