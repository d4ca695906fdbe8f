"""Runs an execution: its steps in turn, each with attempts, time limit and a way on after failure.

Source: Systems Manager User Guide, Properties shared by all actions.
"""

import contextvars
import json
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
from sandbox.automation.steps.base import StepCancelled, StepFailed, StepTimedOut

_FAILURE = (
    "Step fails when it is Execute/Cancelling action. {error}. "
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
)


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
    known = _known_values(execution)
    execution.status = "InProgress"
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
    execution.outputs = _outputs(execution, known)
    execution.ended = time.time()
    execution.status = "Cancelled" if execution.stop else status


def _run_step(
    execution: Execution, step: StepExecution, known: dict[str, Any], credentials: Credentials
) -> None:
    """Attempts the step until it succeeds, its attempts are used up, or it is cancelled."""
    step.started, step.status = time.time(), "InProgress"
    try:
        for attempt in range(1, int(step.definition.get("maxAttempts", 1)) + 1):
            try:
                outputs = _attempt(execution, step, known, credentials)
            except StepFailed as failure:
                step.status = "TimedOut" if isinstance(failure, StepTimedOut) else "Failed"
                step.failure = _FAILURE.format(error=str(failure).rstrip("."))
                step.failure_details = {
                    "FailureStage": "Execution",
                    "FailureType": "TimedOut" if step.status == "TimedOut" else "Action",
                    "Details": {
                        "VerificationErrorMessage": [str(failure)],
                        "Attempt": [str(attempt)],
                    },
                }
            else:
                step.status, step.response_code = "Success", "0"
                step.failure, step.failure_details = None, None
                step.outputs = as_given(outputs)
                known.update({f"{step.name}.{name}": value for name, value in outputs.items()})
                break
    except StepCancelled:
        step.status = "Cancelled"
    step.ended = time.time()


def _attempt(
    execution: Execution, step: StepExecution, known: Mapping[str, Any], credentials: Credentials
) -> dict[str, Any]:
    action = ACTIONS.get(step.action)
    if action is None:
        raise StepFailed(
            f"The sandbox cannot run {step.action}; it runs {', '.join(sorted(ACTIONS))}"
        )
    try:
        inputs = resolve(step.definition.get("inputs") or {}, known)
        limit = float(resolve(step.definition.get("timeoutSeconds", action.default_timeout), known))
    except (UnknownReference, ValueError) as error:
        raise StepFailed(str(error)) from None
    step.inputs = {name: json.dumps(value) for name, value in inputs.items()}
    return action(
        execution=execution,
        inputs=inputs,
        definition=step.definition,
        credentials=credentials,
        deadline=time.monotonic() + limit,
    ).run()


def _may_start(execution: Execution) -> bool:
    """Waits until an interactive execution is told to start its next step; false at a stop."""
    execution.status = "Waiting"
    with execution.changed:
        execution.changed.wait_for(
            lambda: execution.stop is not None or "StartStep" in execution.signals
        )
        if execution.stop is not None:
            return False
        execution.signals.remove("StartStep")
    execution.status = "InProgress"
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


def _known_values(execution: Execution) -> dict[str, Any]:
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
