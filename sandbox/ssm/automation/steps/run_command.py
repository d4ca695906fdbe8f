"""``aws:runCommand``."""

from sandbox.ssm.automation.parameters import as_given
from sandbox.ssm.automation.steps.aws_api import fitted
from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed

_POLL_SECONDS = 0.1
_RUNNING = ("Pending", "InProgress", "Delayed", "Cancelling")


class RunCommand(Action):
    """Runs a command document on instances, as far as the emulator does.

    Source: Systems Manager User Guide, aws:runCommand.
    """

    name = "aws:runCommand"

    def run(self) -> Outputs:
        """Sends the command and waits until it has ended on every instance."""
        ssm = self.client("ssm")
        given = {**self.inputs, "Parameters": as_given(self.inputs.get("Parameters") or {})}
        inputs = fitted(ssm, "SendCommand", given)
        command = self.call(ssm.send_command, inputs)["Command"]["CommandId"]
        while True:
            answer = self.call(ssm.list_commands, {"CommandId": command})["Commands"][0]
            if answer["Status"] not in _RUNNING:
                break
            self.pause(_POLL_SECONDS)
        if answer["Status"] != "Success":
            raise StepFailed(f"Command {command} ended as {answer['Status']}")
        return {"CommandId": command, "Status": answer["Status"], "ResponseCode": 0}
