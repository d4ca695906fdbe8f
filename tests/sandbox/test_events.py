"""The events of runs reach a log group and a topic; a target that lets nobody in gets none."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from delegation.model import Audit, IamUser
from sandbox import Sandbox
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import RUNBOOK, deployment

pytestmark = pytest.mark.sandbox

_ACCOUNT, _REGION = "000000000000", "us-east-1"
_QUEUE = f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:reported"
_DEPLOYMENT = deployment(audit=Audit(auditors=(IamUser("auditor"),), subscribers=(_QUEUE,)))
_OPERATOR = f"arn:aws:iam::{_ACCOUNT}:user/AutomationRestrictedOperator"


class Trail:
    """An account with the stacks, whose topic shows a queue."""

    def __init__(self, account: Sandbox) -> None:
        self.account = account
        self._sqs, self._logs = account.client("sqs"), account.client("logs")
        self._queue = self._sqs.create_queue(QueueName="reported")["QueueUrl"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": _QUEUE,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        for stack in ("AdministrationStack", "RunbooksStack", "AuditStack"):
            self.ids = deploy(account, _REGION, stack, _DEPLOYMENT)
        created = account.client("iam").create_access_key(UserName="AutomationRestrictedOperator")
        self._operator = account.client("ssm", created["AccessKey"])

    def run(self, instance: str) -> str:
        """The id of a run of the operator, once it has ended."""
        ssm = self._operator
        run = ssm.start_automation_execution(
            DocumentName=RUNBOOK, Parameters={"InstanceId": [instance]}
        )["AutomationExecutionId"]
        for _ in range(200):
            answer = ssm.get_automation_execution(AutomationExecutionId=run)
            if answer["AutomationExecution"]["AutomationExecutionStatus"] in ("Success", "Failed"):
                break
            time.sleep(0.02)
        time.sleep(0.2)  # the events come after the end
        return str(run)

    def kept(self, run: str) -> list[dict[str, Any]]:
        """The events of a run in the log group."""
        answer = self._logs.filter_log_events(logGroupName="/aws/events/DelegatedRuns")
        events = [json.loads(event["message"]) for event in answer["events"]]
        return [event for event in events if event["detail"].get("ExecutionId") == run]

    def reported_patterns(self) -> list[str]:
        """The patterns of the deployed rules that lead to the topic."""
        events = self.account.client("events")
        return [
            rule["EventPattern"]
            for rule in events.list_rules()["Rules"]
            if "Topic"
            in [t["Id"] for t in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
        ]

    def reported(self) -> list[str]:
        """What the topic has reported since it was asked last."""
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", ()):
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Message"] for message in answer.get("Messages", ())]


@pytest.fixture(scope="module")
def trail() -> Iterator[Trail]:
    """One account for these tests."""
    with Sandbox() as account:
        yield Trail(account)


@pytest.fixture
def instance(trail: Trail) -> str:
    """A new instance."""
    ec2 = trail.account.client("ec2")
    launched = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    return str(launched["Instances"][0]["InstanceId"])


def test_run_that_ends_well_is_kept_and_not_reported(trail: Trail, instance: str) -> None:
    run = trail.run(instance)

    events = trail.kept(run)
    assert [(e["detail"].get("StepName"), e["detail"]["Status"]) for e in events] == [
        ("stopInstances", "Success"),
        ("startInstances", "Success"),
        (None, "Success"),
    ]
    assert trail.reported() == []
    last = events[-1]
    assert last["source"] == "aws.ssm"
    assert last["detail-type"] == "EC2 Automation Execution Status-change Notification"
    assert last["resources"] == [
        f"arn:aws:ssm:{_REGION}:{_ACCOUNT}:automation-execution/{run}",
        f"arn:aws:ssm:{_REGION}:{_ACCOUNT}:automation-definition/{RUNBOOK}:1",
    ]
    assert last["detail"].keys() == {
        *("ExecutionId", "Definition", "DefinitionVersion", "Status", "StartTime", "EndTime"),
        *("Time", "ExecutedBy"),
    }
    assert last["detail"]["ExecutedBy"] == _OPERATOR


def test_run_that_fails_is_reported_in_a_sentence(trail: Trail) -> None:
    run = trail.run("i-00000000000000000")

    assert [event["detail"]["Status"] for event in trail.kept(run)] == ["Failed", "Failed"]
    assert trail.reported() == [
        f'"{RUNBOOK} ended as Failed in {_ACCOUNT}, {_REGION}. Started by {_OPERATOR}. '
        f'What happened: python -m operate audit {run} --region {_REGION}"'
    ]


def test_runbook_of_somebody_else_is_neither_kept_nor_reported(trail: Trail) -> None:
    ssm = trail.account.client("ssm")
    step = {"name": "fail", "action": "aws:executeAwsApi", "inputs": {}}
    content = {"schemaVersion": "0.3", "mainSteps": [step]}
    ssm.create_document(Name="Other", DocumentType="Automation", Content=json.dumps(content))

    run = ssm.start_automation_execution(DocumentName="Other")["AutomationExecutionId"]
    time.sleep(0.5)

    assert (trail.kept(run), trail.reported()) == ([], [])


def test_topic_whose_key_is_disabled_tells_nothing(trail: Trail) -> None:
    kms = trail.account.client("kms")
    kms.disable_key(KeyId=trail.ids["TopicKey"])

    trail.run("i-00000000000000000")

    kms.enable_key(KeyId=trail.ids["TopicKey"])
    assert trail.reported() == []


def test_log_without_its_policy_keeps_nothing(trail: Trail, instance: str) -> None:
    logs = trail.account.client("logs")
    (policy,) = logs.describe_resource_policies()["resourcePolicies"]
    logs.delete_resource_policy(policyName=policy["policyName"])

    run = trail.run(instance)

    logs.put_resource_policy(
        policyName=policy["policyName"], policyDocument=policy["policyDocument"]
    )
    assert trail.kept(run) == []


def _iam(name: str, **parameters: str) -> dict[str, Any]:
    return {
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters,
    }


def _ssm(name: str, document: str, **parameters: str) -> dict[str, Any]:
    return {
        "eventSource": "ssm.amazonaws.com",
        "eventName": name,
        "requestParameters": {"name": document, **parameters},
    }


_POLICY = f"arn:aws:iam::{_ACCOUNT}:policy"
_DOCUMENT = f"arn:aws:ssm:{_REGION}:{_ACCOUNT}:document"


@pytest.mark.parametrize(
    ("detail", "is_reported"),
    [
        (_iam("UpdateAssumeRolePolicy", roleName="AutomationServiceRole"), True),
        (_iam("DeleteRolePermissionsBoundary", roleName="AutomationServiceRole"), True),
        (_iam("PutRolePolicy", roleName="AutomationServiceRole", policyName="more"), True),
        (_iam("CreatePolicyVersion", policyArn=f"{_POLICY}/OperatorRestrictedPermissions"), True),
        (
            _iam("SetDefaultPolicyVersion", policyArn=f"{_POLICY}/AutomationServiceRoleBoundary"),
            True,
        ),
        (_iam("AttachUserPolicy", userName="AutomationRestrictedOperator", policyArn="x"), True),
        (_iam("AddUserToGroup", groupName="AutomationRestrictedOperators", userName="eve"), True),
        (_iam("CreatePolicy", policyName="OperatorRestrictedPermissions"), True),
        (_iam("UpdateAssumeRolePolicy", roleName="AutomationServiceRole2"), False),
        (_iam("CreatePolicyVersion", policyArn=f"{_POLICY}/Another"), False),
        (_iam("AddUserToGroup", groupName="Others", userName="eve"), False),
        (_ssm("UpdateDocument", RUNBOOK, documentVersion="$LATEST"), True),
        (_ssm("UpdateDocumentDefaultVersion", RUNBOOK, documentVersion="1"), True),
        (_ssm("ModifyDocumentPermission", f"{_DOCUMENT}/{RUNBOOK}"), True),
        (_ssm("DeleteDocument", RUNBOOK), True),
        ({**_ssm("DeleteDocument", RUNBOOK), "errorCode": "AccessDenied"}, False),
        (
            {
                "eventSource": "ssm.amazonaws.com",
                "eventName": "RemoveTagsFromResource",
                "requestParameters": {"resourceType": "Document", "resourceId": RUNBOOK},
            },
            True,
        ),
        (_ssm("UpdateDocument", f"{RUNBOOK}2"), False),
        (_ssm("DeleteDocument", f"{_DOCUMENT}/Other-{RUNBOOK}"), False),
    ],
)
def test_changes_to_what_delegation_rests_on_are_reported(
    trail: Trail, detail: dict[str, Any], is_reported: bool
) -> None:
    """By sample events, as CloudTrail's trail puts them on the event bus."""
    service = detail["eventSource"].split(".")[0]
    event = {
        "id": "1",
        "account": _ACCOUNT,
        "source": f"aws.{service}",
        "time": "2026-11-26T08:00:00Z",
        "region": _REGION,
        "resources": [],
        "detail-type": "AWS API Call via CloudTrail",
        "detail": detail,
    }
    matches = [
        trail.account.client("events").test_event_pattern(
            EventPattern=pattern, Event=json.dumps(event)
        )["Result"]
        for pattern in trail.reported_patterns()
    ]

    assert any(matches) is is_reported
