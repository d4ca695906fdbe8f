"""A rollout of what was reviewed: wave after wave, resumed where it stopped."""

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

from pipeline.cdk import started
from pipeline.credentials import Target, asking, targets
from pipeline.errors import PipelineError
from pipeline.ownership import obstacle
from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import ADMINISTRATION_STACK, ADMINISTRATORS, unprefixed

_ADMINISTRATORS, _AUTHORS = "PipelineAdministrationRole", "PipelineRunbooksRole"
"""Who a job of GitHub is: the administrator's deploys either stack, the author's one."""
_OPTIONAL = tuple(name for name in ADMINISTRATORS if name != ADMINISTRATION_STACK)
_NOTHING = "does not stand"
_POLL_SECONDS = 5
_LOOK_SECONDS = 0.1
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
    """The stacks of some names of an assembly, wave by wave and in the names' order; PipelineError
    unless the assembly has this digest, before anything is asked or touched."""

    def __init__(
        self, assembly: Assembly, names: Sequence[str], *, digest: str, concurrency: int = 1
    ) -> None:
        assembly.require(digest)
        self._assembly = assembly
        role = _ADMINISTRATORS if ADMINISTRATION_STACK in names else _AUTHORS
        missing = [n for n in names if n not in _OPTIONAL and not assembly.named(n)]
        if missing:
            raise PipelineError(f"the assembly in {assembly.folder} has no {missing[0]}")
        self._concurrency = concurrency
        stacks = sorted(assembly.named(*names), key=lambda stack: stack.wave)
        self.targets = list(targets(assembly, stacks, role=role, are_trusted_elsewhere=True))

    def run(self) -> bool:
        """Deploys wave after wave, and in each the stacks of a name after those of the name before,
        as many at a time as asked for; stops after the first of these groups in which one fails.
        Whether all went well.

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
            return all(
                _are_deployed(group, checked.folder, self._concurrency) for group in self._groups()
            )

    def _groups(self) -> Iterator[list[Target]]:
        """What is deployed at once, in its order."""
        waves = [list(wave) for _, wave in groupby(self.targets, lambda t: t.stack.wave)]
        for number, wave in enumerate(waves, start=1):
            if len(waves) > 1:
                print(f"wave {number} of {len(waves)}", flush=True)
            for _, group in groupby(wave, lambda t: unprefixed(t.stack.name)):
                yield list(group)

    def states(self) -> Iterator[str]:
        """What state each stack is in, a line each, with the cause where it is a failure; how many
        are in which where there are several accounts."""
        known = [(t, client := _cloudformation(t), t.status(client)) for t in self.targets]
        if len({target.credentials.account for target, *_ in known}) > 1:
            counts = Counter(status or _NOTHING for *_, status in known)
            yield ", ".join(f"{state}: {count}" for state, count in counts.most_common())
        for target, client, status in known:
            yield f"{target}: {status or _NOTHING}"
            if status and ("ROLLBACK" in status or "FAILED" in status):
                yield f"  {_first_failure(client, target)}"
            if status in _FIXES:
                yield f"  fix what its events name, then: {_FIXES[status]} {target.stack.id}"


def _cloudformation(target: Target) -> Any:
    return target.client("cloudformation", role=target.stack.deployment_role)


def _are_deployed(group: list[Target], assembly: Path, concurrency: int) -> bool:
    """Whether all of a group are, once they have been tried: those of the same credentials by one
    command of the CDK CLI, of which as many run as there is room for."""
    ready = [each for each in group if _settled(_cloudformation(each), each) not in _FIXES]
    waiting = list(_by_credentials(ready))
    at_once = max(1, min(concurrency, len(waiting)))
    is_done = len(ready) == len(group)
    running: list[tuple[list[Target], subprocess.Popen[str]]] = []
    with ExitStack() as stack:
        while waiting or running:
            while waiting and len(running) < at_once:
                together = waiting.pop(0)
                process = stack.enter_context(
                    _deploying(together, assembly, max(1, concurrency // at_once))
                )
                running.append((together, process))
            for together, process in [each for each in running if each[1].poll() is not None]:
                running.remove((together, process))
                is_done &= process.returncode == 0
                if process.returncode == 0:
                    for target in together:
                        _require_reviewed(target)
            time.sleep(_LOOK_SECONDS)
    return is_done


def _by_credentials(group: list[Target]) -> Iterator[list[Target]]:
    """The targets that one command can deploy: of the same credentials, and all of places that the
    assembly names, or of one Region."""
    found: dict[tuple[int, str], list[Target]] = {}
    for target in group:
        region = "" if target.stack.region else target.region
        found.setdefault((id(target.credentials.environment), region), []).append(target)
    yield from found.values()


def _deploying(
    together: list[Target], assembly: Path, concurrency: int
) -> AbstractContextManager[subprocess.Popen[str]]:
    for target in together:
        print(f"deploying {target}", flush=True)
    return started(
        *("deploy", *(each.stack.id for each in together), "--exclusively"),
        *("--require-approval", "never", "--concurrency", str(concurrency)),
        *("--progress", "events", "--app", str(assembly)),
        environment=together[0].environment,
        is_shown=True,
    )


def _require_reviewed(target: Target) -> None:
    """Raises PipelineError where a stack is not of the template that was reviewed."""
    if not target.is_as_deployed(_cloudformation(target)):
        raise PipelineError(
            f"{target} is not the template that was reviewed: another one lay under its key in "
            f"{target.filled(target.stack.bucket)}; find out who put it there, remove it and run "
            f"this again"
        )


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
