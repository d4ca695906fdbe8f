"""A workstation with a user's repository: its files can be edited and its commands run."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rehearsal.report import SceneFailed
from toolchain import NODE, node_package

_PACKAGES = Path(__file__).resolve().parent.parent
_TEMPLATE = _PACKAGES / "delegation" / "project_template"
"""What every user's repository begins with."""
_COMMAND_SECONDS = 120


class Workstation:
    """Runs the project's commands in a folder of its own, and keeps what each printed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.project = folder / "project"
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self._number = itertools.count(1)
        self.project.mkdir()
        for name in ("app.py", "cdk.json"):
            shutil.copy(_TEMPLATE / name, self.project / name)
        story = _PACKAGES / "rehearsal"
        shutil.copy(story / "deployments.py", self.project / "deployments.py")
        shutil.copytree(story / "documents", self.project / "documents")
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
        self._environment = {
            **inherited,
            **environment,
            "PATH": binaries,
            "PYTHONPATH": str(_PACKAGES),
            "CDK_HOME": str(folder / "cdk-home"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }

    def cdk(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> str:
        """What the CDK CLI printed on standard output, in the project or this folder; SceneFailed
        if it failed."""
        cli = node_package("aws-cdk")
        if cli is None:
            raise SceneFailed("the CDK CLI is not installed; run: make install")
        command = (str(NODE), str(cli / "bin" / "cdk"), *arguments, "--no-notices", "--ci")
        shown = ("cdk", *arguments[:1])
        return self.run(*command, shown=shown, environment=environment, folder=folder)

    def python(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What a ``python -m`` command of the project printed."""
        shown = ("python", *arguments[:2])
        return self.run(sys.executable, *arguments, shown=shown, environment=environment)

    def aws(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """What the AWS CLI printed. It runs as a module: the script of its package does not start
        in a folder whose path has a space."""
        command = (sys.executable, "-m", "awscli", *arguments)
        return self.run(*command, shown=("aws", *arguments[:2]), environment=environment)

    def run(
        self,
        *command: str,
        shown: tuple[str, ...],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> str:
        """What a command printed; SceneFailed, naming its log, if its exit status is not 0."""
        log = self.logs / f"{next(self._number):02d}-{'-'.join(shown)}.log"
        name = " ".join(shown)
        try:
            done = subprocess.run(
                command,
                cwd=folder or self.project,
                env={**self._environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            log.write_bytes((error.stdout or b"") + (error.stderr or b""))
            raise SceneFailed(
                f"{name}: expected its end within {_COMMAND_SECONDS} seconds; read {log}"
            ) from None
        log.write_text(f"$ {' '.join(command)}\n{done.stdout}\n{done.stderr}", "utf-8")
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise SceneFailed(
                f"{name}: expected exit status 0, "
                f"came {done.returncode}: {' '.join(last)}; read {log}"
            )
        return done.stdout
