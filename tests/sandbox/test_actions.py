"""The actions that read, decide, wait for people, make images and run scripts and runbooks."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document, Make, make_step, start

pytestmark = pytest.mark.sandbox

Finish = Callable[..., Document]
Launch = Callable[..., list[str]]


def _state_of(instance: str) -> Document:
    return {
        "Service": "ec2",
        "Api": "DescribeInstances",
        "InstanceIds": [instance],
        "PropertySelector": "$.Reservations[0].Instances[0].State.Name",
    }


def _statuses(execution: Document) -> list[tuple[str, str]]:
    return [(step["StepName"], step["StepStatus"]) for step in execution["StepExecutions"]]


def _await_waiting(ssm: Any, execution_id: str) -> Document:
    """The execution once it waits for a signal."""
    for _ in range(200):
        answer = ssm.get_automation_execution(AutomationExecutionId=execution_id)
        execution: Document = answer["AutomationExecution"]
        if execution["AutomationExecutionStatus"] == "Waiting":
            return execution
        time.sleep(0.02)
    raise AssertionError(f"execution {execution_id} does not wait: {execution}")


def test_assertion_passes_on_a_desired_value_and_fails_on_another(
    ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    (instance,) = instances()
    running = make_step(
        "isUp", "assertAwsResourceProperty", DesiredValues=["running"], **_state_of(instance)
    )
    stopped = make_step(
        "isDown", "assertAwsResourceProperty", DesiredValues=["stopped"], **_state_of(instance)
    )

    execution = finish(start(ssm, runbook(running, stopped)))

    assert _statuses(execution) == [("isUp", "Success"), ("isDown", "Failed")]
    assert (
        "Property value running from the API output is not in the desired values stopped"
        in (execution["FailureMessage"])
    )


def test_wait_ends_when_the_property_changes(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    (instance,) = instances()
    wait = make_step(
        "await", "waitForAwsResourceProperty", DesiredValues=["stopped"], **_state_of(instance)
    )
    execution_id = start(ssm, runbook(wait))
    before = ssm.get_automation_execution(AutomationExecutionId=execution_id)

    sandbox.client("ec2").stop_instances(InstanceIds=[instance])

    assert before["AutomationExecution"]["AutomationExecutionStatus"] in ("Pending", "InProgress")
    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def test_wait_times_out(ssm: Any, runbook: Make, finish: Finish, instances: Launch) -> None:
    (instance,) = instances()
    wait = make_step(
        "await", "waitForAwsResourceProperty", DesiredValues=["stopped"], **_state_of(instance)
    )

    execution = finish(start(ssm, runbook({**wait, "timeoutSeconds": 0.2})))

    assert execution["AutomationExecutionStatus"] == "TimedOut"


_CHOICES = [
    ({"Variable": "{{ Text }}", "StringEquals": "one"}, "one", True),
    ({"Variable": "{{ Text }}", "StringEquals": "one"}, "two", False),
    ({"Variable": "{{ Text }}", "EqualsIgnoreCase": "ONE"}, "one", True),
    ({"Variable": "{{ Text }}", "Contains": "n"}, "one", True),
    ({"Variable": "{{ Text }}", "StartsWith": "n"}, "one", False),
    ({"Variable": "{{ Text }}", "NumericGreater": 3}, "4", True),
    ({"Variable": "{{ Text }}", "NumericLesserOrEquals": 3}, "4", False),
    ({"Not": {"Variable": "{{ Text }}", "StringEquals": "one"}}, "one", False),
    (
        {
            "And": [
                {"Variable": "{{ Text }}", "StartsWith": "o"},
                {"Variable": "{{ Text }}", "EndsWith": "x"},
            ]
        },
        "one",
        False,
    ),
    (
        {
            "Or": [
                {"Variable": "{{ Text }}", "StartsWith": "o"},
                {"Variable": "{{ Text }}", "EndsWith": "x"},
            ]
        },
        "one",
        True,
    ),
]


@pytest.mark.parametrize(("condition", "text", "is_true"), _CHOICES)
def test_branch_goes_where_its_choice_says(
    ssm: Any, runbook: Make, finish: Finish, condition: Document, text: str, is_true: bool
) -> None:
    choice = {"NextStep": "chosen", **condition}
    name = runbook(
        make_step("decide", "branch", Choices=[choice], Default="other"),
        {**make_step("other", "sleep", Duration="PT0S"), "isEnd": True},
        make_step("chosen", "sleep", Duration="PT0S"),
        parameters={"Text": {"type": "String"}},
    )

    execution = finish(start(ssm, name, Text=[text]))

    ran = [name for name, status in _statuses(execution) if status == "Success"]
    assert ran == ["decide", "chosen" if is_true else "other"]


@pytest.fixture
def approval(ssm: Any, runbook: Make, unique: str) -> Callable[..., str]:
    """Starts a run that these approvers have to approve, and returns its id as it waits."""

    def await_approval(*approvers: str, at_least: int = 1) -> str:
        step = make_step(
            "approve", "approve", Approvers=list(approvers), MinRequiredApprovals=at_least
        )
        execution_id = start(ssm, runbook(step))
        _await_waiting(ssm, execution_id)
        return execution_id

    return await_approval


_SIGNALS = {"Effect": "Allow", "Action": "ssm:SendAutomationSignal", "Resource": "*"}


def test_approver_approves_and_whoever_is_none_is_refused(
    sandbox: Sandbox, approval: Any, user: Any, finish: Finish, unique: str
) -> None:
    lead = sandbox.client("ssm", user(_SIGNALS, name=f"Lead-{unique}"))
    other = sandbox.client("ssm", user(_SIGNALS, name=f"Other-{unique}"))
    execution_id = approval(f"arn:aws:iam::000000000000:user/Lead-{unique}")

    with pytest.raises(ClientError) as refused:
        other.send_automation_signal(AutomationExecutionId=execution_id, SignalType="Approve")
    lead.send_automation_signal(AutomationExecutionId=execution_id, SignalType="Approve")

    assert refused.value.response["Error"]["Code"] == "InvalidAutomationSignalException"
    assert "is not among the approvers" in refused.value.response["Error"]["Message"]
    (step,) = finish(execution_id)["StepExecutions"]
    assert step["Outputs"]["ApprovalStatus"] == ["Approved"]


def test_two_approvals_take_two_approvers(
    sandbox: Sandbox, ssm: Any, approval: Any, user: Any, finish: Finish, unique: str
) -> None:
    names = [f"Lead{number}-{unique}" for number in range(2)]
    leads = [sandbox.client("ssm", user(_SIGNALS, name=name)) for name in names]
    execution_id = approval(*names, at_least=2)
    signal = {"AutomationExecutionId": execution_id, "SignalType": "Approve"}

    leads[0].send_automation_signal(**signal)
    leads[0].send_automation_signal(**signal)
    time.sleep(0.2)
    still_waits = _await_waiting(ssm, execution_id)
    leads[1].send_automation_signal(**signal)

    assert still_waits["AutomationExecutionStatus"] == "Waiting"
    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def test_rejection_fails_the_run_with_the_comment(
    sandbox: Sandbox, approval: Any, user: Any, finish: Finish, unique: str
) -> None:
    lead = sandbox.client("ssm", user(_SIGNALS, name=f"Lead-{unique}"))
    execution_id = approval(f"Lead-{unique}")

    lead.send_automation_signal(
        AutomationExecutionId=execution_id,
        SignalType="Reject",
        Payload={"Comment": ["not today"]},
    )

    execution = finish(execution_id)
    assert execution["AutomationExecutionStatus"] == "Failed"
    assert (
        f"rejected by arn:aws:iam::000000000000:user/Lead-{unique}: not today"
        in (execution["FailureMessage"])
    )


def test_session_of_an_approving_role_approves(
    sandbox: Sandbox, approval: Any, role: Any, finish: Finish
) -> None:
    arn = role(_SIGNALS, principal={"AWS": "*"})
    execution_id = approval(arn)
    keys = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="lead")["Credentials"]

    sandbox.client("ssm", keys).send_automation_signal(
        AutomationExecutionId=execution_id, SignalType="Approve"
    )

    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def test_paused_run_goes_on_when_it_is_resumed(ssm: Any, runbook: Make, finish: Finish) -> None:
    execution_id = start(ssm, runbook(make_step("pause", "pause")))
    waiting = _await_waiting(ssm, execution_id)
    with pytest.raises(ClientError) as refused:
        ssm.send_automation_signal(AutomationExecutionId=execution_id, SignalType="Approve")

    ssm.send_automation_signal(AutomationExecutionId=execution_id, SignalType="Resume")

    assert _statuses(waiting) == [("pause", "Waiting")]
    assert "waits for no Approve" in refused.value.response["Error"]["Message"]
    assert finish(execution_id)["AutomationExecutionStatus"] == "Success"


def test_stopped_step_ends_as_cancelled(ssm: Any, runbook: Make, finish: Finish) -> None:
    execution_id = start(ssm, runbook(make_step("pause", "pause")))
    (step,) = _await_waiting(ssm, execution_id)["StepExecutions"]

    ssm.send_automation_signal(
        AutomationExecutionId=execution_id,
        SignalType="StopStep",
        Payload={"StepExecutionId": [step["StepExecutionId"]]},
    )

    execution = finish(execution_id)
    assert execution["AutomationExecutionStatus"] == "Cancelled"
    assert _statuses(execution) == [("pause", "Cancelled")]


def test_signal_of_one_approval_does_not_answer_the_next(
    sandbox: Sandbox, ssm: Any, runbook: Make, user: Any, finish: Finish, unique: str
) -> None:
    lead = sandbox.client("ssm", user(_SIGNALS, name=f"Lead-{unique}"))
    steps = [
        {**make_step(name, "approve", Approvers=[approver]), "timeoutSeconds": 0.5}
        for name, approver in (("first", f"Lead-{unique}"), ("second", "Nobody"))
    ]
    execution_id = start(ssm, runbook(*steps))
    _await_waiting(ssm, execution_id)

    for _ in range(2):
        with contextlib.suppress(ClientError):
            lead.send_automation_signal(AutomationExecutionId=execution_id, SignalType="Approve")

    assert _statuses(finish(execution_id)) == [("first", "Success"), ("second", "TimedOut")]


def test_two_sessions_of_a_role_are_one_approver(
    sandbox: Sandbox, ssm: Any, approval: Any, role: Any
) -> None:
    arn = role(_SIGNALS, principal={"AWS": "*"})
    execution_id = approval(arn, "other", at_least=2)

    for session in ("one", "two"):
        keys = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)
        sandbox.client("ssm", keys["Credentials"]).send_automation_signal(
            AutomationExecutionId=execution_id, SignalType="Approve"
        )

    time.sleep(0.2)
    assert _await_waiting(ssm, execution_id)["AutomationExecutionStatus"] == "Waiting"


def test_cancelled_run_cleans_up_as_its_step_says(ssm: Any, runbook: Make, finish: Finish) -> None:
    name = runbook(
        {**make_step("work", "sleep", Duration="PT1H"), "onCancel": "step:cleanUp"},
        make_step("never", "sleep", Duration="PT0S"),
        make_step("cleanUp", "sleep", Duration="PT0S"),
    )
    execution_id = start(ssm, name)

    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")

    execution = finish(execution_id)
    assert execution["AutomationExecutionStatus"] == "Cancelled"
    assert _statuses(execution)[1:] == [("never", "Pending"), ("cleanUp", "Success")]


def test_image_is_made_copied_and_deleted_with_its_snapshot(
    sandbox: Sandbox, ssm: Any, runbook: Make, finish: Finish, instances: Launch, unique: str
) -> None:
    (instance,) = instances()
    name = runbook(
        make_step("make", "createImage", InstanceId=instance, ImageName=unique, NoReboot=True),
        make_step(
            "copy",
            "copyImage",
            SourceImageId="{{ make.ImageId }}",
            SourceRegion="us-east-1",
            ImageName=f"copy-{unique}",
        ),
        make_step(
            "tag",
            "createTags",
            ResourceType="EC2",
            ResourceIds=["{{ copy.ImageId }}"],
            Tags=[{"Key": "Of", "Value": instance}],
        ),
        make_step("delete", "deleteImage", ImageId="{{ make.ImageId }}"),
        outputs=["make.ImageId", "copy.ImageId"],
    )

    execution = finish(start(ssm, name))

    assert execution["AutomationExecutionStatus"] == "Success", execution["FailureMessage"]
    (made,), (copy,) = execution["Outputs"]["make.ImageId"], execution["Outputs"]["copy.ImageId"]
    ec2 = sandbox.client("ec2")
    images = ec2.describe_images(Owners=["self"])["Images"]
    kept = {image["ImageId"]: image for image in images}
    assert made not in kept
    assert kept[copy]["Tags"] == [{"Key": "Of", "Value": instance}]
    snapshots = {s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert {m["Ebs"]["SnapshotId"] for m in kept[copy]["BlockDeviceMappings"]} <= snapshots


def test_runbook_runs_another_and_takes_its_outputs(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    child = {
        "schemaVersion": "0.3",
        "parameters": {"Text": {"type": "String"}},
        "mainSteps": [
            {
                **make_step(
                    "echo",
                    "executeScript",
                    Runtime="python3.11",
                    Handler="echo",
                    Script="def echo(events, context):\n    return {'text': events['text']}",
                    InputPayload={"text": "{{ Text }}"},
                ),
                "outputs": [{"Name": "text", "Selector": "$.Payload.text", "Type": "String"}],
            }
        ],
        "outputs": ["echo.text"],
    }
    ssm.create_document(
        Name=f"Child-{unique}", DocumentType="Automation", Content=json.dumps(child)
    )
    parameters = {"Text": ["hello"]}
    other = make_step(
        "other", "executeAutomation", DocumentName=f"Child-{unique}", RuntimeParameters=parameters
    )

    execution = finish(start(ssm, runbook(other, outputs=["other.Output"])))

    assert execution["Outputs"] == {"other.Output": ["hello"]}


def test_failure_of_the_other_runbook_fails_the_step(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    child = {"schemaVersion": "0.3", "mainSteps": [make_step("bad", "sleep", Duration="soon")]}
    ssm.create_document(
        Name=f"Child-{unique}", DocumentType="Automation", Content=json.dumps(child)
    )

    execution = finish(
        start(ssm, runbook(make_step("other", "executeAutomation", DocumentName=f"Child-{unique}")))
    )

    assert execution["AutomationExecutionStatus"] == "Failed"
    assert "Duration soon is not an ISO 8601 duration" in execution["FailureMessage"]


def _script(text: str, **fields: Any) -> Document:
    step = make_step("run", "executeScript", Runtime="python3.11", Handler="run", Script=text)
    return {**step, **fields}


def test_script_calls_aws_with_the_session_of_the_role(
    ssm: Any, runbook: Make, finish: Finish, role: Any
) -> None:
    text = (
        "import boto3\n"
        "def run(events, context):\n"
        "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    )
    outputs = [{"Name": "Arn", "Selector": "$.Payload", "Type": "String"}]
    arn = role()
    name = runbook(_script(text, outputs=outputs), outputs=["run.Arn"], assumeRole=arn)

    execution_id = start(ssm, name)

    (session,) = finish(execution_id)["Outputs"]["run.Arn"]
    assert session == f"arn:aws:sts::000000000000:assumed-role/{arn.split('/')[1]}/{execution_id}"


def test_script_is_told_about_its_execution(ssm: Any, runbook: Make, finish: Finish) -> None:
    text = (
        "def run(events, context):\n"
        "    return context['automation:EXECUTION_ID'] + ' in ' + context['global:REGION']\n"
    )
    outputs = [{"Name": "Told", "Selector": "$.Payload", "Type": "String"}]

    execution_id = start(ssm, runbook(_script(text, outputs=outputs), outputs=["run.Told"]))

    assert finish(execution_id)["Outputs"]["run.Told"] == [f"{execution_id} in us-east-1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def run(a, b):\n    raise ValueError('no')", "ValueError - no (line 2 of the script)"),
        ("def other(a, b): pass", "KeyError - 'run'"),
        ("def run(:", "SyntaxError"),
        ("import os\ndef run(a, b): os._exit(3)", "The script ended with status 3"),
    ],
)
def test_script_that_fails_fails_its_step_with_the_reason(
    ssm: Any, runbook: Make, finish: Finish, text: str, message: str
) -> None:
    execution = finish(start(ssm, runbook(_script(text))))

    assert execution["AutomationExecutionStatus"] == "Failed"
    assert message in execution["FailureMessage"]


def test_script_is_ended_at_its_time_limit(ssm: Any, runbook: Make, finish: Finish) -> None:
    text = "import time\ndef run(a, b): time.sleep(60)"

    execution = finish(start(ssm, runbook(_script(text, timeoutSeconds=0.3))))

    assert execution["AutomationExecutionStatus"] == "TimedOut"


def test_powershell_fails_with_the_reason(ssm: Any, runbook: Make, finish: Finish) -> None:
    step = make_step("run", "executeScript", Runtime="PowerShell 7.4", Script="$true")

    execution = finish(start(ssm, runbook(step)))

    assert "The sandbox runs Python scripts, not PowerShell 7.4" in execution["FailureMessage"]


def test_child_execution_names_its_parent_and_is_cancelled_with_it(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    child = f"Child-{unique}"
    content = {"schemaVersion": "0.3", "mainSteps": [make_step("wait", "sleep", Duration="PT1H")]}
    ssm.create_document(Name=child, DocumentType="Automation", Content=json.dumps(content))
    parent = start(ssm, runbook(make_step("call", "executeAutomation", DocumentName=child)))
    by_parent = [{"Key": "ParentExecutionId", "Values": [parent]}]

    children: list[Document] = []
    while not children:
        answer = ssm.describe_automation_executions(Filters=by_parent)
        children = answer["AutomationExecutionMetadataList"]
    ssm.stop_automation_execution(AutomationExecutionId=parent)

    (found,) = children
    ended = finish(found["AutomationExecutionId"])
    assert found["ParentAutomationExecutionId"] == parent
    assert (finish(parent)["AutomationExecutionStatus"], ended["AutomationExecutionStatus"]) == (
        "Cancelled",
        "Cancelled",
    )


def test_unknown_value_of_a_filter_is_refused(ssm: Any) -> None:
    with pytest.raises(ClientError) as error:
        ssm.describe_automation_executions(Filters=[{"Key": "ExecutionStatus", "Values": ["Done"]}])

    assert error.value.response["Error"]["Code"] == "InvalidFilterValue"


def test_stack_is_created_and_deleted(
    sandbox: Any, ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Arn": {"Value": {"Ref": "Topic"}}},
    }
    stack = f"Stack-{unique}"
    name = runbook(
        make_step("make", "createStack", StackName=stack, TemplateBody=json.dumps(template)),
        make_step("drop", "deleteStack", StackName="{{ make.StackId }}"),
        outputs=["make.StackStatus"],
    )

    execution = finish(start(ssm, name))

    assert execution["Outputs"] == {"make.StackStatus": ["CREATE_COMPLETE"]}
    assert _statuses(execution) == [("make", "Success"), ("drop", "Success")]
    stacks = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    assert stack not in [s["StackName"] for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"]


def test_stack_that_fails_fails_the_step_with_its_state(
    ssm: Any, runbook: Make, finish: Finish, unique: str
) -> None:
    properties = {"DocumentType": "Automation", "Content": {"schemaVersion": "0.3"}}
    template = {"Resources": {"Runbook": {"Type": "AWS::SSM::Document", "Properties": properties}}}
    make = make_step(
        *("make", "createStack"),
        StackName=f"S-{unique}",
        TemplateBody=json.dumps(template),
    )

    execution = finish(start(ssm, runbook(make)))

    assert _statuses(execution) == [("make", "Failed")]
    assert "ROLLBACK_COMPLETE" in execution["FailureMessage"]


def test_instances_are_launched_and_run(
    sandbox: Any, ssm: Any, runbook: Make, finish: Finish
) -> None:
    launch = make_step(
        *("launch", "runInstances"),
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        MinInstanceCount=2,
        MaxInstanceCount=2,
        Placement={"AvailabilityZone": "us-east-1a"},
    )
    name = runbook(launch, outputs=["launch.InstanceIds", "launch.InstanceStates"])

    outputs = finish(start(ssm, name))["Outputs"]

    assert outputs["launch.InstanceStates"] == ["running", "running"]
    described = sandbox.client("ec2").describe_instances(InstanceIds=outputs["launch.InstanceIds"])
    launched = [i for r in described["Reservations"] for i in r["Instances"]]
    assert {(i["InstanceType"], i["Placement"]["AvailabilityZone"]) for i in launched} == {
        ("t3.micro", "us-east-1a")
    }


def test_command_on_an_instance_without_agent_fails_as_on_aws(
    ssm: Any, runbook: Make, finish: Finish, instances: Launch
) -> None:
    command = make_step(
        *("command", "runCommand"),
        DocumentName="AWS-RunShellScript",
        InstanceIds=instances(1),
        Parameters={"commands": ["true"]},
    )

    assert "InvalidInstanceId" in finish(start(ssm, runbook(command)))["FailureMessage"]
