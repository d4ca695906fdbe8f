"""The audit says of what a fleet did which execution it was, and who started that."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from delegation.model import Fleet, IamUser, ServiceRole
from operate.audit.matching import AuditedExecution
from operate.audit.origins import Origin, Origins
from operate.audit.records import Call, read_call
from operate.executions.execution import run_of
from sandbox import Sandbox
from tests.operate.terminal import in_a_pipe
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import RUNBOOK, deployment

_FLEET = Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web"), at_once=2)
_ROLE = ServiceRole(name="AutomationServiceRole", fleets=(_FLEET,))
_ALICE = "arn:aws:iam::000000000000:user/alice"


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account in which alice has restarted three instances with a fleet."""
    with Sandbox() as running:
        for stack in ("AdministrationStack", "RunbooksStack"):
            wanted = deployment(operators=(IamUser("alice"),), service_roles=(_ROLE,))
            deploy(running, "us-east-1", stack, wanted)
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Tier", "Value": "web"}]}]
        running.client("ec2").run_instances(
            ImageId="ami-12345678", MinCount=3, MaxCount=3, TagSpecifications=tags
        )
        keys = running.client("iam").create_access_key(UserName="alice")["AccessKey"]
        ssm = running.client("ssm", keys)
        id_ = ssm.start_automation_execution(DocumentName="WebTier")["AutomationExecutionId"]
        while True:
            found = ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]
            if found["AutomationExecutionStatus"] not in ("Pending", "InProgress"):
                assert found["AutomationExecutionStatus"] == "Success"
                break
            time.sleep(0.05)
        yield running


@pytest.mark.sandbox
def test_restart_of_an_instance_is_attributed_to_the_fleet_and_to_its_caller(
    account: Sandbox, tmp_path: Path
) -> None:
    page = tmp_path / "audit.html"
    printed = in_a_pipe(
        account.environment(), "audit", "--output", "json", "--html", str(page), status=0
    ).text

    executions = json.loads(printed)["Executions"]
    (fleet,) = [each for each in executions if each["Runbook"] == "WebTier"]
    others = [each for each in executions if each["Runbook"] == "WebTier-Target"]
    origin = {"Execution": fleet["Execution"], "Runbook": "WebTier", "StartedBy": _ALICE}
    assert (fleet["StartedBy"], fleet["Origin"]) == (_ALICE, None)
    assert [each["Origin"] for each in others] == [origin] * 4  # three, and their parent
    assert sum("ec2:StopInstances" in str(each["Calls"]) for each in others) == 3
    line = f"of WebTier {fleet['Execution']}, started by alice"
    assert page.read_text(encoding="utf-8").count(line) == 4
    assert in_a_pipe(account.environment(), "audit", status=0).text.count(line) == 4
    table = in_a_pipe(account.environment(), "audit", "--output", "csv", status=0).text
    restarts = [
        row for row in csv.DictReader(io.StringIO(table)) if row["call"] == "ec2:StopInstances"
    ]
    assert [(row["origin"], row["origin started by"]) for row in restarts] == [
        (fleet["Execution"], _ALICE)
    ] * 3


@pytest.mark.sandbox
def test_one_execution_that_is_asked_for_alone_has_its_origin(account: Sandbox) -> None:
    listed = account.client("ssm").describe_automation_executions()
    ids = {
        each["AutomationExecutionId"]: each["DocumentName"]
        for each in listed["AutomationExecutionMetadataList"]
        if each["DocumentName"].startswith("WebTier")
    }
    (fleet,) = [id_ for id_, name in ids.items() if name == "WebTier"]

    for id_ in ids.keys() - {fleet}:
        shown = in_a_pipe(account.environment(), "audit", id_).text
        assert f"of WebTier {fleet}, started by alice" in shown


