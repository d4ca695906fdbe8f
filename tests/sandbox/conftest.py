"""People and things that the sandbox tests need in the account."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox

Document = dict[str, Any]
Make = Callable[..., str]


WAIT: Document = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
"""The shortest step."""


def make_step(name: str, action: str, **inputs: Any) -> Document:
    """A step of an action, named without ``aws:``, with these inputs."""
    return {"name": name, "action": f"aws:{action}", "inputs": inputs}


def error_code(call: Any, **parameters: Any) -> str:
    """The code of the error that a call ends in."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def start(ssm: Any, name: str, **parameters: list[str]) -> str:
    """Starts a runbook and returns the execution's id."""
    given = {"Parameters": parameters} if parameters else {}
    answer = ssm.start_automation_execution(DocumentName=name, **given)
    return str(answer["AutomationExecutionId"])


@pytest.fixture
def ssm(sandbox: Sandbox) -> Any:
    """An SSM client as root."""
    return sandbox.client("ssm")


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name of the test's own."""
    return f"T{time.time_ns()}"


@pytest.fixture
def user(sandbox: Sandbox, unique: str) -> Callable[..., dict[str, str]]:
    """Makes a user with these statements and returns keys."""
    iam = sandbox.client("iam")

    def make(*statements: Document, name: str = "") -> dict[str, str]:
        user_name = name or f"User-{unique}"
        iam.create_user(UserName=user_name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(
            UserName=user_name, PolicyName="Own", PolicyDocument=json.dumps(document)
        )
        keys: dict[str, str] = iam.create_access_key(UserName=user_name)["AccessKey"]
        return keys

    return make


@pytest.fixture
def role(sandbox: Sandbox, unique: str) -> Callable[..., str]:
    """Makes a role with this trust and these statements and returns its ARN."""
    iam = sandbox.client("iam")

    def make(*statements: Document, principal: Any = None, condition: Any = None) -> str:
        trust: Document = {
            "Effect": "Allow",
            "Principal": principal or {"Service": "ssm.amazonaws.com"},
            "Action": "sts:AssumeRole",
            **({"Condition": condition} if condition else {}),
        }
        name = f"Role-{unique}"
        created = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            iam.put_role_policy(
                RoleName=name, PolicyName="Own", PolicyDocument=json.dumps(document)
            )
        return str(created["Role"]["Arn"])

    return make


@pytest.fixture
def runbook(ssm: Any, unique: str) -> Make:
    """Makes an Automation document of these steps and returns its name."""

    def make(*steps: Document, **fields: Any) -> str:
        name = f"Runbook-{unique}"
        content = {"schemaVersion": "0.3", "mainSteps": list(steps), **fields}
        ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(content))
        return name

    return make


@pytest.fixture
def finish(ssm: Any) -> Callable[..., Document]:
    """Waits for the end of an execution and returns it."""

    def wait(execution_id: str, *, client: Any = None) -> Document:
        for _ in range(400):
            answer = (client or ssm).get_automation_execution(AutomationExecutionId=execution_id)
            execution: Document = answer["AutomationExecution"]
            if execution["AutomationExecutionStatus"] in (
                "Success",
                "Failed",
                "TimedOut",
                "Cancelled",
            ):
                return execution
            time.sleep(0.02)
        raise AssertionError(f"execution {execution_id} has not ended: {execution}")

    return wait


@pytest.fixture
def instances(sandbox: Sandbox) -> Callable[..., list[str]]:
    """Launches instances, with tags if given, and returns their ids."""
    ec2 = sandbox.client("ec2")

    def launch(count: int = 1, **tags: str) -> list[str]:
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=count, MaxCount=count)
        ids = [instance["InstanceId"] for instance in launched["Instances"]]
        if tags:
            ec2.create_tags(
                Resources=ids, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
            )
        return ids

    return launch
