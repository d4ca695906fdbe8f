"""A deployment of what was reviewed: stack after stack, resumed where it stopped."""

import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.exceptions import ClientError

from pipeline.access import Target, targets
from pipeline.assembly import ADMINISTRATION_STACK, Assembly
from pipeline.cdk import cdk
from pipeline.comparison import deployed_template
from pipeline.errors import PipelineError
from pipeline.lease import Lease

_ADMINISTRATORS, _AUTHORS = "PipelineAdministrationRole", "PipelineRunbooksRole"
"""Who a job of GitHub is: the administrator's deploys either stack, the author's one."""
_POLL_SECONDS = 5
_LONGEST_WAIT_SECONDS = 3600
_STUCK = ("UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED", "UPDATE_FAILED")
"""States that nothing but a person ends. Source: CloudFormation User Guide, stack status codes."""


class Deployment:
    """The stacks of some names of an assembly, in their order; PipelineError unless the assembly
    has this digest, before anything is asked or touched."""

    def __init__(self, assembly: Assembly, names: Sequence[str], *, digest: str) -> None:
        assembly.require(digest)
        self._assembly = assembly
        role = _ADMINISTRATORS if ADMINISTRATION_STACK in names else _AUTHORS
        missing = [name for name in names if not assembly.named(name)]
        if missing:
            raise PipelineError(f"the assembly in {assembly.folder} has no {missing[0]}")
        self.targets = list(targets(assembly.named(*names), role=role))

    def run(self) -> bool:
        """Deploys one after the other, and stops at the first that fails; whether all went well.

        What stands already is left as it is: to run it again is to go on.
        """
        with tempfile.TemporaryDirectory(prefix="pipeline-") as temporary:
            checked = self._assembly.copy_to(Path(temporary) / "assembly")
            checked.require(self._assembly.digest)
            with self._lease() as lease:
                for target in self.targets:
                    lease.require()
                    if not _is_deployed(target, checked.folder):
                        return False
        return True

    def _lease(self) -> Lease:
        """The lease where the first stack goes, whichever that is: to a deployment's first Region,
        which holds AdministrationStack as well."""
        first = self.targets[0]
        role = first.filled(first.stack.publishing_role)
        s3 = first.access.client("s3", first.region, role=role)
        return Lease(s3, first.filled(first.stack.bucket))

    def states(self) -> Iterator[str]:
        """What state each stack is in, a line each, with the cause where it is a failure."""
        for target in self.targets:
            client = target.client("cloudformation")
            status = _status(client, target)
            yield f"{target.shown}: {status or 'does not stand'}"
            if status and ("ROLLBACK" in status or "FAILED" in status):
                yield f"  {_first_failure(client, target)}"
            if status in _STUCK:
                yield (
                    f"  its rollback could not end; mend what its events name, then: npx cdk "
                    f"rollback {target.stack.id}"
                )


def _is_deployed(target: Target, assembly: Path) -> bool:
    client = target.client("cloudformation")
    if _settled(client, target) in _STUCK:
        return False
    print(f"deploying {target.shown}", flush=True)
    status, _ = cdk(
        *("deploy", target.stack.id, "--exclusively", "--require-approval", "never"),
        *("--progress", "events", "--app", str(assembly)),
        environment={**target.access.environment, "AWS_REGION": target.region},
        is_shown=True,
    )
    if status != 0:
        return False
    if deployed_template(target, client) != target.stack.template:
        raise PipelineError(
            f"{target.shown} is not the template that was reviewed: another one lay under its key "
            f"in {target.filled(target.stack.bucket)}; find out who put it there, remove it and "
            f"run this again"
        )
    return True


def _settled(client: Any, target: Target) -> str | None:
    """The stack's state once nothing happens to it; None where it does not stand.

    The CDK CLI neither waits nor tells: it takes a stack that is being changed for done.
    """
    deadline, told = time.monotonic() + _LONGEST_WAIT_SECONDS, ""
    while True:
        status = _status(client, target)
        if not status or not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return status
        if time.monotonic() > deadline:
            raise PipelineError(f"{target.shown} is {status} for too long; run again later")
        if status != told:
            print(f"waiting: {target.shown} is {status}", flush=True)
            told = status
        time.sleep(_POLL_SECONDS)


def _status(client: Any, target: Target) -> str | None:
    try:
        (stack,) = client.describe_stacks(StackName=target.stack.name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise PipelineError(f"{target.shown} cannot be read: {error}") from None
    return str(stack["StackStatus"])


def _first_failure(client: Any, target: Target) -> str:
    """Why the last deployment failed: the earliest failure among the newest events."""
    try:
        events = client.describe_stack_events(StackName=target.stack.name)["StackEvents"]
    except ClientError:
        return "read the lines above"
    reason = "read the lines above"
    for event in events:  # the newest first
        status = event["ResourceStatus"]
        if status.endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", ""):
            reason = f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', status)}"
        if event["PhysicalResourceId"] == event["StackId"] and status in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
        ):
            break
    return reason


def end_on_sigterm() -> None:
    """Has the end of a job be told as Ctrl-C is: CloudFormation goes on, and so can the next."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
