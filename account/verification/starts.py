"""Probes of who may start, follow and write what."""

import json

from account.verification.lab import SLEEP, Lab, allow, outcome
from account.verification.probe import Probe

_LOOK = {
    "name": "look",
    "action": "aws:executeAwsApi",
    "inputs": {"Service": "ec2", "Api": "DescribeInstances"},
}
_SAR = "Service Authorization Reference, AWS Systems Manager"


def _called_via(lab: Lab) -> str:
    deny = {
        "Effect": "Deny",
        "NotAction": "ssm:*",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "ssm.amazonaws.com"}},
    }
    keys = lab.user(allow(["ssm:*", "ec2:DescribeInstances"]), deny)
    ended = lab.execute(lab.document(_LOOK), keys)
    (step,) = ended["StepExecutions"]
    said = (
        "explicit deny" if "explicit deny" in step.get("FailureMessage", "") else "another reason"
    )
    return f"{ended['AutomationExecutionStatus']}: {said}"


def _default_version(lab: Lab) -> str:
    found = (_started_under(lab, version) for version in ("$DEFAULT", "1"))
    return "as $DEFAULT {}, as 1 {}".format(*found)


def _started_under(lab: Lab, version: str) -> str:
    """What becomes of a start without a version, under a condition on it."""
    document = lab.document(SLEEP)
    keys = lab.user(
        allow(
            "ssm:StartAutomationExecution",
            lab.arn("ssm", f"document/{document}"),
            Condition={"StringEquals": {"ssm:DocumentVersion": version}},
        ),
        allow("ssm:StartAutomationExecution", lab.arn("ssm", "automation-execution/*")),
    )
    ssm = lab.client("ssm", keys)
    return outcome(lambda: ssm.start_automation_execution(DocumentName=document))


def _pass_role(lab: Lab) -> str:
    role = lab.role([allow("ec2:DescribeInstances")])
    content = json.dumps({"schemaVersion": "0.3", "assumeRole": role, "mainSteps": [SLEEP]})
    keys = lab.user(allow(["ssm:CreateDocument", "ssm:UpdateDocument"]))
    ssm, name = lab.client("ssm", keys), lab.name("Runbook")
    created = outcome(
        lambda: ssm.create_document(Name=name, DocumentType="Automation", Content=content)
    )
    if created == "allowed":
        lab.later(f"document {name}", lab.client("ssm").delete_document, Name=name)
    other = lab.document(SLEEP)
    updated = outcome(
        lambda: ssm.update_document(Name=other, Content=content, DocumentVersion="$LATEST")
    )
    return f"create {created}, update {updated}"


def _tags(lab: Lab) -> str:
    document, executions = lab.document(SLEEP), lab.arn("ssm", "automation-execution/*")
    own = {"StringEquals": {"aws:ResourceTag/StartedBy": "${aws:userid}"}}
    tagged = {
        "StringEquals": {
            "aws:RequestTag/StartedBy": "${aws:userid}",
            "aws:ResourceTag/StartedBy": "${aws:userid}",
        }
    }
    by_request = {"StringEquals": {"aws:RequestTag/StartedBy": "${aws:userid}"}}
    keys = lab.user(
        allow("ssm:StartAutomationExecution", executions, Condition=tagged),
        allow("ssm:AddTagsToResource", executions, Condition=tagged),
        allow(
            "ssm:StartAutomationExecution",
            [
                lab.arn("ssm", f"document/{document}"),
                lab.arn("ssm", f"automation-definition/{document}:*"),
            ],
            Condition=by_request,
        ),
        allow("ssm:GetAutomationExecution", executions, Condition=own),
    )
    ssm, started = lab.client("ssm", keys), []

    def start(starter: str) -> None:
        tags = {"Tags": [{"Key": "StartedBy", "Value": starter}]} if starter else {}
        answer = ssm.start_automation_execution(DocumentName=document, **tags)
        started.append(answer["AutomationExecutionId"])

    def read(execution: str) -> str:
        return outcome(lambda: ssm.get_automation_execution(AutomationExecutionId=execution))

    found = [
        outcome(lambda: start(keys["UserId"])),
        outcome(lambda: start("")),
        outcome(lambda: start("somebody")),
    ]
    foreign = lab.client("ssm").start_automation_execution(DocumentName=document)
    found += map(read, (*started[:1], foreign["AutomationExecutionId"]))
    return ", ".join(found)


def _token(lab: Lab) -> str:
    document = lab.document(SLEEP, parameters={"Who": {"type": "String", "default": "nobody"}})
    ssm, token = lab.client("ssm"), "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    first, second = (
        ssm.start_automation_execution(DocumentName=document, ClientToken=token)[
            "AutomationExecutionId"
        ]
        for _ in range(2)
    )
    other = outcome(
        lambda: ssm.start_automation_execution(
            DocumentName=document, ClientToken=token, Parameters={"Who": ["me"]}
        )
    )
    return f"{'one' if first == second else 'two'} executions, other parameters {other}"


def _max_items(lab: Lab) -> str:
    document = lab.document(
        SLEEP, parameters={"Ids": {"type": "StringList", "maxItems": 1, "default": ["a"]}}
    )
    ssm = lab.client("ssm")
    return outcome(
        lambda: ssm.start_automation_execution(
            DocumentName=document, Parameters={"Ids": ["a", "b"]}
        )
    )


STARTS = (
    Probe(
        id="called-via-of-an-execution-without-a-role",
        assumption="a Deny with aws:CalledVia reaches the steps of an execution without a role",
        source="IAM User Guide, aws:CalledVia; the AWS managed policy "
        "AWSBudgetsActionsRolePolicyForResourceAdministrationWithSSM",
        call="StartAutomationExecution of a document without assumeRole that describes instances",
        expected="Failed: explicit deny",
        ask=_called_via,
    ),
    Probe(
        id="document-version-of-a-default-start",
        assumption="ssm:DocumentVersion is $DEFAULT where a start names no version",
        source=_SAR,
        call="StartAutomationExecution without DocumentVersion, under a condition",
        expected="as $DEFAULT allowed, as 1 denied",
        ask=_default_version,
    ),
    Probe(
        id="pass-role-of-a-document",
        assumption="a document with a constant role needs iam:PassRole of its author",
        source="Systems Manager User Guide, automation-variables; the resource type "
        "AWS::SSM::Document",
        call="CreateDocument and UpdateDocument without iam:PassRole",
        expected="create denied, update denied",
        ask=_pass_role,
    ),
    Probe(
        id="tags-of-a-start",
        assumption="the tags of a start are request and resource tags of the execution, and "
        "request tags of the document",
        source="AWSQuickSetupManagedInstanceProfileExecutionPolicy",
        call="StartAutomationExecution with own tags, without, with another's; "
        "GetAutomationExecution of the own and of another execution",
        expected="allowed, denied, denied, allowed, denied",
        ask=_tags,
    ),
    Probe(
        id="repeated-client-token",
        assumption="a client token starts one execution, and is refused with other parameters",
        source="SSM API Reference, StartAutomationExecution, ClientToken",
        call="StartAutomationExecution three times with one token",
        expected="one executions, other parameters refused: IdempotentParameterMismatch",
        ask=_token,
    ),
    Probe(
        id="max-items",
        assumption="maxItems of a parameter is enforced at the start",
        source="Systems Manager User Guide, Data elements and parameters",
        call="StartAutomationExecution with two elements where one is allowed",
        expected="refused: InvalidAutomationExecutionParametersException",
        ask=_max_items,
    ),
)
