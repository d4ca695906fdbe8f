"""What the restricted operator does, and what they must not be able to do."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.report import SceneFailed

RUNBOOK = "Restart-EC2InstanceDemo"
_RUN_SECONDS = 30


def follow(ssm: Any, execution_id: str) -> dict[str, Any]:
    """The execution once it has ended, watched with the operator's own rights."""
    deadline = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < deadline:
        answer = ssm.get_automation_execution(AutomationExecutionId=execution_id)
        execution: dict[str, Any] = answer["AutomationExecution"]
        if execution["AutomationExecutionStatus"] not in ("Pending", "InProgress", "Waiting"):
            return execution
        time.sleep(0.05)
    raise SceneFailed(f"execution {execution_id} did not end within {_RUN_SECONDS} seconds")


def children(ssm: Any, execution_id: str) -> list[dict[str, Any]]:
    """The executions that an execution started."""
    filters = [{"Key": "ParentExecutionId", "Values": [execution_id]}]
    pages = ssm.get_paginator("describe_automation_executions").paginate(Filters=filters)
    return [each for page in pages for each in page["AutomationExecutionMetadataList"]]


def newest_of(ssm: Any, runbook: str) -> str:
    """The id of the newest execution that was started by itself, not by another execution."""
    filters = [{"Key": "DocumentNamePrefix", "Values": [runbook]}]
    pages = ssm.get_paginator("describe_automation_executions").paginate(Filters=filters)
    found = (each for page in pages for each in page["AutomationExecutionMetadataList"])
    return str(
        next(
            each["AutomationExecutionId"]
            for each in found
            if each["DocumentName"] == runbook and "ParentAutomationExecutionId" not in each
        )
    )


def most_at_once(executions: list[dict[str, Any]]) -> int:
    """How many of these ran at the same time; an end and a begin at one moment are one after the
    other."""
    changes = [(each["ExecutionStartTime"], 1) for each in executions]
    changes += [(each["ExecutionEndTime"], -1) for each in executions]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def refusal(attempt: Callable[[], Any]) -> tuple[str, str]:
    """What became of an attempt: ``denied`` or ``allowed``, and AWS's message."""
    try:
        attempt()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        denied = code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
        return "denied" if denied else code, message
    return "allowed", ""


def forbidden_attempts(
    client: Callable[[str], Any],
    *,
    instances: list[str],
    role: str,
    other_runbook: str,
    open_runbook: str,
) -> dict[str, Callable[[], Any]]:
    """What the operator must be denied, by what they try."""
    ec2, ssm, sts = client("ec2"), client("ssm"), client("sts")
    content = {
        "schemaVersion": "0.3",
        "assumeRole": role,
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
    }
    return {
        "stop an instance": lambda: ec2.stop_instances(InstanceIds=instances[:1]),
        "describe instances": ec2.describe_instances,
        "pass the role to a runbook that takes one": lambda: ssm.start_automation_execution(
            DocumentName=open_runbook, Parameters={"Role": [role]}
        ),
        "write a document of their own that embeds the role": lambda: ssm.create_document(
            Name="Own-Runbook", DocumentType="Automation", Content=json.dumps(content)
        ),
        "assume the role": lambda: sts.assume_role(RoleArn=role, RoleSessionName="operator"),
        "edit the approved runbook": lambda: ssm.update_document(
            Name=RUNBOOK, Content=json.dumps(content), DocumentVersion="$LATEST"
        ),
        "start another document with an embedded role": lambda: ssm.start_automation_execution(
            DocumentName=other_runbook
        ),
    }
