"""Which command of the CDK CLI runs the app: the CLI does not tell, its command line does."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import psutil

from delegation.deployment.deployment import Deployment
from delegation.errors import DelegationError

_CHANGING = {"deploy", "destroy", "import", "refactor", "rollback", "watch"}
"""Commands that change stacks. Source: AWS CDK CLI reference."""


def refuse_foreign_stacks(assembly: Path) -> None:
    """Raises DelegationError where the CDK CLI is about to change a stack that has a name of the
    assembly and is not of this project; asks AWS only for a command that changes stacks."""
    command = _command()
    is_unknown = command is None and "CDK_DEFAULT_ACCOUNT" in os.environ
    if not is_unknown and not _CHANGING & set(command or ()):
        return
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "ownership", "--assembly", str(assembly)],
        env=_environment(_profile(command or ())),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DelegationError(done.stderr.strip().removeprefix("error: "))


def refuse_waves(deployments: Sequence[Deployment]) -> None:
    """Raises DelegationError where the CDK CLI is about to deploy all stacks, in an order that has
    no waves."""
    command = _command() or ()
    is_all = "deploy" in command and bool({"--all", "*", "**"} & set(command))
    if is_all and len({deployment.wave for deployment in deployments}) > 1:
        raise DelegationError(
            "deployments.py names waves, which cdk deploy --all does not follow; deploy what make "
            "synth writes: make deploy DIGEST=$(make --silent digest)"
        )


def _command() -> Sequence[str] | None:
    """What the CDK CLI was asked to do: the words after its name in the command lines above this
    process. None where none is the CLI's; with credentials it has set CDK_DEFAULT_ACCOUNT."""
    try:
        for process in psutil.Process().parents():
            line: list[str] = process.cmdline()
            for index, word in enumerate(line):
                if Path(word).stem in ("cdk", "aws-cdk"):
                    return line[index + 1 :]
    except psutil.Error:  # a process of somebody else's, above the CLI
        return None
    return None


def _environment(profile: str) -> dict[str, str]:
    """The credentials and the Region that the CLI uses."""
    region = os.environ.get("CDK_DEFAULT_REGION")
    return {
        **os.environ,
        **({"AWS_REGION": region} if region else {}),
        **({"AWS_PROFILE": profile} if profile else {}),
    }


def _profile(command: Sequence[str]) -> str:
    """The profile that a command of the CLI names; empty where it names none."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", nargs="?", default="")
    known, _ = parser.parse_known_args(command)
    return str(known.profile or "")
