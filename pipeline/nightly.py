"""The doctor in every account of an assembly, for a job of each night.

It runs as a command of its own: this package imports the access review and nothing of the doctor.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.credentials import targets
from pipeline.errors import PipelineError
from pipeline.github import is_a_job_with_a_token
from review.command_line import FOUND
from review.templates.cloud_assembly import Assembly, Stack

_ROLE = "PipelineDoctorRole"
_OTHER_CREDENTIALS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


def examine_accounts(folder: Path, options: Iterable[str]) -> int:
    """Runs ``python -m account doctor`` with these options in each account of an assembly, as
    PipelineDoctorRole; outside of a job of GitHub Actions once, with the credentials at hand.

    Its findings are printed, are in the job's summary, and are a page beside the assembly
    (``doctor-ACCOUNT.html``). The worst exit status is returned.
    """
    command = [sys.executable, "-m", "account", "doctor", "--assembly", str(folder), *options]
    if not is_a_job_with_a_token():
        return subprocess.run(command, check=False).returncode
    assembly = Assembly(folder)
    of_accounts: dict[str | None, Stack] = {}
    for stack in assembly.stacks:
        of_accounts.setdefault(stack.account, stack)
    return max((_examined(assembly, each, command) for each in of_accounts.values()), default=1)


def _examined(assembly: Assembly, stack: Stack, command: list[str]) -> int:
    """The doctor in the account of a stack; 1 where it cannot be asked, whatever becomes of the
    others."""
    try:
        (target,) = targets(assembly, [stack], role=_ROLE)
    except PipelineError as error:
        return _reported(f"account {stack.account or 'of the job'}: {error}\n", 1)
    page = assembly.folder / f"doctor-{target.credentials.account}.html"
    inherited = {k: v for k, v in os.environ.items() if k not in _OTHER_CREDENTIALS}
    done = subprocess.run(
        [*command, "--page", str(page)],
        env={**inherited, **target.credentials.environment, "AWS_REGION": target.region},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return _reported(done.stdout, done.returncode if done.returncode in (0, FOUND) else 1)


def _reported(text: str, status: int) -> int:
    """Prints what was found, and puts it in the job's summary; the status that was given."""
    print(text, end="", flush=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"```text\n{text}```\n")
    return status
