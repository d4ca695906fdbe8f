"""The two documents of a fleet, made of its runbook."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from delegation.deployment.deployment import Deployment
from delegation.deployment.fleets import Fleet
from delegation.deployment.limits import is_list
from delegation.deployment.service_roles import ServiceRole
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.files import no_source
from delegation.runbooks.checks.findings import Findings
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.fleet_checks import check_depth, check_values, target_parameter
from delegation.runbooks.permissions import Need, needs_of
from delegation.runbooks.runbook import Runbook

ALARM_STEP = "assertFleetAlarmIsOk"
LOCK_STEP, RUN_STEP, AWAIT_STEP = "takeLock", "runTargets", "awaitTargets"
OWN_LOCK_STEP, RELEASE_STEP = "assertLockIsOwn", "releaseLock"
_ENDED = (
    *("Success", "CompletedWithSuccess", "Failed", "TimedOut", "CompletedWithFailure", "Exited"),
    *("Cancelled", "Rejected"),
)
"""Statuses after which no further target is begun.
Source: SSM API Reference, AutomationExecution, AutomationExecutionStatus."""
_HOLDER = "{{ automation:EXECUTION_ID }}"


def with_fleets(deployment: Deployment, runbooks: Mapping[str, Runbook]) -> dict[str, Runbook]:
    """The runbooks with those of a deployment's fleets; DelegationError for a fleet that its
    runbook or role does not allow."""
    found = dict(runbooks)
    made = _made(deployment)
    for role in deployment.service_roles:
        for fleet in role.fleets:
            for name in (fleet.name, fleet.target_name):
                if name in runbooks:
                    raise DelegationError(
                        f"fleet {fleet.name!r} makes a document {name!r}, as documents/ does; name "
                        f"the fleet otherwise {IN_DEPLOYMENTS}"
                    )
            leaf = runbooks[fleet.runbook]
            check_depth(fleet, leaf, runbooks, made)
            parameter = target_parameter(fleet, leaf)
            check_values(fleet, leaf)
            found[fleet.name] = _fleet_runbook(fleet, role, leaf, parameter)
            found[fleet.target_name] = _target_runbook(fleet, leaf, parameter)
    return found


def runbook_files_of(deployment: Deployment) -> Iterator[str]:
    """The names of the runbooks in ``documents/`` that a deployment is made of."""
    made = _made(deployment)
    yield from (name for name in deployment.documents if name not in made)
    yield from (fleet.runbook for role in deployment.service_roles for fleet in role.fleets)


def _made(deployment: Deployment) -> set[str]:
    """The names of the documents of a deployment's fleets."""
    return {
        name
        for role in deployment.service_roles
        for fleet in role.fleets
        for name in (fleet.name, fleet.target_name)
    }


def _fleet_runbook(fleet: Fleet, role: ServiceRole, leaf: Runbook, parameter: str) -> Runbook:
    """The document that operators start: it has no parameter, so that nothing of it can be chosen
    or multiplied at a start."""
    after = f"step:{AWAIT_STEP}" if fleet.one_at_a_time else "Abort"
    run = {
        "name": RUN_STEP,
        "action": "aws:executeAutomation",
        "timeoutSeconds": fleet.timeout_minutes * 60,
        "onFailure": after,
        "onCancel": after,
        "inputs": {
            "DocumentName": fleet.target_name,
            "TargetParameterName": parameter,
            "Targets": [_target(fleet, role, leaf)],
            "MaxConcurrency": str(fleet.at_once),
            "MaxErrors": str(fleet.errors_allowed),
            **({"RuntimeParameters": _given(fleet)} if fleet.parameters else {}),
        },
    }
    steps = [*_lock(fleet), run, *_release(fleet)]
    content = {
        "schemaVersion": "0.3",
        "description": f"Runs {leaf.name} for every target, {fleet.at_once} at once"
        + (f", while the alarm {fleet.alarm} is OK" if fleet.alarm else ""),
        "mainSteps": steps,
    }
    return Runbook(
        name=fleet.name,
        file=f"fleet {fleet.name!r} {IN_DEPLOYMENTS}",
        content=content,
        target_type="/",
        needs=_needs(content),
    )


def _lock(fleet: Fleet) -> list[dict[str, Any]]:
    """The step that takes the lock: a parameter that exists cannot be made."""
    if not fleet.one_at_a_time:
        return []
    inputs = {"Name": fleet.lock_name, "Value": _HOLDER, "Type": "String"}
    step = _ssm(LOCK_STEP, "PutParameter", inputs)
    return [{**step, "onCancel": f"step:{OWN_LOCK_STEP}"}]


