"""Runs an execution: its steps in turn, each with attempts, time limit and a way on after failure.

Source: Systems Manager User Guide, Properties shared by all actions.
"""

import contextvars
import json
import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.automation.clients import Credentials
from sandbox.automation.executions import Execution, StepExecution
from sandbox.automation.parameters import as_given
from sandbox.automation.references import UnknownReference, resolve
from sandbox.automation.steps import ACTIONS
from sandbox.automation.steps.base import StepCancelled, StepFailed

_LONGEST_SECONDS = 30 * 24 * 3600
"""No step waits longer. Source: Systems Manager User Guide, aws:approve, timeoutSeconds."""

_log = logging.getLogger(__name__)


def start(execution: Execution, credentials: Credentials) -> None:
    """Runs the execution beside everything else, in the account and Region of this request."""
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run,
        args=(_run, execution, credentials),
        name=f"automation-{execution.id}",
        daemon=True,
    ).start()


def _run(execution: Execution, credentials: Credentials) -> None:
    """Runs the steps to their end; whatever happens, the execution ends."""
    status = "Failed"
    try:
        known = known_values(execution)
        execution.become("InProgress")
        status = _run_steps(execution, known, credentials)
        execution.outputs = _outputs(execution, known)
    except Exception as error:  # a mistake of the sandbox must not leave an execution running
        _log.exception("execution %s failed in the sandbox", execution.id)
        execution.failure = f"The sandbox failed: {error}"
    finally:
        execution.end(status)


def _run_steps(execution: Execution, known: dict[str, Any], credentials: Credentials) -> str:
    """Runs steps until none follows; the status that they leave the execution in."""
    status = "Success"
    step: StepExecution | None = execution.steps[0]
    while step is not None and execution.stop is None:
        execution.current = step
        if execution.mode == "Interactive" and not _may_start(execution):
            break
        _run_step(execution, step, known, credentials)
        if step.status in ("Failed", "TimedOut") and _is_critical(step.definition):
            status = step.status
            execution.failure = step.failure
        step = _next(execution, step)
    return status


def _run_step(
    execution: Execution, step: StepExecution, known: dict[str, Any], credentials: Credentials
) -> None:
    """Attempts the step until it succeeds, its attempts are used up, or it is cancelled."""
    step.started = time.time()
    failure: StepFailed | None = None
    try:
        for attempt in range(1, _attempts(step, known) + 1):
            step.status = "InProgress"
            try:
                outputs = _attempt(execution, step, known, credentials)
            except StepFailed as error:
                failure = error
                step.attempts = attempt
            else:
                step.succeed(as_given(outputs))
                known.update({f"{step.name}.{name}": value for name, value in outputs.items()})
                return
    except StepCancelled:
        step.end("Cancelled")
        return
    except StepFailed as error:
        failure = error
    step.fail(failure or StepFailed("The step has no attempt"))


def _attempts(step: StepExecution, known: Mapping[str, Any]) -> int:
    return int(_number(step, "maxAttempts", 1, known))


def _number(step: StepExecution, field: str, default: float, known: Mapping[str, Any]) -> float:
    """A numeric field of a step, which may be a reference."""
    try:
        return float(resolve(step.definition.get(field, default), known))
    except (UnknownReference, ValueError, TypeError) as error:
        raise StepFailed(f"{field} is no number: {error}") from None


def _attempt(
    execution: Execution, step: StepExecution, known: Mapping[str, Any], credentials: Credentials
) -> dict[str, Any]:
    action = ACTIONS.get(step.action)
    if action is None:
        raise StepFailed(
            f"The sandbox cannot run {step.action}; it runs {', '.join(sorted(ACTIONS))}"
        )
    limit = min(_number(step, "timeoutSeconds", action.default_timeout, known), _LONGEST_SECONDS)
    try:
        inputs = resolve(step.definition.get("inputs") or {}, known)
    except UnknownReference as error:
        raise StepFailed(str(error)) from None
    step.inputs = {name: json.dumps(value) for name, value in inputs.items()}
    try:
        return action(
            execution=execution,
            inputs=inputs,
            definition=step.definition,
            credentials=credentials,
            deadline=time.monotonic() + limit,
        ).run()
    except (StepFailed, StepCancelled):
        raise
    except Exception as error:  # inputs of a form that the action did not expect
        raise StepFailed(f"{type(error).__name__}: {error}") from error


def _may_start(execution: Execution) -> bool:
    """Waits until an interactive execution is told to start its next step; false at a stop."""
    execution.become("Waiting")
    with execution.changed:
        execution.changed.wait_for(
            lambda: execution.stop is not None or "StartStep" in execution.signals
        )
        if execution.stop is not None:
            return False
        execution.signals.remove("StartStep")
    execution.become("InProgress")
    return True


def _next(execution: Execution, step: StepExecution) -> StepExecution | None:
    """The step that follows, by the step's outcome; None at the end."""
    definition = step.definition
    if step.status == "Cancelled":
        return None
    if step.status != "Success":
        on_failure = str(definition.get("onFailure", "Abort"))
        if on_failure.startswith("step:"):
            return execution.step(on_failure.removeprefix("step:").strip())
        if on_failure != "Continue":
            return None
    if definition.get("isEnd") is True or str(definition.get("isEnd")).lower() == "true":
        return None
    if "nextStep" in definition:
        return execution.step(str(definition["nextStep"]))
    position = execution.steps.index(step) + 1
    return execution.steps[position] if position < len(execution.steps) else None


def _is_critical(definition: Mapping[str, Any]) -> bool:
    """Whether the step's failure is the execution's: as it says, else unless it continues."""
    default = definition.get("onFailure") != "Continue"
    return str(definition.get("isCritical", default)).lower() == "true"


def known_values(execution: Execution) -> dict[str, Any]:
    """What references may name from the start: parameters and system variables."""
    now = datetime.now(UTC)
    return {
        **execution.parameters,
        "global:DATE": now.strftime("%Y-%m-%d"),
        "global:DATE_TIME": now.strftime("%Y-%m-%d_%H.%M.%S"),
        "global:REGION": execution.region,
        "global:ACCOUNT_ID": execution.account,
        "automation:EXECUTION_ID": execution.id,
    }


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
