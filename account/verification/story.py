"""The guide's story: an operator restarts an instance that they may not touch."""

import json

from botocore.exceptions import ClientError

from account.verification.lab import SLEEP, Json, Lab, allow, outcome
from account.verification.probe import Probe

_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
_ANY_IMAGE = "ami-12345678"
"""Where Parameter Store has no such image, as in the sandbox."""


def _instance(lab: Lab) -> str:
    ec2 = lab.client("ec2")
    try:
        image = lab.client("ssm").get_parameter(Name=_IMAGE)["Parameter"]["Value"]
    except ClientError:
        image = _ANY_IMAGE
    launched = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1)
    id_ = str(launched["Instances"][0]["InstanceId"])
    lab.later(f"instance {id_}", ec2.terminate_instances, InstanceIds=[id_])
    ec2.get_waiter("instance_running").wait(InstanceIds=[id_])
    return id_


def _change(name: str, state: str) -> Json:
    inputs = {"InstanceIds": ["{{ InstanceId }}"], "DesiredState": state}
    return {"name": name, "action": "aws:changeInstanceState", "inputs": inputs}


def _restart(lab: Lab) -> str:
    instance = _instance(lab)
    power = ["ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances"]
    role = lab.role([allow([*power, "ec2:DescribeInstanceStatus"])])
    document = lab.document(
        _change("stop", "stopped"),
        _change("start", "running"),
        assumeRole=role,
        parameters={"InstanceId": {"type": "String"}},
    )
    other = lab.document(SLEEP)
    executions = lab.arn("ssm", "automation-execution/*")
    keys = lab.user(
        allow(
            "ssm:StartAutomationExecution",
            [
                lab.arn("ssm", f"document/{document}"),
                lab.arn("ssm", f"automation-definition/{document}:*"),
                executions,
            ],
        ),
        allow("ssm:GetAutomationExecution", executions),
    )
    ssm, ec2, iam = (lab.client(service, keys) for service in ("ssm", "ec2", "iam"))
    denied = [
        outcome(lambda: ec2.stop_instances(InstanceIds=[instance])),
        outcome(lambda: ssm.start_automation_execution(DocumentName=other)),
        outcome(
            lambda: ssm.update_document(Name=document, Content=json.dumps({}), DocumentVersion="1")
        ),
        outcome(lambda: iam.get_role(RoleName=role.rsplit("/", 1)[-1])),
    ]
    ended = lab.execute(document, keys, Parameters={"InstanceId": [instance]})
    return f"{', '.join(denied)}; {ended['AutomationExecutionStatus']}"


STORY = (
    Probe(
        id="operator-restarts-what-they-may-not-touch",
        assumption="an operator restarts an instance through a runbook, and can neither stop it, "
        "nor start another runbook, nor change this one, nor read its role",
        source="Running an Automation Workflow by Using Delegated Administration",
        call="StopInstances, StartAutomationExecution of another document, UpdateDocument, "
        "GetRole; StartAutomationExecution",
        expected="denied, denied, denied, denied; Success",
        ask=_restart,
        minutes=6,
    ),
)
