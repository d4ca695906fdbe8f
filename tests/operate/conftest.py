"""An account in which a deployment has an operator, an approver, and runbooks with limits."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from delegation.model import Approval, Audit, IamUser, ServiceRole
from sandbox import Sandbox
from tests.operate.terminal import in_a_pipe
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import OPERATOR, deployment

REGION = "us-east-1"
RESTART, BACKUP = "Restart-EC2InstanceDemo", "Backup-EC2Instance"
DEPLOYMENT = deployment(
    audit=Audit(auditors=(IamUser("auditor"),)),
    service_roles=(
        ServiceRole(
            name="AutomationServiceRole",
            runbooks=(RESTART,),
            only_instances_tagged=("Automation", "allowed"),
            at_most_instances=5,
        ),
        ServiceRole(
            name="BackupRole", runbooks=(BACKUP,), approval=Approval(by=(IamUser("lead"),))
        ),
    ),
)
Environment = dict[str, str]


class Account:
    """The account, its people's environments, and what the tests put into it."""

    def __init__(self, running: Sandbox) -> None:
        self.sandbox = running
        self.root = running.environment()
        self.operator_keys = self._keys(OPERATOR.name)
        self.operator = running.environment(self.operator_keys)
        self.approver = running.environment(self._keys("lead"))
        self.auditor = running.environment(self._keys("auditor"))

    def client(self, service: str) -> Any:
        """A client as root."""
        return self.sandbox.client(service)

    def instances(self, count: int = 1, **tags: str) -> list[str]:
        """The ids of new instances with these tags."""
        ec2 = self.client("ec2")
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=count, MaxCount=count)
        ids = [instance["InstanceId"] for instance in launched["Instances"]]
        if tags:
            ec2.create_tags(Resources=ids, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        return ids

    def allowed(self, count: int = 1) -> list[str]:
        """The ids of new instances that the restart's role may touch."""
        return self.instances(count, Automation="allowed")

    def runbook(self, name: str, *steps: dict[str, Any], **fields: Any) -> str:
        """A runbook beside the deployment's, of these steps."""
        content = {"schemaVersion": "0.3", "mainSteps": list(steps), **fields}
        self.client("ssm").create_document(
            Name=name, DocumentType="Automation", Content=json.dumps(content)
        )
        return name

    def person(self, name: str, *actions: str) -> Environment:
        """Somebody with these actions on everything."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        grant = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [grant]}
        iam.put_user_policy(UserName=name, PolicyName="Own", PolicyDocument=json.dumps(document))
        return self.sandbox.environment(self._keys(name))

    def runs(self) -> list[dict[str, Any]]:
        """Every run there has been, the newest first."""
        pages = self.client("ssm").get_paginator("describe_automation_executions").paginate()
        return [run for page in pages for run in page["AutomationExecutionMetadataList"]]

    def waiting(self, *more: str) -> str:
        """The id of a run that waits for its approval."""
        (instance,) = self.allowed()
        in_a_pipe(self.operator, "run", BACKUP, "--instance-id", instance, "--detach", *more)
        for _ in range(100):
            run = self.runs()[0]
            if run["AutomationExecutionStatus"] == "Waiting":
                break
            time.sleep(0.05)
        return str(run["AutomationExecutionId"])

    def stop(self, execution: str) -> None:
        """Has a run end."""
        self.client("ssm").stop_automation_execution(AutomationExecutionId=execution)

    def _keys(self, user: str) -> dict[str, str]:
        keys: dict[str, str] = self.client("iam").create_access_key(UserName=user)["AccessKey"]
        return keys


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An account of the module's own, with both stacks."""
    with Sandbox() as running:
        for stack in ("AdministrationStack", "RunbooksStack"):
            deploy(running, REGION, stack, DEPLOYMENT)
        yield Account(running)


def readable(text: str) -> str:
    """A screen without what differs from run to run."""
    for pattern, name in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
        (r"\bi-[0-9a-f]{17}\b", "i-…"),
        (r"\b\d+\.\d s\b", "N s"),
    ):
        text = re.sub(pattern, name, text)
    return text
