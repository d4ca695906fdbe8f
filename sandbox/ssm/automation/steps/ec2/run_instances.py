"""``aws:runInstances``."""

from collections.abc import Callable
from typing import Any

from sandbox.ssm.automation.steps.aws_api import fitted
from sandbox.ssm.automation.steps.base import Action, Outputs

_POLL_SECONDS = 0.05
_OWN_NAMES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "MinInstanceCount": lambda value: {"MinCount": value},
    "MaxInstanceCount": lambda value: {"MaxCount": value},
    "IamInstanceProfileName": lambda value: {"IamInstanceProfile": {"Name": value}},
    "IamInstanceProfileArn": lambda value: {"IamInstanceProfile": {"Arn": value}},
    "Monitoring": lambda value: {"Monitoring": {"Enabled": value}},
}
"""Inputs that the API names otherwise. Source: Systems Manager User Guide, aws:runInstances."""


class RunInstances(Action):
    """Launches instances and waits until they run.

    Source: Systems Manager User Guide, aws:runInstances.
    """

    name = "aws:runInstances"

    def run(self) -> Outputs:
        """Launches one, or as many as the step says."""
        ec2 = self.client("ec2")
        given: dict[str, Any] = {"MinCount": 1, "MaxCount": 1}
        for name, value in self.inputs.items():
            given.update(_OWN_NAMES[name](value) if name in _OWN_NAMES else {name: value})
        inputs = fitted(ec2, "RunInstances", given)
        launched = self.call(ec2.run_instances, inputs)["Instances"]
        ids = [instance["InstanceId"] for instance in launched]
        while True:
            answer = self.call(ec2.describe_instances, {"InstanceIds": ids})
            found = [i["State"]["Name"] for r in answer["Reservations"] for i in r["Instances"]]
            if set(found) == {"running"}:
                return {"InstanceIds": ids, "InstanceStates": found}
            self.pause(_POLL_SECONDS)
