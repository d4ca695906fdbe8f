"""CloudTrail: who did what, and what was refused."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document

pytestmark = pytest.mark.sandbox


def _events(sandbox: Sandbox, key: str, value: str) -> list[Document]:
    pages = sandbox.client("cloudtrail").get_paginator("lookup_events")
    attribute = {"AttributeKey": key, "AttributeValue": value}
    return [
        json.loads(event["CloudTrailEvent"])
        for page in pages.paginate(LookupAttributes=[attribute])
        for event in page["Events"]
    ]


def test_refused_call_of_a_user_is_recorded_with_the_error(
    sandbox: Sandbox, user: Any, instances: Any, unique: str
) -> None:
    (instance,) = instances()
    keys = user({"Effect": "Allow", "Action": "ssm:ListDocuments", "Resource": "*"})
    with pytest.raises(ClientError):
        sandbox.client("ec2", keys).stop_instances(InstanceIds=[instance])

    (event,) = _events(sandbox, "ResourceName", instance)

    identity = event["userIdentity"]
    assert (event["eventSource"], event["eventName"]) == ("ec2.amazonaws.com", "StopInstances")
    assert event["errorCode"] == "Client.UnauthorizedOperation"
    assert "is not authorized to perform: ec2:StopInstances" in event["errorMessage"]
    assert event["requestParameters"]["instancesSet"] == {"items": [{"instanceId": instance}]}
    assert identity.pop("principalId").startswith("AIDA")
    assert identity == {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::000000000000:user/User-{unique}",
        "accountId": "000000000000",
        "accessKeyId": keys["AccessKeyId"],
        "userName": f"User-{unique}",
    }


def test_call_of_an_execution_is_recorded_as_the_roles_session(
    sandbox: Sandbox, ssm: Any, role: Any, runbook: Any, finish: Any, instances: Any
) -> None:
    (instance,) = instances()
    arn = role({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"})
    inputs = {"InstanceIds": [instance], "DesiredState": "stopped"}
    step = {"name": "stop", "action": "aws:changeInstanceState", "inputs": inputs}
    name = runbook(step, assumeRole=arn)
    execution = ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]
    finish(execution)

    (event,) = [
        event
        for event in _events(sandbox, "ResourceName", instance)
        if event["eventName"] == "StopInstances"
    ]
    (assumed,) = _events(sandbox, "ResourceName", arn)

    identity = event["userIdentity"]
    role_name = arn.rsplit("/", 1)[1]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::000000000000:assumed-role/{role_name}/{execution}"
    assert identity["invokedBy"] == "ssm.amazonaws.com"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == arn
    assert event["sourceIPAddress"] == "ssm.amazonaws.com"
    assert assumed["eventName"] == "AssumeRole"
    assert assumed["userIdentity"] == {"type": "AWSService", "invokedBy": "ssm.amazonaws.com"}
    assert assumed["requestParameters"] == {"roleArn": arn, "roleSessionName": execution}


def test_start_is_recorded_as_the_callers_with_the_execution(
    sandbox: Sandbox, ssm: Any, runbook: Any
) -> None:
    name = runbook({"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}})
    execution = ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]

    starts = _events(sandbox, "EventName", "StartAutomationExecution")

    assert starts[0]["userIdentity"]["type"] == "Root"
    assert starts[0]["requestParameters"] == {"documentName": name}
    assert starts[0]["responseElements"] == {"automationExecutionId": execution}
    assert starts[0]["readOnly"] is False


def test_no_secret_stands_in_the_trail(sandbox: Sandbox, unique: str) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName=unique)
    iam.create_login_profile(UserName=unique, Password="Very-Secret-1")
    sandbox.client("secretsmanager").create_secret(Name=unique, SecretString="Very-Secret-2")
    sandbox.client("ssm").put_parameter(Name=unique, Value="Very-Secret-3", Type="SecureString")

    events = json.dumps(
        [
            *_events(sandbox, "EventName", "CreateLoginProfile"),
            *_events(sandbox, "EventName", "CreateSecret"),
            *_events(sandbox, "EventName", "PutParameter"),
        ]
    )

    assert unique in events
    assert "Very-Secret" not in events


def test_events_are_looked_up_page_by_page_the_newest_first(sandbox: Sandbox, unique: str) -> None:
    iam = sandbox.client("iam")
    names = [f"{unique}-{number}" for number in range(60)]
    for name in names:
        iam.create_user(UserName=name)

    created = [
        e["requestParameters"]["userName"] for e in _events(sandbox, "EventName", "CreateUser")
    ]

    assert [name for name in created if name.startswith(unique)] == names[::-1]
