"""Runs an execution: its steps in turn, each with attempts, time limit and a way on after failure.

Source: Systems Manager User Guide, Properties shared by all actions.
"""

import contextvars
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.ssm.automation import alarms, events
from sandbox.ssm.automation.clients import client
from sandbox.ssm.automation.executions import Execution, StepExecution
from sandbox.ssm.automation.loops import Iteration, iterations
from sandbox.ssm.automation.parameters import Filled, as_given
from sandbox.ssm.automation.steps import ACTIONS
from sandbox.ssm.automation.steps.base import StepCancelled, StepFailed, StepTimedOut
from sandbox.ssm.documents.references import UnknownReference, resolve
from sandbox.ssm.documents.steps import flag, holds_code

_LONGEST_SECONDS = 30 * 24 * 3600
"""No step waits longer. Source: Systems Manager User Guide, aws:approve, timeoutSeconds."""
_CLEANING_UP_SECONDS = 120
"""How long the steps of ``onCancel`` may take. Source: Properties shared by all actions."""

_MOST_AT_ONCE = 100
"""How many executions run in an account and Region, children too; more are ``Pending``.
Source: AWS General Reference, Systems Manager quotas, concurrently executing automations."""
_POLL_SECONDS = 0.1
_turns: defaultdict[tuple[str, str], threading.Semaphore] = defaultdict(
    lambda: threading.Semaphore(_MOST_AT_ONCE)
)

_log = logging.getLogger(__name__)


def start(execution: Execution, credentials: Credentials) -> None:
    """Runs the execution beside everything else, in the account and Region of this request."""
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run,
        args=(run, execution, credentials),
        name=f"automation-{execution.id}",
        daemon=True,
    ).start()


def run(execution: Execution, credentials: Credentials) -> None:
    """Runs the execution to its end."""
    _Run(execution, credentials).to_the_end()


