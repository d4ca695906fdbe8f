"""A rollout of what was reviewed: stack after stack, resumed where it stopped."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.cdk import cdk
from pipeline.credentials import Target, asking, targets
from pipeline.errors import PipelineError
from pipeline.ownership import obstacle
from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import ADMINISTRATION_STACK, ADMINISTRATORS

_ADMINISTRATORS, _AUTHORS = "PipelineAdministrationRole", "PipelineRunbooksRole"
"""Who a job of GitHub is: the administrator's deploys either stack, the author's one."""
_OPTIONAL = tuple(name for name in ADMINISTRATORS if name != ADMINISTRATION_STACK)
_POLL_SECONDS = 5
_LONGEST_WAIT_SECONDS = 3600
_FIXES = {
    "UPDATE_ROLLBACK_FAILED": "npx cdk rollback",
    "UPDATE_FAILED": "npx cdk rollback",
    "CREATE_FAILED": "npx cdk rollback",
    "DELETE_FAILED": "npx cdk destroy",
}
"""States that nothing but a person ends, and how, once what the stack's events name is fixed.
Source: CloudFormation User Guide, stack status codes."""


class Rollout:
    """The stacks of some names of an assembly, in their order; PipelineError unless the assembly
    has this digest, before anything is asked or touched."""

    def __init__(self, assembly: Assembly, names: Sequence[str], *, digest: str) -> None:
        assembly.require(digest)
        self._assembly = assembly
        role = _ADMINISTRATORS if ADMINISTRATION_STACK in names else _AUTHORS
        missing = [n for n in names if n not in _OPTIONAL and not assembly.named(n)]
        if missing:
            raise PipelineError(f"the assembly in {assembly.folder} has no {missing[0]}")
        self.targets = list(targets(assembly, assembly.named(*names), role=role))

    def run(self) -> bool:
        """Deploys one after the other, and stops at the first that fails; whether all went well.

        What stands already is left as it is: to run it again is to go on. Where a stack that is not
        this project's has one of the names, or a named role would have to be made again,
        PipelineError before any is touched.
        """
        for target in self.targets:
            if sentence := obstacle(target, _cloudformation(target)):
                raise PipelineError(sentence)
        with tempfile.TemporaryDirectory(prefix="pipeline-") as temporary:
            checked = self._assembly.copy_to(Path(temporary) / "assembly")
            checked.require(self._assembly.digest)
            return all(_is_deployed(target, checked.folder) for target in self.targets)

    def states(self) -> Iterator[str]:
        """What state each stack is in, a line each, with the cause where it is a failure."""
        for target in self.targets:
            client = _cloudformation(target)
            status = target.status(client)
            yield f"{target}: {status or 'does not stand'}"
            if status and ("ROLLBACK" in status or "FAILED" in status):
                yield f"  {_first_failure(client, target)}"
            if status in _FIXES:
                yield f"  fix what its events name, then: {_FIXES[status]} {target.stack.id}"


def _cloudformation(target: Target) -> Any:
    return target.client("cloudformation", role=target.stack.deployment_role)


def _is_deployed(target: Target, assembly: Path) -> bool:
    client = _cloudformation(target)
    if _settled(client, target) in _FIXES:
        return False
    print(f"deploying {target}", flush=True)
    status, _ = cdk(
        *("deploy", target.stack.id, "--exclusively", "--require-approval", "never"),
        *("--progress", "events", "--app", str(assembly)),
        environment=target.environment,
        is_shown=True,
    )
    if status != 0:
        return False
    if not target.is_as_deployed(client):
        raise PipelineError(
            f"{target} is not the template that was reviewed: another one lay under its key in "
            f"{target.filled(target.stack.bucket)}; find out who put it there, remove it and run "
            f"this again"
        )
    return True


def _settled(client: Any, target: Target) -> str | None:
    """The stack's state once nothing happens to it; None where it does not stand.

    The CDK CLI neither waits nor reports: it takes a stack that is being changed for done.
    """
    deadline, reported = time.monotonic() + _LONGEST_WAIT_SECONDS, ""
    while True:
        status = target.status(client)
        if not status or not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return status
        if time.monotonic() > deadline:
            raise PipelineError(f"{target} is {status} for too long; run again later")
        if status != reported:
            print(f"waiting: {target} is {status}", flush=True)
            reported = status
        time.sleep(_POLL_SECONDS)


def _first_failure(client: Any, target: Target) -> str:
    """Why the last deployment failed: the earliest failure of its events."""
    with asking(f"for the events of {target}"):
        events = client.describe_stack_events(StackName=target.stack.name)["StackEvents"]
    reason = "its events show no reason"
    for event in events:  # the newest first
        status, why = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED") and "cancelled" not in why:
            reason = f"{event['LogicalResourceId']}: {why or status}"
        is_of_the_stack = event["PhysicalResourceId"] == event["StackId"]
        if is_of_the_stack and status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            break
    return reason
