"""A fleet of 10,000 targets in the sandbox: none lost, none run twice, never more at once than
allowed, and stopped after the errors that are allowed."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import psutil

from rehearsal.operator import children, follow, most_at_once
from sandbox import Sandbox
from tests.operate.proxy import THROTTLED, Handler, proxied

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


def follow_a_fleet() -> tuple[float, float]:
    """Follows a fleet of which 5 % fail by ``operate``, while every third call of it is throttled;
    it is killed once and goes on by ``watch``. Its peak memory in megabytes, and its calls a
    second, throttled ones as well. RuntimeError where a target is lost or run twice."""
    with Sandbox() as sandbox, proxied(sandbox) as proxy:
        ssm = sandbox.client("ssm")
        targets = _launch(sandbox)
        _make(ssm, "Leaf", "i-.*[^0]", seconds=1)
        _make_parent(ssm)
        for call in ("GetAutomationExecution", "DescribeAutomationExecutions"):
            proxy.faults[call] = [Handler.pass_on, Handler.pass_on, THROTTLED] * 10_000
        environment = {**os.environ, **sandbox.environment(), "AWS_ENDPOINT_URL": proxy.url}
        operate = [sys.executable, "-m", "operate"]
        begun = time.perf_counter()
        run = [*operate, "run", "Parent", "--yes", "--allow-own-permissions"]
        first, printed = _watched(run, environment, _KILLED_AFTER)
        id_ = next(line[4:] for line in printed.splitlines() if line.startswith("run "))
        second, printed = _watched([*operate, "watch", id_], environment, None)
        calls = len(proxy.calls) / (time.perf_counter() - begun)
        if f"targets: {TARGETS} of {TARGETS} done" not in printed:
            raise RuntimeError(printed)
        (parent,) = children(ssm, id_)
        found = children(ssm, parent["AutomationExecutionId"])
        if sorted(each["Target"] for each in found) != sorted(targets):
            raise RuntimeError("a target was lost, or run twice")
        return max(first, second), calls


def _watched(
    command: list[str], environment: Mapping[str, str], seconds: float | None
) -> tuple[float, str]:
    """The peak memory of a command, which is killed after so many seconds, and what it printed."""
    peak, deadline = 0.0, time.monotonic() + (seconds or _LONGEST)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
            with contextlib.suppress(psutil.NoSuchProcess):
                peak = max(peak, psutil.Process(process.pid).memory_info().rss / 2**20)
            time.sleep(0.05)
        output.seek(0)
        return peak, output.read()


_KILLED_AFTER = 20.0
_LONGEST = 600.0


def _make_parent(ssm: Any) -> None:
    """A document that starts the leaf for every target."""
    inputs = {
        "DocumentName": "Leaf",
        "TargetParameterName": "InstanceId",
        "Targets": [{"Key": "tag:Tier", "Values": ["web"]}],
        "MaxConcurrency": str(AT_ONCE),
        "MaxErrors": str(TARGETS),
    }
    step = {"name": "all", "action": "aws:executeAutomation", "inputs": inputs}
    content = {"schemaVersion": "0.3", "mainSteps": [step]}
    ssm.create_document(Name="Parent", DocumentType="Automation", Content=json.dumps(content))


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


def _make(ssm: Any, name: str, pattern: str, seconds: int = 0) -> None:
    """A document of two steps, which takes targets of a pattern."""
    steps = [
        {"name": step, "action": "aws:sleep", "inputs": {"Duration": f"PT{seconds}S"}}
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