class _Run:
    """One run of an execution, with what its references know."""

    def __init__(self, execution: Execution, credentials: Credentials) -> None:
        self._execution, self._credentials = execution, credentials
        self._turns = _turns[execution.account, execution.region]
        self._known: dict[str, Any] = {}
        self._until: float | None = None

    def to_the_end(self) -> None:
        """Waits for its turn and runs the steps; whatever happens, the execution ends."""
        execution, status = self._execution, "Cancelled"
        has_turn = self._await_turn()
        try:
            status = self._run() if has_turn else status
        finally:
            execution.end(status)
            if has_turn:
                self._turns.release()
            events.tell_execution(execution)

    def _await_turn(self) -> bool:
        """Waits, as ``Pending``, until fewer than the most executions run; false at a stop."""
        while not self._turns.acquire(timeout=_POLL_SECONDS):
            if self._execution.stop is not None:
                return False
        return True

    def _run(self) -> str:
        """Runs the execution; the status that it ends in."""
        execution = self._execution
        try:
            execution.become("InProgress")
            self._fill_values()
            with alarms.watched(execution, self._credentials):
                status = self._run_steps(list(execution.steps))
            execution.outputs = _outputs(execution, self._known)
            return status
        except UnknownReference as error:
            execution.failure = str(error)
        except Exception as error:  # a mistake of the sandbox must not leave an execution running
            _log.exception("execution %s failed in the sandbox", execution.id)
            execution.failure = f"The sandbox failed: {error}"
        return "Failed"

    def _fill_values(self) -> None:
        """Fills the references within the values of parameters and variables."""
        execution, system = self._execution, self._execution.system_variables()
        filled = Filled(execution.parameters, system, self._stored)
        execution.parameters = {name: filled[name] for name in execution.parameters}
        execution.variables = resolve(execution.variables, filled, keep_unknown=True)
        self._known = {**execution.parameters, **execution.variables, **system}

    def _stored(self, name: str) -> str:
        """The value of a parameter in Parameter Store, read with the execution's session."""
        ssm = client("ssm", self._credentials, self._execution.region)
        try:
            found = ssm.get_parameters(Names=[name])["Parameters"]
        except (ClientError, BotoCoreError) as error:
            raise UnknownReference(f"{{{{ssm:{name}}}}} cannot be read: {error}") from None
        if not found or found[0]["Type"] == "SecureString":
            what = "is a SecureString" if found else "does not exist"
            raise UnknownReference(f"{{{{ssm:{name}}}}} {what} and cannot be read")
        return str(found[0]["Value"])

    def _run_steps(self, steps: list[StepExecution]) -> str:
        """Runs steps until none follows; the status that they leave the execution in."""
        execution, status = self._execution, "Success"
        step: StepExecution | None = steps[0]
        while step is not None and (execution.stop is None or execution.is_cleaning_up):
            execution.current = step
            if execution.mode == "Interactive" and not _may_start(execution):
                break
            self._run_step(step)
            events.tell_step(execution, step)
            if _has_failed(step):
                status = "Failed" if step.status == "Exited" else step.status
                execution.failure = step.failure or execution.failure
            if step.status == "Cancelled":
                status = "Cancelled"
            step = self._next(steps, step)
        return status

    def _next(self, steps: list[StepExecution], step: StepExecution) -> StepExecution | None:
        """The step that follows; after a cancellation the first of the way that ``onCancel`` names,
        which has two minutes."""
        if step.status != "Cancelled":
            return _following(steps, step)
        target = str(step.definition.get("onCancel", "Abort"))
        if self._execution.is_cleaning_up or not target.startswith("step:"):
            return None
        self._execution.is_cleaning_up = True
        self._until = time.monotonic() + _CLEANING_UP_SECONDS
        return _named(steps, target.removeprefix("step:").strip())

    def _run_step(self, step: StepExecution) -> None:
        """Attempts the step until it succeeds, its attempts are used up, or it is cancelled."""
        step.started = time.time()
        failure: StepFailed | None = None
        try:
            for attempt in range(1, self._attempts(step) + 1):
                step.status = "InProgress"
                try:
                    outputs = self._attempt(step)
                except LoopLeft as left:
                    step.next_step = left.target
                    step.end("Exited" if left.has_failed else "Success")
                    return
                except StepFailed as error:
                    failure = error
                    step.attempts = attempt
                else:
                    step.succeed(as_given(outputs))
                    self._learn({f"{step.name}.{name}": v for name, v in outputs.items()})
                    return
        except StepCancelled:
            step.end("Cancelled")
            return
        except StepFailed as error:
            failure = error
        step.fail(failure or StepFailed("The step has no attempt"))

    def _learn(self, values: Mapping[str, Any]) -> None:
        """Makes outputs and changed variables known to the steps that follow."""
        self._known.update(values)
        self._known.update(self._execution.variables)

    def _attempts(self, step: StepExecution) -> int:
        return int(self._number(step, "maxAttempts", 1))

    def _number(self, step: StepExecution, field: str, default: float) -> float:
        """A numeric field of a step, which may be a reference."""
        try:
            return float(resolve(step.definition.get(field, default), self._known))
        except (UnknownReference, ValueError, TypeError) as error:
            raise StepFailed(f"{field} is not a number: {error}") from None

    def _deadline(self, step: StepExecution, default: float) -> float:
        limit = min(self._number(step, "timeoutSeconds", default), _LONGEST_SECONDS)
        deadline = time.monotonic() + limit
        return deadline if self._until is None else min(deadline, self._until)

    def _attempt(self, step: StepExecution) -> dict[str, Any]:
        if step.action == "aws:loop":
            return self._loop(step)
        action = ACTIONS.get(step.action)
        if action is None:
            known = ", ".join(sorted((*ACTIONS, "aws:loop")))
            raise StepFailed(f"The sandbox cannot run {step.action}; it runs {known}")
        deadline = self._deadline(step, action.default_timeout)
        try:
            inputs = {
                name: resolve(value, self._known, keep_unknown=holds_code(step.action, name))
                for name, value in (step.definition.get("inputs") or {}).items()
            }
        except UnknownReference as error:
            raise StepFailed(str(error)) from None
        step.inputs = {name: json.dumps(value) for name, value in inputs.items()}
        running = action(
            execution=self._execution,
            inputs=inputs,
            definition=step.definition,
            credentials=self._credentials,
            deadline=deadline,
        )
        try:
            outputs = running.run()
        except (StepFailed, StepCancelled):
            raise
        except Exception as error:  # inputs of a form that the action did not expect
            raise StepFailed(f"{type(error).__name__}: {error}") from error
        step.next_step = running.next_step
        return outputs

    def _loop(self, loop: StepExecution) -> dict[str, Any]:
        """Runs the steps of a loop once for each of its iterations."""
        until = self._until
        deadline = self._until = self._deadline(loop, _LONGEST_SECONDS)
        try:
            self._iterate(loop, deadline)
        finally:
            self._until = until
        return {}

    def _iterate(self, loop: StepExecution, deadline: float) -> None:
        execution = self._execution
        for iteration in iterations(loop.definition, self._known):
            if time.monotonic() >= deadline:
                raise StepTimedOut("Step timed out")
            self._known.update(iteration.values(loop.name))
            steps = _steps_of(loop, iteration)
            execution.steps += steps
            try:
                status = self._run_steps(steps)
            except LoopLeft as left:
                left.has_failed = any(map(_has_failed, steps))
                raise
            finally:
                execution.current = loop
            if status == "Cancelled" or execution.stop is not None:
                raise StepCancelled
            if status != "Success":
                raise StepFailed(f"Iteration {iteration.number} failed: {execution.failure}")


