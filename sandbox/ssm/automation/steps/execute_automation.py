"""``aws:executeAutomation``."""

from typing import Any

from sandbox.ssm.automation import executions
from sandbox.ssm.automation.executions import ENDED
from sandbox.ssm.automation.parameters import as_given
from sandbox.ssm.automation.steps.base import Action, Outputs, StepCancelled, StepFailed

_POLL_SECONDS = 0.1
_OF_TARGETS = (
    *("TargetParameterName", "Targets", "TargetMaps", "MaxConcurrency", "MaxErrors"),
    *("TargetLocations", "Tags"),
)


class ExecuteAutomation(Action):
    """Runs another runbook and waits for its end.

    Source: Systems Manager User Guide, aws:executeAutomation.
    """

    name = "aws:executeAutomation"

    def run(self) -> Outputs:
        """Starts it with the session of this execution, and watches it."""
        ssm = self.client("ssm")
        parameters: dict[str, Any] = {"DocumentName": self.required("DocumentName")}
        if given := self.inputs.get("RuntimeParameters"):
            parameters["Parameters"] = as_given(given)
        if version := self.inputs.get("DocumentVersion"):
            parameters["DocumentVersion"] = str(version)
        for name in _OF_TARGETS:
            if (given := self.inputs.get(name)) not in (None, "", []):
                parameters[name] = given if isinstance(given, list) else str(given)
        id_ = self.call(ssm.start_automation_execution, parameters)["AutomationExecutionId"]
        child = executions.find(id_)
        child.parent_id = self.execution.id
        try:
            found = self._await_end(ssm, id_)
        except StepCancelled:
            child.ask_to_stop("Cancel")
            raise
        if found["AutomationExecutionStatus"] != "Success":
            raise StepFailed(
                f"Execution {id_} ended as {found['AutomationExecutionStatus']}: "
                f"{found.get('FailureMessage', 'no message')}"
            )
        values = [value for values in found.get("Outputs", {}).values() for value in values]
        return {"ExecutionId": id_, "Status": "Success", "Output": values}

    def _await_end(self, ssm: Any, id_: str) -> dict[str, Any]:
        """The other execution, once it has ended."""
        while True:
            answer = self.call(ssm.get_automation_execution, {"AutomationExecutionId": id_})
            found: dict[str, Any] = answer["AutomationExecution"]
            if found["AutomationExecutionStatus"] in ENDED:
                return found
            self.pause(_POLL_SECONDS)