def _release(fleet: Fleet) -> list[dict[str, Any]]:
    """The steps that wait until no target is begun any more, also after a time-out, and give the
    lock back, if it still is this execution's."""
    if not fleet.one_at_a_time:
        return []
    awaited = {
        "name": AWAIT_STEP,
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": fleet.timeout_minutes * 60,
        "onFailure": "Abort",
        "inputs": {
            "Service": "ssm",
            "Api": "DescribeAutomationExecutions",
            "Filters": [{"Key": "ParentExecutionId", "Values": [_HOLDER]}],
            "PropertySelector": "$.AutomationExecutionMetadataList[0].AutomationExecutionStatus",
            "DesiredValues": [*_ENDED],
        },
    }
    own = {
        "name": OWN_LOCK_STEP,
        "action": "aws:assertAwsResourceProperty",
        "onFailure": "Abort",
        "inputs": {
            "Service": "ssm",
            "Api": "GetParameter",
            "Name": fleet.lock_name,
            "PropertySelector": "$.Parameter.Value",
            "DesiredValues": [_HOLDER],
        },
    }
    return [awaited, own, _ssm(RELEASE_STEP, "DeleteParameter", {"Name": fleet.lock_name})]


def _ssm(name: str, api: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "action": "aws:executeAwsApi",
        "onFailure": "Abort",
        "inputs": {"Service": "ssm", "Api": api, **inputs},
    }


def _target_runbook(fleet: Fleet, leaf: Runbook, parameter: str) -> Runbook:
    """The document of a target: the runbook's for one, after the alarm was asked."""
    alarm = _alarm(fleet)
    parameters = dict(leaf.content["parameters"])
    of_target = {k: v for k, v in parameters[parameter].items() if k != "default"}
    if is_list(of_target):
        of_target["maxItems"] = 1
    parameters[parameter] = of_target
    if alarm and any(step.name == ALARM_STEP for step in named_steps(leaf.content)):
        raise DelegationError(
            f"{leaf.file}: step {ALARM_STEP!r} is called as the step that fleet {fleet.name!r} "
            f"puts before it; rename it"
        )
    content = {
        **leaf.content,
        "parameters": parameters,
        "mainSteps": [*alarm, *leaf.content["mainSteps"]],
    }
    of_alarm = _needs({"schemaVersion": "0.3", "mainSteps": alarm}) if alarm else ()
    return replace(leaf, name=fleet.target_name, content=content, needs=(*of_alarm, *leaf.needs))


def _alarm(fleet: Fleet) -> list[dict[str, Any]]:
    if fleet.alarm is None:
        return []
    return [
        {
            "name": ALARM_STEP,
            "action": "aws:assertAwsResourceProperty",
            "onFailure": "Abort",
            "inputs": {
                "Service": "cloudwatch",
                "Api": "DescribeAlarms",
                "AlarmNames": [fleet.alarm],
                "PropertySelector": "$.MetricAlarms[0].StateValue",
                "DesiredValues": ["OK"],
            },
        }
    ]


def _given(fleet: Fleet) -> dict[str, list[str]]:
    return {
        name: list(values) if isinstance(values, tuple) else [values]
        for name, values in fleet.parameters
    }


def _needs(content: Mapping[str, Any]) -> tuple[Need, ...]:
    """What the steps of a document of ours need, all of which is derived."""
    findings = Findings(no_source(Path("fleet")))
    needs = needs_of(content, (), findings, findings)
    assert not findings.sorted(), findings.sorted()
    return needs


def _target(fleet: Fleet, role: ServiceRole, leaf: Runbook) -> dict[str, Any]:
    """The targets as Automation takes them."""
    if leaf.target_type == "/":
        raise DelegationError(
            f"{leaf.file}: the targets of fleet {fleet.name!r} may be of any kind; name the kind "
            f"in targetType of its sidecar, such as /AWS::EC2::Instance"
        )
    if fleet.resource_group is not None:
        return {"Key": "ResourceGroup", "Values": [fleet.resource_group]}
    tags = fleet.tags or role.limit_tags
    if len(tags) != 1:
        raise DelegationError(
            f"fleet {fleet.name!r} names neither instances_tagged nor resource_group, and service "
            f"role {role.name!r} has {len(tags) or 'no'} tags in only_instances_tagged; name its "
            f"targets {IN_DEPLOYMENTS}"
        )
    ((key, values),) = tags
    return {"Key": f"tag:{key}", "Values": list(values)}
