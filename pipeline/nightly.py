"""The doctor in every account of an assembly, for a job of each night.

It runs as a command of its own: this package imports the access review and nothing of the doctor.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.credentials import Credentials, targets
from pipeline.github import is_a_job_with_a_token
from review.templates.cloud_assembly import Assembly

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
    found: dict[str, tuple[Credentials, str]] = {}
    for target in targets(assembly, assembly.stacks, role=_ROLE):
        found.setdefault(target.credentials.account, (target.credentials, target.region))
    return max(
        _examined([*command, "--page", str(folder / f"doctor-{account}.html")], *place)
        for account, place in found.items()
    )


def _examined(command: list[str], credentials: Credentials, region: str) -> int:
    inherited = {k: v for k, v in os.environ.items() if k not in _OTHER_CREDENTIALS}
    done = subprocess.run(
        command,
        env={**inherited, **credentials.environment, "AWS_REGION": region},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout, end="", flush=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"```text\n{done.stdout}```\n")
    return done.returncode
