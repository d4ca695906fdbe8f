"""The sandbox as a process: where it listens, how it ends, what it leaves."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest

from sandbox import Sandbox, SandboxError
from sandbox.sandbox import FOLDER_PREFIX

pytestmark = pytest.mark.sandbox

PROJECT = Path(__file__).resolve().parents[2]


def _folders(temporary: Path) -> list[Path]:
    return list(temporary.glob(f"{FOLDER_PREFIX}*"))


def _await_gone(temporary: Path) -> bool:
    for _ in range(100):
        if not _folders(temporary):
            return True
        time.sleep(0.05)
    return False


def _start(temporary: Path) -> subprocess.Popen[str]:
    """``python -m sandbox`` once the account is up, with a temporary folder of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "the account is up" not in process.stdout.readline():
        assert process.poll() is None
    assert _folders(temporary)
    return process


def _shell_env(temporary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m sandbox shell-env`` among the accounts of a temporary folder."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "shell-env", *arguments],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_sandbox_listens_on_loopback_only(sandbox: Sandbox) -> None:
    port = int(sandbox.endpoint.rsplit(":", 1)[1])
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rsplit(":", 1)[1], 16) == port
    ]

    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    assert [address.rsplit(":", 1)[0] for address in listening] == [loopback]


def test_sandbox_speaks_tls_only(sandbox: Sandbox) -> None:
    port = int(sandbox.endpoint.rsplit(":", 1)[1])

    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(100)

    assert b"HTTP/1.1" not in answer


def test_end_removes_the_folder_also_in_the_middle_of_an_execution() -> None:
    with Sandbox() as account:
        ssm = account.client("ssm")
        content = (
            '{"schemaVersion": "0.3", "mainSteps": '
            '[{"name": "a", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}}]}'
        )
        ssm.create_document(Name="Wait-Long", DocumentType="Automation", Content=content)
        ssm.start_automation_execution(DocumentName="Wait-Long")
        folder = account.folder
        assert folder.exists()
        started = time.monotonic()

    assert not folder.exists()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command_ends_with_0_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = _start(tmp_path)

    process.send_signal(number)

    assert process.wait(timeout=10) == 0
    assert _await_gone(tmp_path)
    assert process.stdout is not None
    process.stdout.close()


def test_crash_of_the_caller_ends_the_account_and_leaves_nothing(tmp_path: Path) -> None:
    process = _start(tmp_path)

    process.kill()
    process.wait(timeout=10)

    assert _await_gone(tmp_path)
    assert process.stdout is not None
    process.stdout.close()


def test_server_that_cannot_start_names_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    account = Sandbox()

    with pytest.raises(SandboxError) as error:
        account.start()

    assert str(error.value).startswith(f"the sandbox did not start; read {account.log}")
    account.stop()


def test_shell_env_lets_the_aws_cli_talk_to_the_running_account(tmp_path: Path) -> None:
    process = _start(tmp_path)
    script = (
        'eval "$(python -m sandbox shell-env)" && '
        "python -m awscli ssm list-documents --filters Key=Owner,Values=Self --output text && "
        "python -m awscli sts get-caller-identity --query Arn --output text"
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=PROJECT,
        env={
            **os.environ,
            "PATH": path,
            "TMPDIR": str(tmp_path),
            "AWS_PROFILE": "of-the-user",
            "AWS_SESSION_TOKEN": "of-the-user",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    process.terminate()
    process.wait(timeout=10)

    assert (done.stdout, done.stderr) == ("arn:aws:iam::000000000000:root\n", "")
    assert process.stdout is not None
    process.stdout.close()


def test_shell_env_takes_one_of_several_accounts_by_its_port(tmp_path: Path) -> None:
    processes = [_start(tmp_path) for _ in range(2)]

    refused = _shell_env(tmp_path)
    ports = re.findall(r"\d{4,5}", refused.stderr)
    chosen, another = _shell_env(tmp_path, "--port", ports[1]), _shell_env(tmp_path, "--port", "1")
    for process in processes:
        process.terminate()
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: several sandboxes of this clone are running; choose one: --port, of "
        f"{ports[0]}, {ports[1]}\n"
    )
    assert f"export AWS_ENDPOINT_URL=https://localhost:{ports[1]}\n" in chosen.stdout
    assert another.stderr == (
        f"error: no sandbox of this clone runs at port 1; there are: {ports[0]}, {ports[1]}\n"
    )


def test_shell_env_never_offers_the_account_of_a_test(tmp_path: Path) -> None:
    with patch.object(tempfile, "tempdir", str(tmp_path)), Sandbox():
        assert _folders(tmp_path)
        done = _shell_env(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")


def test_shell_env_without_a_running_account_says_how_to_start_one(tmp_path: Path) -> None:
    done = _shell_env(tmp_path)

    message = "error: no sandbox of this clone is running; start one: python -m sandbox\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


_SLEEPS = """
import os, subprocess, time
def f(e, c):
    child = subprocess.Popen(["sleep", "300"])
    with open(e["file"], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    time.sleep(300)
"""


@pytest.mark.parametrize("killed", ["starter", "server", "execution"])
def test_script_ends_with_its_step_and_with_the_sandbox(tmp_path: Path, killed: str) -> None:
    """Also after ``kill -9``, and with what it started itself."""
    starter = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time; from sandbox import Sandbox; s = Sandbox(); s.start();"
            "print(s._process.pid, s.environment(), flush=True); time.sleep(300)",
        ],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    server, _, printed = starter.stdout.readline().partition(" ")
    environment = ast.literal_eval(printed)
    ssm = boto3.client(
        "ssm",
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        verify=environment["AWS_CA_BUNDLE"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    file = tmp_path / "pids"
    inputs = {"Runtime": "python3.11", "Handler": "f", "Script": _SLEEPS}
    step = {
        "name": "sleep",
        "action": "aws:executeScript",
        "inputs": {**inputs, "InputPayload": {"file": str(file)}},
    }
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [step]})
    ssm.create_document(Name="Sleeps", DocumentType="Automation", Content=content)
    execution = ssm.start_automation_execution(DocumentName="Sleeps")["AutomationExecutionId"]
    assert _awaited(lambda: file.exists() and len(file.read_text().split()) == 2)
    pids = [int(pid) for pid in file.read_text().split()]
    assert all(map(_lives, pids))

    if killed == "starter":
        starter.kill()
    elif killed == "server":
        os.kill(int(server), signal.SIGKILL)
    else:
        ssm.stop_automation_execution(AutomationExecutionId=execution, Type="Cancel")

    assert _awaited(lambda: not any(map(_lives, pids)))
    starter.kill()
    starter.communicate()
    assert _awaited(lambda: not _lives(int(server)))


def _lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waited for does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] not in ("", "Z")


def _awaited(happened: Callable[[], bool]) -> bool:
    for _ in range(200):
        if happened():
            return True
        time.sleep(0.05)
    return False
