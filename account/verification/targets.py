"""Probes of targets and rates: what a starter can multiply, and what holds a fleet back."""

import json
from functools import partial
from typing import Any

from account.verification.lab import SLEEP, Lab, allow, outcome
from account.verification.probe import Probe

_UG = "Systems Manager User Guide, Run automated operations that use targets and rate controls"
_WHO = {"Who": {"type": "String"}}
_FAIL = {
    "name": "fail",
    "action": "aws:executeAwsApi",
    "inputs": {"Service": "ssm", "Api": "GetParameter", "Name": "/nothing/of/this/name"},
}


def _values(number: int, parameter: str = "Who") -> dict[str, Any]:
    values = [f"value{each}" for each in range(number)]
    targets = [{"Key": "ParameterValues", "Values": values}]
    return {"TargetParameterName": parameter, "Targets": targets}


def _children(lab: Lab, parent: str) -> list[dict[str, Any]]:
    pages = (
        lab.client("ssm")
        .get_paginator("describe_automation_executions")
        .paginate(Filters=[{"Key": "ParentExecutionId", "Values": [parent]}])
    )
    return [each for page in pages for each in page["AutomationExecutionMetadataList"]]


def _ended(lab: Lab, execution: dict[str, Any]) -> str:
    """How a parent ended, and how many children it has."""
    number = len(_children(lab, execution["AutomationExecutionId"]))
    return f"{execution['AutomationExecutionStatus']}, {number} children"


def _multiplied(lab: Lab) -> str:
    parameters = {"Ids": {"type": "StringList", "maxItems": 1}}
    document = lab.document(SLEEP, parameters=parameters)
    keys = lab.user(
        allow(
            "ssm:StartAutomationExecution",
            [
                lab.arn("ssm", f"document/{document}"),
                lab.arn("ssm", f"automation-definition/{document}:*"),
                lab.arn("ssm", "automation-execution/*"),
            ],
        )
    )
    by_values = lab.execute(document, keys, **_values(2, "Ids"))
    by_maps = lab.execute(document, keys, TargetMaps=[{"Ids": ["a"]}, {"Ids": ["b"]}])
    return f"by values {_ended(lab, by_values)}; by maps {_ended(lab, by_maps)}"


def _without_parameters(lab: Lab) -> str:
    ssm, document = lab.client("ssm"), lab.document(SLEEP)
    by_maps = {"TargetMaps": [{"Who": ["a"]}]}
    found = (
        outcome(partial(ssm.start_automation_execution, DocumentName=document, **given))
        for given in (_values(2), by_maps)
    )
    return "; ".join(found)


def _errors(lab: Lab) -> str:
    """A number of errors, and a percentage, of ten targets that all fail one after the other."""
    document = lab.document(_FAIL, parameters=_WHO)
    found = (
        lab.execute(document, **_values(10), MaxConcurrency="1", MaxErrors=most)
        for most in ("1", "10%")
    )
    return "; ".join(_ended(lab, each) for each in found)


def _allowed_errors(lab: Lab) -> str:
    document = lab.document(_FAIL, parameters=_WHO)
    return _ended(lab, lab.execute(document, **_values(2), MaxErrors="2"))


def _counters(lab: Lab) -> str:
    ended = lab.execute(lab.document(SLEEP, parameters=_WHO), **_values(2))
    return json.dumps(ended.get("ProgressCounters", {}), sort_keys=True)


def _tags(lab: Lab) -> str:
    tags = [{"Key": "Probe", "Value": "yes"}]
    document = lab.document(SLEEP, parameters=_WHO)
    parent = lab.execute(document, **_values(1), Tags=tags)["AutomationExecutionId"]
    (child,) = _children(lab, parent)
    ssm = lab.client("ssm")
    listed = ssm.describe_automation_executions(Filters=[{"Key": "TagKey", "Values": ["Probe"]}])[
        "AutomationExecutionMetadataList"
    ]
    found = {each["AutomationExecutionId"] for each in listed}
    return ", ".join(
        f"{who} {'tagged' if id_ in found else 'without'}"
        for who, id_ in (("parent", parent), ("child", child["AutomationExecutionId"]))
    )


