"""The lease of a deployment: who has it, who waits, and what becomes of one that died."""

import io
import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from pipeline import lease
from pipeline.errors import PipelineError
from pipeline.lease import KEY, Lease

_DIED = 181
"""Seconds after which a lease that nobody renews is over."""


class _Bucket:
    """S3 with one object, conditional writes, and a clock of its own."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.etag = 0
        self.age = timedelta()
        """How long ago the object was written."""
        self.is_closed = False
        self.loses_an_answer = False
        self.repeats_a_call = False

    @property
    def state(self) -> dict[str, Any]:
        assert self.body is not None
        found: dict[str, Any] = json.loads(self.body)
        return found

    def put_object(self, **call: Any) -> dict[str, Any]:
        if self.is_closed:
            raise _error("AccessDenied")
        assert (call["Bucket"], call["Key"]) == ("bucket", KEY)
        is_new = self.body is None
        if not (is_new if "IfNoneMatch" in call else call["IfMatch"] == str(self.etag)):
            raise _error("PreconditionFailed")
        self.body, self.etag, self.age = call["Body"], self.etag + 1, timedelta()
        if self.loses_an_answer:
            self.loses_an_answer = False
            raise ReadTimeoutError(endpoint_url="bucket")
        if self.repeats_a_call:
            self.repeats_a_call = False
            return self.put_object(**call)
        return {"ETag": str(self.etag)}

    def get_object(self, **call: Any) -> dict[str, Any]:
        assert (call["Bucket"], call["Key"]) == ("bucket", KEY)
        assert self.body is not None
        now = datetime.now(UTC)
        return {
            "Body": io.BytesIO(self.body),
            "ETag": str(self.etag),
            "LastModified": now - self.age,
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now)}},
        }


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "PutObject")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> _Bucket:
    """A bucket, and a lease that waits for hundredths of a second."""
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(lease, "_RENEWED_AFTER_SECONDS", 0.01)
    monkeypatch.setenv("GITHUB_RUN_ID", "17")
    return _Bucket()


def test_lease_is_held_to_the_end_of_its_block(bucket: _Bucket) -> None:
    with Lease(bucket, "bucket") as held:
        held.require()
        assert bucket.state["is_over"] is False

    assert bucket.state["is_over"] is True
    assert bucket.state["holder"] == "run 17 of GitHub"


def test_lease_is_renewed_while_it_is_held(bucket: _Bucket) -> None:
    with Lease(bucket, "bucket"):
        before = bucket.etag
        threading.Event().wait(0.2)

        assert bucket.etag > before + 2


def test_second_waits_for_the_first(bucket: _Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    first = Lease(bucket, "bucket")
    first.__enter__()
    order = ["first"]

    def take() -> None:
        with Lease(bucket, "bucket"):
            order.append("second")

    second = threading.Thread(target=take)
    second.start()
    threading.Event().wait(0.1)
    order.append("first ends")
    first.__exit__(None, None, None)
    second.join()

    assert order == ["first", "first ends", "second"]
    assert capsys.readouterr().out == "waiting: run 17 of GitHub deploys\n"


def test_lease_of_one_that_died_is_taken(bucket: _Bucket) -> None:
    bucket.body = json.dumps({"holder": "somebody", "is_over": False}).encode()
    bucket.age = timedelta(seconds=_DIED)

    with Lease(bucket, "bucket") as held:
        held.require()

    assert bucket.state["holder"] == "run 17 of GitHub"


@pytest.mark.parametrize("garbage", [b"", b"[]", b"null", b"{", b'{"is_over": false}'])
def test_lease_that_says_nothing_is_over_after_its_time(bucket: _Bucket, garbage: bytes) -> None:
    bucket.body, bucket.age = garbage, timedelta(seconds=_DIED)

    with Lease(bucket, "bucket") as held:
        held.require()

    assert bucket.state["holder"] == "run 17 of GitHub"


def test_holder_is_printed_without_what_a_log_takes_for_a_command(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_LONGEST_WAIT_SECONDS", 0)
    bucket.body = json.dumps({"holder": "x\n::error::y", "is_over": False}).encode()

    with pytest.raises(PipelineError) as caught, Lease(bucket, "bucket"):
        pass

    assert str(caught.value) == "x???error??y deploys for too long; run again later"


def test_answer_that_was_lost_loses_no_lease(bucket: _Bucket) -> None:
    with Lease(bucket, "bucket") as held:
        bucket.loses_an_answer = True
        threading.Event().wait(0.1)
        held.require()

    assert bucket.state["is_over"] is True


def test_clients_own_repetition_is_no_other_holder(bucket: _Bucket) -> None:
    bucket.repeats_a_call = True

    with Lease(bucket, "bucket") as held:
        held.require()

    assert bucket.state["is_over"] is True


@pytest.mark.parametrize("how", ["taken", "closed"])
def test_lease_that_could_not_be_kept_is_told(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "closed":
        monkeypatch.setattr(lease, "_LASTS_SECONDS", 0.1)
    with Lease(bucket, "bucket") as held:
        if how == "taken":
            bucket.body, bucket.etag = b'{"holder": "another", "is_over": false}', 99
        bucket.is_closed = how == "closed"
        threading.Event().wait(0.2)

        with pytest.raises(PipelineError) as caught:
            held.require()

    assert str(caught.value) == (
        f"the lease bucket/{KEY} could not be kept; another rollout may be under way, run this "
        f"again"
    )
    assert bucket.state["is_over"] is False


def test_bucket_that_may_not_be_written_is_told(bucket: _Bucket) -> None:
    bucket.is_closed = True

    with pytest.raises(PipelineError) as caught, Lease(bucket, "bucket"):
        pass

    assert str(caught.value).startswith(
        f"AWS was asked for the lease bucket/{KEY}: An error occurred"
    )


def test_holder_that_waits_for_too_long_gives_up(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_LONGEST_WAIT_SECONDS", 0)
    bucket.body = json.dumps({"holder": "somebody", "is_over": False}).encode()

    with pytest.raises(PipelineError) as caught, Lease(bucket, "bucket"):
        pass

    assert str(caught.value) == "somebody deploys for too long; run again later"
