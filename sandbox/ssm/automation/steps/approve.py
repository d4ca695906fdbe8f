"""``aws:approve``."""

import json
from typing import ClassVar

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed


class Approve(Action):
    """Waits until enough approvers have approved, or one has rejected.

    Source: Systems Manager User Guide, aws:approve.
    """

    name = "aws:approve"
    default_timeout: ClassVar[float] = 7 * 24 * 3600

    def run(self) -> Outputs:
        """Counts the answers of those whom ``Approvers`` names; others are refused."""
        approvers = [str(approver) for approver in self.required("Approvers")]
        wanted = int(self.inputs.get("MinRequiredApprovals", 1))
        if topic := self.inputs.get("NotificationArn"):
            message = str(self.inputs.get("Message", "An automation awaits your approval"))
            self.call(self.client("sns").publish, {"TopicArn": topic, "Message": message})
        decisions: dict[str, str] = {}
        while sum(decision == "Approved" for decision in decisions.values()) < wanted:
            signal = self.wait_for_signal(("Approve", "Reject"), senders=approvers)
            decisions[signal.name] = "Approved" if signal.type == "Approve" else "Rejected"
            if signal.type == "Reject":
                raise StepFailed(f"Step was rejected by {signal.sender}{_comment(signal.comment)}")
        return {
            "ApprovalStatus": "Approved",
            "ApproverDecisions": json.dumps(
                [{"Approver": who, "Decision": what} for who, what in decisions.items()]
            ),
        }


def _comment(comment: str) -> str:
    return f": {comment}" if comment else ""