def _who_resolves(lab: Lab) -> str:
    sns, value = lab.client("sns"), lab.name("Tier")
    topic = sns.create_topic(Name=lab.name("Topic"), Tags=[{"Key": "VerifyTier", "Value": value}])[
        "TopicArn"
    ]
    lab.later(f"topic {topic}", sns.delete_topic, TopicArn=topic)
    given: dict[str, Any] = {
        "TargetParameterName": "Who",
        "Targets": [{"Key": "tag:VerifyTier", "Values": [value]}],
    }
    found = []
    for statements in ([], [allow("tag:GetResources")]):
        document = lab.document(SLEEP, parameters=_WHO, assumeRole=lab.role(statements))
        found.append(_ended(lab, lab.execute(document, **given)))
    return "without {}; with {}".format(*found)


def _fleet(lab: Lab) -> str:
    """A role that may start a leaf and nothing else, for two targets; the leaf has its own role."""
    leaf = lab.document(SLEEP, parameters=_WHO, assumeRole=lab.role([]))
    executions = lab.arn("ssm", "automation-execution/*")
    start = [
        lab.arn("ssm", f"document/{leaf}"),
        lab.arn("ssm", f"automation-definition/{leaf}:*"),
        executions,
    ]
    role = lab.role(
        [
            allow("ssm:StartAutomationExecution", start),
            allow("ssm:GetAutomationExecution", executions),
        ]
    )
    step = {
        "name": "each",
        "action": "aws:executeAutomation",
        "inputs": {"DocumentName": leaf, "MaxConcurrency": "1", **_values(2)},
    }
    return str(lab.execute(lab.document(step, assumeRole=role))["AutomationExecutionStatus"])


def _timed_out(lab: Lab) -> str:
    """A child that sleeps for longer than the step that awaits it may take."""
    sleep = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT20S"}}
    step = {
        "name": "each",
        "action": "aws:executeAutomation",
        "timeoutSeconds": 5,
        "inputs": {"DocumentName": lab.document(sleep)},
    }
    ended = lab.execute(lab.document(step))
    (child,) = _children(lab, ended["AutomationExecutionId"])
    status = lab.ended(child["AutomationExecutionId"]).get("AutomationExecutionStatus")
    return f"{ended['AutomationExecutionStatus']}, its child {status}"


def _stopped(lab: Lab) -> str:
    """An execution that is stopped while it runs targets: whether these and what follows run."""
    ssm, name = lab.client("ssm"), lab.name("Lock")
    sleep = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT5M"}}
    leaf = lab.document(sleep, parameters=_WHO)

    def call(step: str, api: str, **inputs: str) -> dict[str, Any]:
        given = {"Service": "ssm", "Api": api, "Name": name, **inputs}
        return {"name": step, "action": "aws:executeAwsApi", "inputs": given}

    run = {
        "name": "run",
        "action": "aws:executeAutomation",
        "onCancel": "step:release",
        "inputs": {"DocumentName": leaf, **_values(2)},
    }
    document = lab.document(
        call("take", "PutParameter", Value="{{ automation:EXECUTION_ID }}", Type="String"),
        run,
        call("release", "DeleteParameter"),
    )
    lab.later(f"parameter {name}", partial(_delete, ssm), name=name)
    id_ = ssm.start_automation_execution(DocumentName=document)["AutomationExecutionId"]
    lab.until(lambda: [c for p in _ids(lab, id_) for c in _ids(lab, p)], seconds=120)
    ssm.stop_automation_execution(AutomationExecutionId=id_)
    ended = lab.ended(id_)["AutomationExecutionStatus"]
    parents = [lab.ended(parent)["AutomationExecutionStatus"] for parent in _ids(lab, id_)]
    is_kept = bool(ssm.get_parameters(Names=[name])["Parameters"])
    return f"{ended}, targets {', '.join(parents)}, lock {'kept' if is_kept else 'given back'}"