def _steps_of(loop: StepExecution, iteration: Iteration) -> list[StepExecution]:
    parent = {
        "StepExecutionId": loop.id,
        "StepName": loop.name,
        "Action": loop.action,
        "Iteration": iteration.number,
        "IteratorValue": iteration.written,
    }
    return [
        StepExecution(definition=step, parent=parent) for step in loop.definition["inputs"]["Steps"]
    ]


def _may_start(execution: Execution) -> bool:
    """Waits until an interactive execution is signalled to start its next step; false at a stop."""
    with execution.waiting_for(("StartStep",)), execution.changed:
        while execution.stop is None:
            if execution.take_signal(("StartStep",)) is not None:
                return True
            execution.changed.wait()
        return False


def _following(steps: list[StepExecution], step: StepExecution) -> StepExecution | None:
    """The step that follows, by the step's outcome; None at the end."""
    definition = step.definition
    if step.status == "Exited":
        return _named(steps, str(step.next_step))
    if step.status != "Success":
        on_failure = str(definition.get("onFailure", "Abort"))
        if on_failure.startswith("step:"):
            return _named(steps, on_failure.removeprefix("step:").strip())
        if on_failure != "Continue":
            return None
    if step.next_step is not None:
        return _named(steps, step.next_step)
    if flag(definition, "isEnd"):
        return None
    if "nextStep" in definition:
        return _named(steps, str(definition["nextStep"]))
    position = steps.index(step) + 1
    return steps[position] if position < len(steps) else None


def _named(steps: list[StepExecution], name: str) -> StepExecution:
    """The step of that name; raises LoopLeft where it is none of these."""
    for step in steps:
        if step.name == name:
            return step
    raise LoopLeft(name)


class LoopLeft(Exception):
    """A step within a loop goes on to one outside of it."""

    def __init__(self, target: str) -> None:
        super().__init__(f"Step {target} does not exist")
        self.target = target
        self.has_failed = False
        """Whether a critical step of the iteration has failed."""


def _has_failed(step: StepExecution) -> bool:
    """Whether a step failed and its failure is the execution's: as it says, else unless it
    continues. A loop that a failure left has failed as that step did."""
    default = step.definition.get("onFailure") != "Continue"
    is_critical = flag(step.definition, "isCritical", default)
    return step.status == "Exited" or (step.status in ("Failed", "TimedOut") and is_critical)


def _outputs(execution: Execution, known: Mapping[str, Any]) -> dict[str, list[str]]:
    """The document's ``outputs``, by the names of the references they are made of."""
    outputs: dict[str, list[str]] = {}
    for name in execution.content.get("outputs") or ():
        reference = str(name).strip().removeprefix("{{").removesuffix("}}").strip()
        if reference in known:
            outputs.update(as_given({reference: known[reference]}))
        else:
            outputs[reference] = [
                "No output available yet because the step is not successfully executed"
            ]
    return outputs
