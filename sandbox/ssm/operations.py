"""The SSM operations that the sandbox adds to the emulator, by name."""

from sandbox.emulator.call import Call
from sandbox.ssm.api.operation import Operation
from sandbox.ssm.automation.operations import AUTOMATION_OPERATIONS
from sandbox.ssm.documents.operations import DOCUMENT_OPERATIONS
from sandbox.ssm.tags import TAG_OPERATIONS

OPERATIONS: dict[str, Operation] = {
    **DOCUMENT_OPERATIONS,
    **AUTOMATION_OPERATIONS,
}


def added_operation(call: Call) -> Operation | None:
    """The sandbox's own operation for a call; None leaves the call to the emulator.

    Tags are the emulator's for parameters and ours for documents and executions.
    """
    if call.service != "ssm":
        return None
    if call.parameters.get("ResourceType") in ("Document", "Automation"):
        return TAG_OPERATIONS.get(call.operation)
    return OPERATIONS.get(call.operation)