@pytest.mark.sandbox
def test_origin_that_the_auditor_may_not_read_is_named_by_its_id(account: Sandbox) -> None:
    listed = account.client("ssm").describe_automation_executions()
    child = next(each for each in listed["AutomationExecutionMetadataList"] if each.get("Target"))
    parent = child["ParentAutomationExecutionId"]
    iam = account.client("iam")
    iam.create_user(UserName="auditor")
    resource = f"arn:aws:ssm:*:*:automation-execution/{parent}"
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ssm:GetAutomationExecution", "Resource": resource},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="auditor", PolicyName="Own", PolicyDocument=policy)
    keys = iam.create_access_key(UserName="auditor")["AccessKey"]

    shown = in_a_pipe(account.environment(keys), "audit", child["AutomationExecutionId"]).text

    assert f"of execution {parent}, which was not read" in shown


@pytest.mark.sandbox
def test_execution_without_a_role_has_its_origin(account: Sandbox) -> None:
    ssm = account.client("ssm")
    wait = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
    start = {
        "name": "start",
        "action": "aws:executeAutomation",
        "inputs": {"DocumentName": "Inner"},
    }
    for name, step in (("Inner", wait), ("Outer", start)):
        content = json.dumps({"schemaVersion": "0.3", "mainSteps": [step]})
        ssm.create_document(Name=name, DocumentType="Automation", Content=content)
    outer = ssm.start_automation_execution(DocumentName="Outer")["AutomationExecutionId"]
    while True:
        found = ssm.get_automation_execution(AutomationExecutionId=outer)["AutomationExecution"]
        if found["AutomationExecutionStatus"] not in ("Pending", "InProgress"):
            break
        time.sleep(0.05)

    printed = in_a_pipe(account.environment(), "audit", "--output", "json", status=None).text

    without = json.loads(printed)["ExecutionsWithoutRole"]
    root = "arn:aws:iam::000000000000:root"
    assert {each["Runbook"]: each["Origin"] for each in without} == {
        "Outer": None,
        "Inner": {"Execution": outer, "Runbook": "Outer", "StartedBy": root},
    }


def _execution(id_: str, *, calls: tuple[Call, ...] = (), **more: Any) -> AuditedExecution:
    answer = {
        "AutomationExecutionId": id_,
        "AutomationExecutionStatus": "Success",
        "DocumentName": "Doc",
        "ExecutedBy": _ALICE,
        **more,
    }
    return AuditedExecution(run=run_of(answer), start=None, answers=(), calls=calls)


def test_origin_that_is_no_longer_kept_is_named_by_its_id() -> None:
    origins = Origins()
    child = _execution("child", ParentAutomationExecutionId="earlier")
    origins.add(child)
    origins.complete(lambda _: None)

    assert origins.of(child.run) == Origin(id="earlier", runbook="", starter="")


def test_answer_with_an_execution_of_somebody_else_is_no_origin() -> None:
    """A start with a token that was used before answers with the execution of that time."""
    hers, his = str(uuid4()), str(uuid4())
    started, calling = _execution(hers), _execution(his, calls=(_start_of(hers),))
    origins = Origins()
    origins.add(started)
    origins.add(calling)

    assert origins.of(started.run) is None


def test_execution_that_a_step_started_has_that_steps_origin() -> None:
    parent = str(uuid4())
    session = f"arn:aws:sts::000000000000:assumed-role/Role/{parent}"
    child = _execution("child", ExecutedBy=session)
    origins = Origins()
    origins.add(child)
    origins.add(_execution(parent, calls=(_start_of("child"),)))

    assert origins.of(child.run) == Origin(id=parent, runbook="Doc", starter=_ALICE)


def _start_of(id_: str) -> Call:
    record = {
        "eventTime": "2026-11-28T12:00:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "StartAutomationExecution",
        "responseElements": {"automationExecutionId": id_},
    }
    return read_call({"CloudTrailEvent": json.dumps(record)})


def test_executions_that_name_each_other_have_an_origin() -> None:
    origins = Origins()
    one = _execution("one", ParentAutomationExecutionId="two")
    two = _execution("two", ParentAutomationExecutionId="one")
    origins.add(one)
    origins.complete({"two": two.run}.get)

    assert origins.of(one.run) == Origin(id="two", runbook="Doc", starter=_ALICE)
