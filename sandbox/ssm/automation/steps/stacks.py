"""``aws:createStack`` and ``aws:deleteStack``."""

from typing import Any

from sandbox.ssm.automation.steps.aws_api import fitted
from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed

_POLL_SECONDS = 0.1


class _StackAction(Action):
    """An action that awaits a stack's end state."""

    def await_status(self, cloudformation: Any, stack: str, wanted: str) -> dict[str, Any]:
        """The stack, once it is in the wanted state; any other end state fails the step."""
        while True:
            answer = self.call(cloudformation.describe_stacks, {"StackName": stack})
            found: dict[str, Any] = answer["Stacks"][0]
            if found["StackStatus"] == wanted:
                return found
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                reason = found.get("StackStatusReason", "no reason")
                raise StepFailed(f"Stack {stack} is {found['StackStatus']}: {reason}")
            self.pause(_POLL_SECONDS)


class CreateStack(_StackAction):
    """Creates a CloudFormation stack and waits until it is complete.

    Source: Systems Manager User Guide, aws:createStack.
    """

    name = "aws:createStack"

    def run(self) -> Outputs:
        """Creates it with the step's inputs, which are those of the API."""
        cloudformation = self.client("cloudformation")
        inputs = fitted(cloudformation, "CreateStack", self.inputs)
        created = self.call(cloudformation.create_stack, inputs)
        stack = self.await_status(cloudformation, created["StackId"], "CREATE_COMPLETE")
        return {
            "StackId": stack["StackId"],
            "StackStatus": stack["StackStatus"],
            "StackStatusReason": stack.get("StackStatusReason", ""),
        }


class DeleteStack(_StackAction):
    """Deletes a CloudFormation stack and waits until it is gone.

    Source: Systems Manager User Guide, aws:deleteStack.
    """

    name = "aws:deleteStack"

    def run(self) -> Outputs:
        """Deletes the stack that ``StackName`` names, by name or id."""
        cloudformation = self.client("cloudformation")
        stack = self.call(
            cloudformation.describe_stacks, {"StackName": str(self.required("StackName"))}
        )["Stacks"][0]["StackId"]
        inputs = fitted(cloudformation, "DeleteStack", self.inputs)
        self.call(cloudformation.delete_stack, inputs)
        self.await_status(cloudformation, stack, "DELETE_COMPLETE")
        return {}
