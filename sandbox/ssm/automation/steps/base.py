"""What every step action is given, and how it waits."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.ssm.automation.clients import client, environment
from sandbox.ssm.automation.executions import Execution, Signal

Outputs = dict[str, Any]

DEFAULT_TIMEOUT_SECONDS = 3600


class StepFailed(Exception):
    """The step failed; the message is what its ``FailureMessage`` says."""


class StepTimedOut(StepFailed, TimeoutError):
    """The step took longer than its ``timeoutSeconds``."""


class StepCancelled(Exception):
    """The execution was asked to stop while the step ran."""


class Action(ABC):
    """One action of a step, run once an attempt.

    A further action is a subclass with a ``name`` and a ``run``, listed in ``ACTIONS``.
    """

    name: ClassVar[str]
    """``aws:…``, as documents name it."""
    default_timeout: ClassVar[float] = DEFAULT_TIMEOUT_SECONDS
    """Seconds, where the step names none."""

    def __init__(
        self,
        *,
        execution: Execution,
        inputs: Mapping[str, Any],
        definition: Mapping[str, Any],
        credentials: Credentials,
        deadline: float,
    ) -> None:
        self.execution = execution
        self.inputs = inputs
        self.definition = definition
        self.next_step: str | None = None
        """The step to go on to, where the action itself decides that."""
        self._credentials = credentials
        self._deadline = deadline

    @abstractmethod
    def run(self) -> Outputs:
        """Does the step and returns its outputs; raises StepFailed."""

    def client(self, service: str) -> Any:
        """An AWS client with the execution's session."""
        return client(service, self._credentials, self.execution.region)

    def environment(self) -> dict[str, str]:
        """Environment variables that give a process the execution's session."""
        return environment(self._credentials, self.execution.region)

    def seconds_left(self) -> float:
        """Seconds until the step's deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def wait_for_signal(self, types: tuple[str, ...], senders: Iterable[str] = ()) -> Signal:
        """Waits for a signal of one of these types, from one of these senders if any are named."""
        with self.execution.waiting_for(types, tuple(senders)), self.execution.changed:
            while (received := self.execution.take_signal(types)) is None:
                self._wait(self._deadline)
            return received

    def call(self, function: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """An AWS call; its refusal or error fails the step with AWS's message."""
        try:
            answer: dict[str, Any] = function(**parameters)
        except (ClientError, BotoCoreError) as error:
            raise StepFailed(str(error)) from error
        return answer

    def required(self, name: str) -> Any:
        """An input that the action cannot do without."""
        if self.inputs.get(name) in (None, "", []):
            raise StepFailed(f"Input {name} of {self.name} is missing")
        return self.inputs[name]

    def pause(self, seconds: float) -> None:
        """Waits; raises StepTimedOut at the step's deadline, StepCancelled at a stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._wait(until)
        self._check_stop()

    def _wait(self, until: float) -> None:
        """Waits for the next change of the execution, at most until then or the deadline."""
        with self.execution.changed:
            self._check_stop()
            self.execution.changed.wait(max(0.0, min(until, self._deadline) - time.monotonic()))
        self._check_stop()

    def _check_stop(self) -> None:
        if self.execution.is_cancelled:
            raise StepCancelled
        if time.monotonic() >= self._deadline:
            raise StepTimedOut("Step timed out")
