"""A fleet of 10,000 targets in the sandbox: none lost, none run twice, never more at once than
allowed, and stopped after the errors that are allowed."""

import json
import time
from collections.abc import Mapping
from typing import Any

import psutil

from rehearsal.operator import children, follow, most_at_once
from sandbox import Sandbox

TARGETS = 10_000
AT_ONCE = 100
_LAUNCHED_AT_ONCE = 1000


def run_fleets() -> tuple[float, float]:
    """Runs a fleet that succeeds, and one of which 5 % fail; seconds of the first, and megabytes of
    the sandbox after both. RuntimeError where a promise is broken."""
    with Sandbox() as sandbox:
        ssm = sandbox.client("ssm")
        targets = _launch(sandbox)
        _make(ssm, "Leaf", "i-.*")
        _make(ssm, "Failing", f"i-.*[^{targets[0][-1]}]")
        started = time.perf_counter()
        ended = _ran(ssm, "Leaf", "0")
        seconds = time.perf_counter() - started
        _require(ended, "Success", TARGETS)
        found = children(ssm, ended["AutomationExecutionId"])
        if sorted(each["Target"] for each in found) != sorted(targets):
            raise RuntimeError("a target was lost, or run twice")
        if (most := most_at_once(found)) > AT_ONCE:
            raise RuntimeError(f"{most} targets ran at once; {AT_ONCE} are allowed")
        failing = sum(target[-1] == targets[0][-1] for target in targets)
        _require(_ran(ssm, "Failing", str(failing)), "Success", TARGETS)
        stopped = _ran(ssm, "Failing", "10")["ProgressCounters"]
        if not 11 <= stopped["FailedSteps"] <= 10 + AT_ONCE:
            raise RuntimeError(f"{stopped['FailedSteps']} targets failed; 11 end the fleet")
        (process,) = psutil.Process().children()
        return seconds, process.memory_info().rss / 2**20


def _launch(sandbox: Sandbox) -> list[str]:
    ec2 = sandbox.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "web"}]}]
    found: list[str] = []
    for _ in range(TARGETS // _LAUNCHED_AT_ONCE):
        launched = ec2.run_instances(
            ImageId="ami-12345678",
            MinCount=_LAUNCHED_AT_ONCE,
            MaxCount=_LAUNCHED_AT_ONCE,
            TagSpecifications=tags,
        )
        found += [instance["InstanceId"] for instance in launched["Instances"]]
    return found


def _make(ssm: Any, name: str, pattern: str) -> None:
    """A document of two steps, which takes targets of a pattern."""
    steps = [
        {"name": step, "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
        for step in ("first", "second")
    ]
    parameters = {"InstanceId": {"type": "String", "allowedPattern": pattern}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": steps}
    ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(content))


def _ran(ssm: Any, name: str, errors: str) -> Mapping[str, Any]:
    answer = ssm.start_automation_execution(
        DocumentName=name,
        TargetParameterName="InstanceId",
        Targets=[{"Key": "tag:Tier", "Values": ["web"]}],
        MaxConcurrency=str(AT_ONCE),
        MaxErrors=errors,
    )
    return follow(ssm, answer["AutomationExecutionId"])


def _require(ended: Mapping[str, Any], status: str, targets: int) -> None:
    counters = ended["ProgressCounters"]
    done = sum(number for name, number in counters.items() if name != "TotalSteps")
    if ended["AutomationExecutionStatus"] != status or done != targets:
        raise RuntimeError(f"the fleet is {ended['AutomationExecutionStatus']}: {counters}")


if __name__ == "__main__":
    seconds, megabytes = run_fleets()
    print(f"{TARGETS:,} targets in {seconds:.1f} s; the sandbox then has {megabytes:.0f} MB")
