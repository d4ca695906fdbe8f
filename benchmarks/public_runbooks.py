"""``python -m benchmarks.public_runbooks``: runbooks that others published, run in the sandbox.

The manifest names each runbook, by repository, path, commit and hash, and not its text: the texts
are read from a folder with a clone of each repository. With each stands what exists before it runs,
what it is given, and the end that it must reach, by AWS's documentation.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonpath
from botocore import xform_name
from botocore.exceptions import ClientError

from benchmarks.automation_trust import AUTOMATION_TRUST
from sandbox import Sandbox

MANIFEST = Path(__file__).with_suffix(".json")
_SECONDS = 90
_ENDED = ("Success", "Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure")


@dataclass(frozen=True, kw_only=True)
class PublicRunbook:
    """One runbook of the manifest, and how it is tried."""

    repository: str
    """``owner/name`` on GitHub."""
    commit: str
    path: str
    sha256: str
    """Of the file, in hexadecimal."""
    actions: tuple[str, ...]
    """The actions of its steps: ``aws:sleep``."""
    ends: str
    """The status that it must reach, or ``refused``, by CreateDocument or the start."""
    because: str
    """Why that is the right end."""
    before: tuple[Mapping[str, Any], ...] = ()
    """Calls made as root first: ``service``, ``api``, ``inputs``, and ``keep``, which names what
    JSONPaths find in the answer."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Other documents by name: paths in the repository."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What it is given; ``{{ NAME }}`` stands for what was kept, ``{{ role }}`` for a role."""
    signals: tuple[str, ...] = ()
    """Signals to send while it waits: ``Approve``."""
    fails_because: str = ""
    """Where the sandbox cannot reach the right end: why."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of one."""

    runbook: PublicRunbook
    ended: str
    message: str

    @property
    def is_right(self) -> bool:
        """Whether it reached the right end."""
        return self.ended == self.runbook.ends


def manifest(file: Path = MANIFEST) -> tuple[PublicRunbook, ...]:
    """Every runbook of a manifest."""
    entries = json.loads(file.read_text("utf-8"))
    return tuple(PublicRunbook(**{**e, "actions": tuple(e["actions"])}) for e in entries)


def text_of(runbook: PublicRunbook, clones: Path, path: str = "") -> str:
    """The text of a runbook, or of another file of its repository, at the manifest's commit."""
    clone = clones / runbook.repository.replace("/", "+")
    shown = subprocess.run(
        ["git", "-C", str(clone), "show", f"{runbook.commit}:{path or runbook.path}"],
        capture_output=True,
        check=True,
    ).stdout
    if not path and hashlib.sha256(shown).hexdigest() != runbook.sha256:
        raise ValueError(f"{runbook.repository}/{runbook.path} is not the file of the manifest")
    return shown.decode("utf-8")


def try_out(runbook: PublicRunbook, account: Sandbox, clones: Path, number: int) -> Tried:
    """Runs a runbook in an account, after what has to be there."""
    known = _prepared(runbook, account, number)
    ssm = account.client("ssm")
    for name, path in runbook.beside.items():
        _create(ssm, name, path, text_of(runbook, clones, path))
    name = f"Public-{number:03d}"
    try:
        _create(ssm, name, runbook.path, text_of(runbook, clones))
        given = json.loads(_filled(json.dumps(dict(runbook.parameters)), known))
        parameters = {"Parameters": given} if given else {}
        started = ssm.start_automation_execution(DocumentName=name, **parameters)
    except ClientError as error:
        return Tried(runbook=runbook, ended="refused", message=str(error))
    return _followed(runbook, ssm, started["AutomationExecutionId"])


def _prepared(runbook: PublicRunbook, account: Sandbox, number: int) -> dict[str, str]:
    """Makes what has to be there; what is known of it by name."""
    iam = account.client("iam")
    role = f"Public{number:03d}"
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(AUTOMATION_TRUST))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [everything]}
    iam.put_role_policy(RoleName=role, PolicyName="All", PolicyDocument=json.dumps(policy))
    known = {"role": made["Role"]["Arn"], "number": f"{number:03d}"}
    for call in runbook.before:
        client = account.client(call["service"])
        inputs = json.loads(_filled(json.dumps(call.get("inputs", {})), known))
        answer = getattr(client, xform_name(call["api"]))(**inputs)
        for name, selector in call.get("keep", {}).items():
            known[name] = str(jsonpath.findall(selector, answer)[0])
    return known


def _filled(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"{{{{ {name} }}}}", json.dumps(value)[1:-1])
    return text


def _create(ssm: Any, name: str, path: str, text: str) -> None:
    ssm.create_document(
        Name=name,
        DocumentType="Automation",
        DocumentFormat="JSON" if path.endswith(".json") else "YAML",
        Content=text,
    )


def _followed(runbook: PublicRunbook, ssm: Any, execution: str) -> Tried:
    deadline, signals = time.monotonic() + _SECONDS, list(runbook.signals)
    while True:
        found = ssm.get_automation_execution(AutomationExecutionId=execution)
        found = found["AutomationExecution"]
        status = found["AutomationExecutionStatus"]
        if status in _ENDED or time.monotonic() > deadline:
            return Tried(runbook=runbook, ended=status, message=found.get("FailureMessage", ""))
        if status == "Waiting" and signals:
            ssm.send_automation_signal(AutomationExecutionId=execution, SignalType=signals.pop(0))
        time.sleep(0.1)


def main() -> int:
    """Tries every runbook of the manifest; 1 if fewer than 95 of 100 reach the right end."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_runbooks",
        description="Runs public runbooks in the sandbox and says which reach the right end.",
    )
    parser.add_argument(
        "clones",
        type=Path,
        metavar="FOLDER",
        help="holds a clone of each repository, OWNER+NAME, at or after the manifest's commit",
    )
    parser.add_argument("--only", metavar="TEXT", default="", help="those whose path holds this")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, metavar="FILE")
    options = parser.parse_args()
    wanted = [r for r in manifest(options.manifest) if options.only in r.path]
    right = 0
    for number, runbook in enumerate(wanted):
        with Sandbox() as account:
            tried = try_out(runbook, account, options.clones, number)
        right += tried.is_right
        verdict = "right" if tried.is_right else "WRONG"
        print(f"{verdict}  {tried.ended:9} {runbook.path}", flush=True)
        if not tried.is_right:
            print(f"       expected {runbook.ends}: {runbook.because}\n       {tried.message}")
    print(f"{right} of {len(wanted)} reach the right end")
    return 0 if right >= 0.95 * len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