def _ids(lab: Lab, parent: str) -> list[str]:
    return [each["AutomationExecutionId"] for each in _children(lab, parent)]


def _delete(ssm: Any, name: str) -> None:
    """Deletes a parameter, if it is there."""
    ssm.delete_parameters(Names=[name])


TARGETS = (
    Probe(
        id="targets-multiply-a-start",
        assumption="who may start a runbook may start it for many targets, and maxItems holds for "
        "each child",
        source=f"{_UG} (inferred: no condition key covers targets)",
        call="StartAutomationExecution with ParameterValues, and with TargetMaps",
        expected="by values Success, 2 children; by maps Success, 2 children",
        ask=_multiplied,
    ),
    Probe(
        id="targets-of-a-runbook-without-parameters",
        assumption="a runbook without parameters cannot be multiplied",
        source=f"{_UG} (inferred)",
        call="StartAutomationExecution with targets of a runbook without parameters",
        expected="refused: InvalidAutomationExecutionParametersException; "
        "refused: InvalidAutomationExecutionParametersException",
        ask=_without_parameters,
    ),
    Probe(
        id="errors-allowed",
        assumption="after one more failure than allowed no child is started; a percentage is "
        "rounded down",
        source="Systems Manager User Guide, Control automations at scale; the API Reference "
        "contradicts it on percentages",
        call="ten targets that fail, one at a time, with MaxErrors 1 and 10%",
        expected="Failed, 2 children; Failed, 2 children",
        ask=_errors,
        minutes=4,
    ),
    Probe(
        id="success-with-allowed-errors",
        assumption="a parent succeeds while no more have failed than allowed",
        source=f"{_UG} (inferred)",
        call="two targets that fail, with MaxErrors 2",
        expected="Success, 2 children",
        ask=_allowed_errors,
        minutes=2,
    ),
    Probe(
        id="progress-counters",
        assumption="a rate-controlled execution counts its children",
        source="SSM API Reference, ProgressCounters (documented for many accounts)",
        call="GetAutomationExecution of a parent of two",
        expected='{"CancelledSteps": 0, "FailedSteps": 0, "SuccessSteps": 2, "TimedOutSteps": 0, '
        '"TotalSteps": 2}',
        ask=_counters,
    ),
    Probe(
        id="tags-of-children",
        assumption="the tags of a start are the parent's alone",
        source=f"{_UG} (inferred)",
        call="a tagged start with one target",
        expected="parent tagged, child without",
        ask=_tags,
    ),
    Probe(
        id="who-resolves-targets",
        assumption="targets by tag are found with the rights of the execution's role, by "
        "tag:GetResources",
        source="AWS managed policies, such as AmazonSSMMaintenanceWindowRole (inferred)",
        call="a start by tag under a role without the right, and with it",
        expected="without Failed, 0 children; with Success, 1 children",
        ask=_who_resolves,
    ),
    Probe(
        id="time-out-of-a-step-with-a-child",
        assumption="a child goes on where the step that awaits it has timed out",
        source="Systems Manager User Guide, aws:executeAutomation (not documented)",
        call="a child of 20 seconds in a step of 5",
        expected="TimedOut, its child Success",
        ask=_timed_out,
        minutes=2,
    ),
    Probe(
        id="stop-of-a-fleet",
        assumption="a stop reaches the targets, and onCancel gives a lock back",
        source="Systems Manager User Guide, onCancel (inferred)",
        call="StopAutomationExecution while two targets run",
        expected="Cancelled, targets Cancelled, lock given back",
        ask=_stopped,
        minutes=3,
    ),
    Probe(
        id="leaf-with-a-role-of-its-own",
        assumption="a role that may start a runbook with an embedded role needs no iam:PassRole, "
        "and the children's role no right to start",
        source="Systems Manager User Guide, aws:executeAutomation (inferred)",
        call="aws:executeAutomation with two targets",
        expected="Success",
        ask=_fleet,
    ),
)
