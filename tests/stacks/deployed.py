"""Stacks deployed in the sandbox through CloudFormation, without the CDK CLI."""

import json

from delegation.model import Deployment
from delegation.runbooks.runbook import Runbook
from sandbox import Sandbox
from tests.stacks.synthesis import template


def deploy(
    sandbox: Sandbox,
    region: str,
    stack: str,
    *deployments: Deployment,
    runbooks: dict[str, Runbook] | None = None,
) -> dict[str, str]:
    """Deploys a stack's template; the physical ids of its resources by logical id."""
    cloudformation = sandbox.client("cloudformation", region=region)
    body = template(stack, *deployments, runbooks=runbooks)
    for section in ("Parameters", "Rules"):  # the bootstrap version, which the CLI checks
        body.pop(section, None)
    known = [s["StackName"] for s in cloudformation.describe_stacks()["Stacks"]]
    call, state = (
        (cloudformation.update_stack, "stack_update_complete")
        if stack in known
        else (cloudformation.create_stack, "stack_create_complete")
    )
    call(
        StackName=stack,
        TemplateBody=json.dumps(body),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    waiter = cloudformation.get_waiter(state)
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}


def remove(sandbox: Sandbox, region: str, stack: str) -> None:
    """Deletes a stack."""
    cloudformation = sandbox.client("cloudformation", region=region)
    cloudformation.delete_stack(StackName=stack)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
