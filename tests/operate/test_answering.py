"""Approvals: who waits for whom, what an approver sees, and what an answer does."""

import signal
import subprocess
import sys

import pytest

from tests.operate.conftest import BACKUP, Account, readable
from tests.operate.terminal import base, in_a_pipe, on_a_terminal

pytestmark = pytest.mark.sandbox


def test_ctrl_c_stops_watching_and_the_run_goes_on(account: Account) -> None:
    (instance,) = account.allowed()

    printed = on_a_terminal(
        account.operator,
        *("run", BACKUP, "--instance-id", instance, "--yes"),
        answers=[("Waiting", "\x03")],
        status=130,
    )

    run = account.runs()[0]
    assert run["AutomationExecutionStatus"] == "Waiting"
    assert printed.text.replace("\n", "").endswith(
        "stopped watching; the run goes on. "
        f"Watch again:python -m operate watch {run['AutomationExecutionId']}"
    )


def test_ctrl_c_in_a_pipe_says_the_same(account: Account) -> None:
    execution = account.waiting()
    watching = subprocess.Popen(
        [sys.executable, "-m", "operate", "watch", execution],
        env={**base(), **account.operator},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    watching.stdout.readline()

    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=10)

    assert watching.returncode == 130
    assert f"Watch again:\npython -m operate watch {execution}\n" in errors


def test_detached_run_is_not_watched(account: Account) -> None:
    (instance,) = account.allowed()

    printed = in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")

    run = account.runs()[0]["AutomationExecutionId"]
    assert printed.text == f"started {run}; watch it:\npython -m operate watch {run}\n"


def test_approver_approves_and_the_run_goes_on(account: Account) -> None:
    execution = account.waiting()

    printed = in_a_pipe(account.approver, "approve", execution, "--comment", "go on")

    assert readable(printed.text).splitlines()[0] == (
        "Backup-EC2Instance, version 1, started by AutomationRestrictedOperator"
    )
    assert printed.text.endswith(f"approved; watch it:\npython -m operate watch {execution}\n")
    watched = in_a_pipe(account.operator, "watch", execution)
    assert ".ApprovalStatus: Approved" in watched.text


def test_rejected_run_ends_with_3_and_says_why(account: Account) -> None:
    execution = account.waiting()

    in_a_pipe(account.approver, "reject", execution, "--comment", "not today")

    watched = in_a_pipe(account.operator, "watch", execution, status=3)
    assert "rejected at" in watched.text
    assert "not today" in watched.text


def test_operator_may_not_stop_a_run_and_is_reported_who_may(account: Account) -> None:
    execution = account.waiting()

    printed = in_a_pipe(account.operator, "stop", execution, status=2)

    assert "not authorized to perform: ssm:StopAutomationExecution" in printed.errors
    assert printed.errors.endswith(
        "cause: operators and approvers may not stop runs, but for their own where operators "
        "follow their own alone\n"
        "fix: ask the administrator, who can stop it, or wait for its end\n"
    )


def test_whoever_may_stops_a_run(account: Account) -> None:
    execution = account.waiting()

    printed = in_a_pipe(account.root, "stop", execution)

    assert printed.text == f"asked to stop; watch it:\npython -m operate watch {execution}\n"
    in_a_pipe(account.operator, "watch", execution, status=3)


def test_comment_of_an_approver_is_one_line(account: Account) -> None:
    execution = account.waiting()
    forged = "ok\n  2026-11-26T08:00:00Z approved by boss"
    in_a_pipe(account.approver, "approve", execution, "--comment", forged)

    printed = in_a_pipe(account.auditor, "audit", execution, status=None)

    assert "lead: ok   2026-11-26T08:00:00Z approved by boss" in printed.text
    assert sum("approved by" in line for line in printed.text.splitlines()) == 1


def test_run_that_waits_says_for_whom_and_what_they_say(account: Account) -> None:
    execution = account.waiting()
    watching = on_a_terminal(
        account.operator, "watch", execution, answers=[("Waiting", "\x03")], status=130
    )

    assert f"approveRun is answered by:\npython -m operate approve {execution}\n" in watching.text
    assert "waits for an approval by lead" in watching.text
    in_a_pipe(account.approver, "reject", execution)
    piped = in_a_pipe(account.approver, "approve", execution, status=2)
    assert piped.errors == "error: the run has ended: Failed\n"
