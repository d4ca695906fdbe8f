"""What the tests share: deployments to synthesize, a copy of the project, a sandbox."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_socket import disable_socket, enable_socket

from sandbox import Sandbox
from tests.clone import EXAMPLE, PROJECT, put_example


def pytest_configure() -> None:
    """Has the processes that tests start take Ctrl-C, also where the tests were started with it
    ignored, as ``nohup`` and background jobs do."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Closes sockets in every test that does not ask for the sandbox."""
    if item.get_closest_marker("sandbox") is None:
        disable_socket(allow_unix_socket=True)
    else:
        enable_socket()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole commands first: they take longest. A worker is given two tests at the start, so each
    of the longest stands before a shorter one."""
    commands = [item for item in items if item.get_closest_marker("command")]
    longest = [item for item in commands if item.get_closest_marker("sandbox")]
    shorter = [item for item in commands if item not in longest]
    pairs = [item for pair in zip(longest, shorter, strict=False) for item in pair]
    items.sort(key=lambda item: pairs.index(item) if item in pairs else len(pairs))


def pytest_collection_finish() -> None:
    """Has every test work where the example's files are: none reads the user's own."""
    os.chdir(EXAMPLE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the needs of the shipped runbooks, with what goes wrong without each, and what the
    access review was held against."""
    reported = [
        (name, value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
    ]
    rows = [value for name, value in reported if name == "needs"]
    if rows:
        terminalreporter.section("needs of the shipped runbooks: all suffice, none can be spared")
        terminalreporter.line(f"{'runbook':24} {'without':33} {'on':17} comes out otherwise")
    for runbook, action, kind, scenario in sorted(rows):
        terminalreporter.line(f"{runbook:24} {action:33} {kind:17} {scenario}")
    proofs = sorted(value for name, value in reported if name == "proof")
    if proofs:
        terminalreporter.section("proofs of the access review")
    for proof in proofs:
        terminalreporter.line(proof)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One AWS account for all tests that are marked ``sandbox``."""
    with Sandbox() as account:
        yield account


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a synthesis reads, to be edited by the test."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("aws_facts", "toolchain", "delegation", "stacks"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "cdk.json"):
        shutil.copy(PROJECT / name, copy / name)
    put_example(copy)
    return copy


@pytest.fixture
def run(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a Python command of the copied project."""

    def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_python
