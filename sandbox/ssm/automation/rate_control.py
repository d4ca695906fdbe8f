"""Runs a child for each target of an execution: so many at once, until too many have failed.

Source: Systems Manager User Guide, Control automations at scale. What stands in no page: that the
parent succeeds while no more have failed than are allowed, and that children are started with the
parent's session, without a call that IAM decides about.
"""

import contextvars
import threading
from collections import defaultdict, deque
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.automation import alarms, events
from sandbox.ssm.automation.clients import client
from sandbox.ssm.automation.executions import Execution, children_of
from sandbox.ssm.automation.targets import Child, Targets

_MOST_PARENTS = 25
"""How many rate-controlled executions run in an account and Region; more are ``Pending``.
Source: AWS General Reference, Systems Manager quotas."""
_POLL_SECONDS = 0.1
_turns: defaultdict[tuple[str, str], threading.Semaphore] = defaultdict(
    lambda: threading.Semaphore(_MOST_PARENTS)
)

RunChild = Callable[[Child], Execution]
"""Makes a child with these parameters of its own and runs it to its end."""


def start(
    parent: Execution,
    targets: Targets,
    credentials: Credentials,
    finder: Credentials,
    run_child: RunChild,
) -> None:
    """Runs the children beside everything else, in the account and Region of this request, with the
    parent's session; finds the targets with one of its own."""
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run,
        args=(_Run(parent, targets, finder, run_child).to_the_end, credentials),
        name=f"automation-{parent.id}",
        daemon=True,
    ).start()


class _Run:
    """One run of a parent."""

    def __init__(
        self, parent: Execution, targets: Targets, finder: Credentials, run_child: RunChild
    ) -> None:
        self._parent, self._targets = parent, targets
        self._finder, self._run_child = finder, run_child
        self._lock = threading.Lock()
        self._waiting: deque[Child] = deque()
        self._allowed = 0

    def to_the_end(self, credentials: Credentials) -> None:
        """Waits for its turn and runs the children; whatever happens, the parent ends."""
        parent, status = self._parent, "Cancelled"
        turns = _turns[parent.account, parent.region]
        has_turn = False
        while not has_turn and parent.stop is None:
            has_turn = turns.acquire(timeout=_POLL_SECONDS)
        try:
            if has_turn:
                with alarms.watched(parent, credentials):
                    status = self._run()
        finally:
            parent.end(status)
            if has_turn:
                turns.release()
            events.tell_execution(parent)

    def _run(self) -> str:
        parent = self._parent
        parent.become("InProgress")
        try:
            found = list(self._targets.resolved(self._client))
        except (ApiError, BotoCoreError, ClientError) as error:
            parent.failure = f"The targets could not be resolved: {error}"
            return "Failed"
        if not found:
            parent.failure = "No target was found."
            return "Failed"
        self._waiting.extend(found)
        self._allowed = self._targets.errors_allowed(len(found))
        parent.progress.total = len(found)
        parent.resolved = [v for child in found for values in child.values() for v in values]
        workers = [
            threading.Thread(target=contextvars.copy_context().run, args=(self._work,), daemon=True)
            for _ in range(min(self._targets.at_once(len(found)), len(found)))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                if parent.stop is not None:
                    for child in children_of(parent):
                        child.ask_to_stop(parent.stop)
                worker.join(_POLL_SECONDS)
        if parent.progress.failures > self._allowed:
            parent.failure = (
                f"{parent.progress.failures} of {len(found)} targets failed; allowed are "
                f"{self._allowed}."
            )
            return "Failed"
        return "Success"

    def _client(self, service: str) -> object:
        return client(service, self._finder, self._parent.region)

    def _work(self) -> None:
        """Runs one child after the other, as long as there may be more."""
        while (child := self._next()) is not None:
            status = "Failed"
            try:
                status = self._run_child(child).status
            finally:  # a mistake of the sandbox must not lose a target
                with self._lock:
                    self._parent.progress.count(status)

    def _next(self) -> Child | None:
        with self._lock:
            is_over = self._parent.stop or self._parent.progress.failures > self._allowed
            return None if is_over or not self._waiting else self._waiting.popleft()
