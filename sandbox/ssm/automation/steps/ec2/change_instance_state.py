"""``aws:changeInstanceState``."""

from typing import Any

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed
from sandbox.ssm.documents.steps import flag

_POLL_SECONDS = 0.05
_STATES = ("running", "stopped", "terminated")


class ChangeInstanceState(Action):
    """Brings instances to a state, or only waits until they are in it.

    For ``running`` it waits for both status checks as well.
    Source: Systems Manager User Guide, aws:changeInstanceState.
    """

    name = "aws:changeInstanceState"

    def run(self) -> Outputs:
        """Changes the state unless ``CheckStateOnly``, then awaits it."""
        state = str(self.required("DesiredState"))
        if state not in _STATES:
            raise StepFailed(f"DesiredState {state} is not one of {', '.join(_STATES)}")
        ids = self._instance_ids()
        ec2 = self.client("ec2")
        if not flag(self.inputs, "CheckStateOnly"):
            self._change(ec2, state, ids)
        while not self._all_in(ec2, state, ids):
            self.pause(_POLL_SECONDS)
        return {"InstanceStates": [state] * len(ids)}

    def _instance_ids(self) -> list[str]:
        ids = self.required("InstanceIds")
        return [str(id_) for id_ in ids] if isinstance(ids, list) else [str(ids)]

    def _change(self, ec2: Any, state: str, ids: list[str]) -> None:
        if state == "running":
            self.call(ec2.start_instances, {"InstanceIds": ids})
        elif state == "stopped":
            force = flag(self.inputs, "Force")
            self.call(ec2.stop_instances, {"InstanceIds": ids, "Force": force})
        else:
            self.call(ec2.terminate_instances, {"InstanceIds": ids})

    def _all_in(self, ec2: Any, state: str, ids: list[str]) -> bool:
        answer = self.call(
            ec2.describe_instance_status, {"InstanceIds": ids, "IncludeAllInstances": True}
        )
        statuses = answer["InstanceStatuses"]
        found = {status["InstanceId"] for status in statuses}
        if missing := [id_ for id_ in ids if id_ not in found]:
            raise StepFailed(f"Instances {', '.join(missing)} do not exist")
        return all(_is_in(status, state) for status in statuses)


def _is_in(status: dict[str, Any], state: str) -> bool:
    if status["InstanceState"]["Name"] != state:
        return False
    if state != "running":
        return True
    return all(status[check]["Status"] == "ok" for check in ("InstanceStatus", "SystemStatus"))
