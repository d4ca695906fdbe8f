"""A start is made at most once, whatever the network does and whenever the operator CLI is
killed."""

import subprocess
import sys
import threading
import uuid

import pytest

from tests.operate.conftest import RESTART, Account
from tests.operate.proxy import (
    EXPIRED,
    THROTTLED,
    Fault,
    Handler,
    Proxy,
    lost_on_the_way,
    lost_on_the_way_back,
    proxied,
)
from tests.operate.terminal import base, in_a_pipe

pytestmark = pytest.mark.sandbox
_START = "StartAutomationExecution"


@pytest.mark.parametrize(
    ("faults", "remark"),
    [
        ([THROTTLED, THROTTLED], "AWS does not answer"),
        ([lost_on_the_way], ""),
        ([lost_on_the_way_back, lost_on_the_way_back], "AWS does not answer"),
    ],
    ids=["throttled", "lost on the way", "answer lost"],
)
def test_trouble_is_tried_again_and_starts_one_run(
    account: Account, faults: list[Fault], remark: str
) -> None:
    (instance,) = account.allowed()
    before = len(account.runs())
    with proxied(account.sandbox) as proxy:
        proxy.faults[_START] = list(faults)

        printed = in_a_pipe(
            account.operator,
            *("run", RESTART, "--instance-id", instance, "--endpoint-url", proxy.url),
        )

    assert proxy.calls.count(_START) == len(faults) + 1
    assert len(account.runs()) == before + 1
    assert ("AWS does not answer" in printed.errors) is bool(remark)


@pytest.mark.parametrize("last", [THROTTLED, EXPIRED], ids=["throttled", "expired"])
def test_start_that_may_have_arrived_is_not_reported_as_refused(
    account: Account, last: Fault
) -> None:
    """Its first try arrives and is not answered; the last one is refused."""
    (instance,) = account.allowed()
    before = len(account.runs())
    with proxied(account.sandbox) as proxy:
        proxy.faults[_START] = [lost_on_the_way_back, last]
        hasty = {**account.operator, "AWS_MAX_ATTEMPTS": "2"}

        printed = in_a_pipe(
            hasty,
            *("run", RESTART, "--instance-id", instance, "--endpoint-url", proxy.url),
            status=4,
        )

    assert "it is not known whether Restart-EC2InstanceDemo was started" in printed.errors
    assert len(account.runs()) == before + 1


def test_run_that_cannot_be_watched_after_its_start_is_reported_as_unknown(
    account: Account,
) -> None:
    (instance,) = account.allowed()
    with proxied(account.sandbox) as proxy:
        proxy.faults["GetAutomationExecution"] = [EXPIRED]

        printed = in_a_pipe(
            account.operator,
            *("run", RESTART, "--instance-id", instance, "--endpoint-url", proxy.url),
            status=4,
        )

    run = account.runs()[0]["AutomationExecutionId"]
    assert printed.errors.endswith(f"the run goes on; watch again: python -m operate watch {run}\n")


def test_start_whose_answer_never_comes_is_reported_with_its_token(account: Account) -> None:
    (instance,) = account.allowed()
    before = len(account.runs())
    start = ("run", RESTART, "--instance-id", instance)
    with proxied(account.sandbox) as proxy:
        proxy.faults[_START] = [lost_on_the_way_back] * 3
        hasty = {**account.operator, "AWS_MAX_ATTEMPTS": "3"}

        printed = in_a_pipe(hasty, *start, "--endpoint-url", proxy.url, status=4)

    assert "it is not known whether Restart-EC2InstanceDemo was started" in printed.errors
    assert len(account.runs()) == before + 1
    token = printed.errors.split("--client-token ")[1].split(":")[0]
    in_a_pipe(account.operator, *start, "--client-token", token)
    assert len(account.runs()) == before + 1


@pytest.mark.parametrize("moment", ["before it arrives", "after it has arrived"])
def test_killed_and_started_again_with_its_token_it_is_one_run(
    account: Account, moment: str
) -> None:
    (instance,) = account.allowed()
    before, token = len(account.runs()), str(uuid.uuid4())
    start = ("run", RESTART, "--instance-id", instance, "--client-token", token)
    with proxied(account.sandbox) as proxy:
        reached = _hold(proxy, forwards=moment == "after it has arrived")
        process = subprocess.Popen(
            [sys.executable, "-m", "operate", *start, "--endpoint-url", proxy.url],
            env={**base(), **account.operator},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert reached.wait(20)
        process.kill()
        process.wait()

    in_a_pipe(account.operator, *start)

    assert len(account.runs()) == before + 1


def test_token_of_another_start_is_refused(account: Account) -> None:
    one, two = account.allowed(2)
    token = str(uuid.uuid4())
    start = ("run", RESTART, "--client-token", token, "--instance-id")
    in_a_pipe(account.operator, *start, one)

    printed = in_a_pipe(account.operator, *start, two, status=2)

    assert "cause: this client token has been used to start something else" in printed.errors


def test_watching_survives_throttling(account: Account) -> None:
    (instance,) = account.allowed()
    with proxied(account.sandbox) as proxy:
        proxy.faults["GetAutomationExecution"] = [THROTTLED, THROTTLED, lost_on_the_way]

        in_a_pipe(
            account.operator,
            *("run", RESTART, "--instance-id", instance, "--endpoint-url", proxy.url),
        )

    assert proxy.faults["GetAutomationExecution"] == []


def _hold(proxy: Proxy, *, forwards: bool) -> threading.Event:
    """Keeps the answer of the next start back, and sets the event once it has come so far."""
    reached = threading.Event()

    def hold(handler: Handler) -> None:
        if forwards:
            handler.forward()
        reached.set()
        handler.hang_up()

    proxy.faults["StartAutomationExecution"] = [hold] * 7
    return reached
