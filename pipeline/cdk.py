"""The CDK CLI as a pipeline runs it: on a ready assembly, no setting of the machine in its way."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.errors import PipelineError
from toolchain import NODE, node_package

_LEFT_OUT = {
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_CREDENTIAL_EXPIRATION", "FORCE_COLOR", "NODE_OPTIONS", "NODE_PATH", "PYTHONPATH"),
}
_PLAIN = ("--ci", "--no-notices", "--no-color")


@contextlib.contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] | None = None, is_shown: bool
) -> Iterator[subprocess.Popen[str]]:
    """A command that has begun, in an empty folder; ended by force where the caller is done before
    it is."""
    with tempfile.TemporaryDirectory(prefix="pipeline-") as nowhere:
        process = subprocess.Popen(
            [*_cli(), *arguments, *_PLAIN],
            cwd=nowhere,
            env={**_inherited(nowhere), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=None if is_shown else subprocess.DEVNULL,
            stderr=None if is_shown else subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()  # nothing where it has ended


def _cli() -> list[str]:
    cli = node_package("aws-cdk")
    if cli is None:
        raise PipelineError("the CDK CLI is not installed; run: make install")
    return [str(NODE), str(cli / "bin" / "cdk")]


def cdk(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> tuple[int, str]:
    """Runs a command in a folder; its exit status and what it printed.

    In an empty folder unless it is named: the CLI would take a cdk.json of the folder it stands in
    for its own, also for a ready assembly, and run what that names.
    """
    with tempfile.TemporaryDirectory(prefix="pipeline-") as nowhere:
        done = subprocess.run(
            [*_cli(), *arguments, *_PLAIN],
            cwd=folder or nowhere,
            env={**_inherited(None if folder else nowhere), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return done.returncode, done.stdout


def _inherited(home: str | None) -> dict[str, str]:
    """The environment without what changes the CLI: its options are variables as well, and stand
    in a home's .cdk.json; and without what has a commit import the modules of another one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "CDK_HOME" or (not name.startswith("CDK_") and name not in _LEFT_OUT)
    }
    return {
        **kept,
        **({"HOME": home} if home else {}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "NODE_NO_WARNINGS": "1",
    }
