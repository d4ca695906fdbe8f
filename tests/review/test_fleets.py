"""What the review proves of fleets: nothing goes around them, and a wider one is a gain."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delegation.model import Approval, Deployment, IamUser, ServiceRole
from review.access_review import Review, review
from review.diff.changes import change
from review.iam.engine import Engine
from review.templates.assembly import Template, given_environment, read_templates
from tests.stacks.fleet import FLEET, NAME, ROLE, TARGET, WANTED, fleet_with
from tests.stacks.reviewed import reviewed_with
from tests.stacks.synthesis import RUNBOOK, app_of, deployment


def _reviewed(folder: Path, old: str = "", new: str = "", wanted: Deployment = WANTED) -> Review:
    """The review of the templates, with a text replaced."""
    app_of(wanted, folder=folder).synth()
    return reviewed_with(folder, old, new)


@pytest.mark.parametrize(
    "wanted",
    [
        WANTED,
        fleet_with(instances_tagged=None, resource_group="web", one_at_a_time=False, alarm=None),
        deployment(
            operators=(IamUser("alice"),),
            account="111122223333",
            regions=("eu-west-1", "us-east-1"),
            own_executions=True,
            authors=("arn:aws:iam::111122223333:role/Author",),
            service_roles=(
                ServiceRole(
                    name="AutomationServiceRole",
                    runbooks=(RUNBOOK,),
                    only_instances_tagged=("Access", "restart"),
                    at_most_instances=3,
                    require_reason=True,
                    approval=Approval(by=(IamUser("lead"),)),
                    fleets=(
                        replace(
                            FLEET,
                            instances_tagged=None,
                            approval=Approval(by=(IamUser("boss"),)),
                            calendar="Nights",
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_review_proves_that_nothing_goes_around_a_fleet(tmp_path: Path, wanted: Deployment) -> None:
    reviewed = _reviewed(tmp_path, wanted=wanted)

    assert not reviewed.violated
    (account,) = reviewed.accounts
    ids = {invariant.id for invariant in account.invariants}
    assert {
        "fleets-alone-start-their-targets",
        "fleets-take-no-parameters",
        "fleet-roles-start-their-targets-alone",
        "fleets-run-their-targets-once",
    } <= ids


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        (
            f"document/{NAME}",
            f"document/{TARGET}",
            "fleets-alone-start-their-targets",
        ),
        (f"document/{NAME}", "document/*", "fleets-alone-start-their-targets"),
        (
            '"Key": "Fleet"',
            '"Key": "Other"',
            "operators-start-approved-runbooks",
        ),
        (
            f'"DocumentName": "{TARGET}"',
            '"DocumentName": "Another"',
            "fleets-alone-start-their-targets",
        ),
        (
            f"document/{TARGET}",
            "document/*",
            "fleet-roles-start-their-targets-alone",
        ),
        (
            '"schemaVersion": "0.3", "description": "Runs ',
            '"schemaVersion": "0.3", "parameters": {"Who": {"type": "String"}}, '
            '"description": "Runs ',
            "fleets-take-no-parameters",
        ),
        ("tag:GetResources", "ec2:StopInstances", f"{ROLE}-does-what-runbooks-need"),
        (
            '"name": "assertFleetAlarmIsOk", "action": "aws:assertAwsResourceProperty", '
            '"onFailure": "Abort"',
            '"name": "assertFleetAlarmIsOk", "action": "aws:assertAwsResourceProperty", '
            '"onFailure": "Continue"',
            "runbooks-begin-with-their-limits",
        ),
        (
            '"DesiredValues": ["OK"]',
            '"DesiredValues": ["OK", "ALARM"]',
            "runbooks-begin-with-their-limits",
        ),
    ],
)
def test_mutant_of_a_fleet_is_killed(tmp_path: Path, old: str, new: str, violated: str) -> None:
    reviewed = _reviewed(tmp_path, old, new)

    assert violated in {invariant.id for invariant in reviewed.violated}


def _steps(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda content: change(content["mainSteps"])


def _inputs(**more: Any) -> Callable[[dict[str, Any]], Any]:
    return _steps(lambda steps: steps[1]["inputs"].update(more))


_ANOTHER_RUN = {
    "name": "again",
    "action": "aws:executeAutomation",
    "inputs": {"DocumentName": TARGET, "RuntimeParameters": {"InstanceId": ["i-1"]}},
}
_ANOTHER_START = {
    "name": "again",
    "action": "aws:executeAwsApi",
    "inputs": {
        "Service": "ssm",
        "Api": "StartAutomationExecution",
        "DocumentName": TARGET,
        "TargetParameterName": "InstanceId",
        "Targets": [{"Key": "tag:Tier", "Values": ["prod"]}],
    },
}
_DEVIATING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a second run": _steps(lambda steps: steps.insert(2, _ANOTHER_RUN)),
    "a start by the API": _steps(lambda steps: steps.insert(2, _ANOTHER_START)),
    "other accounts": _inputs(TargetLocations=[{"Accounts": ["r-1"], "Regions": ["us-east-1"]}]),
    "an old version": _inputs(DocumentVersion="1"),
    "targets from elsewhere": _inputs(MaxConcurrency="{{ takeLock.Version }}"),
    "attempts": _steps(lambda steps: steps[1].update(maxAttempts=10)),
    "a run that begins again": _steps(lambda steps: steps[1].update(nextStep="runTargets")),
    "a lock that is overwritten": _steps(lambda steps: steps[0]["inputs"].update(Overwrite=True)),
    "a lock that need not be taken": _steps(lambda steps: steps[0].update(onFailure="Continue")),
    "an end after the lock": _steps(lambda steps: steps[0].update(isEnd=True)),
    "a lock that is given back before": _steps(lambda steps: steps.insert(1, steps.pop())),
    "a lock that does not wait": _steps(lambda steps: steps.pop(2)),
    "no lock": _steps(lambda steps: steps.pop(0)),
}


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, ...]:
    """The templates of the fleet."""
    folder = tmp_path_factory.mktemp("fleet") / "assembly"
    app_of(WANTED, folder=folder).synth()
    return read_templates(folder, given_environment())


def _changed(
    templates: tuple[Template, ...], change: Callable[[dict[str, Any]], Any]
) -> tuple[Template, ...]:
    """The templates with the content of the fleet's document changed."""
    found = []
    for each in templates:
        body = json.loads(json.dumps(each.body))
        for resource in body["Resources"].values():
            if resource.get("Properties", {}).get("Name") == NAME:
                change(resource["Properties"]["Content"])
        found.append(replace(each, body=body))
    return tuple(found)


@pytest.mark.parametrize("case", _DEVIATING)
def test_fleet_of_another_form_is_a_violation(synthesized: tuple[Template, ...], case: str) -> None:
    with Engine() as engine:
        reviewed = review(engine, _changed(synthesized, _DEVIATING[case]))

    assert "fleets-run-their-targets-once" in {invariant.id for invariant in reviewed.violated}


_RATES: dict[str, tuple[Callable[[dict[str, Any]], Any], bool]] = {
    "more at once": (_inputs(MaxConcurrency="3"), True),
    "a percentage at once": (_inputs(MaxConcurrency="1%"), True),
    "fewer at once": (_inputs(MaxConcurrency="1"), False),
    "more errors": (_inputs(MaxErrors="2"), True),
    "fewer errors": (_inputs(MaxErrors="0"), False),
    "other targets": (_inputs(Targets=[{"Key": "tag:Tier", "Values": ["web", "db"]}]), True),
    "another parameter": (_inputs(TargetParameterName="Other"), True),
    "other values": (_inputs(RuntimeParameters={"Mode": ["fast"]}), True),
}


@pytest.mark.parametrize("case", _RATES)
def test_wider_rate_or_scope_is_a_gain(synthesized: tuple[Template, ...], case: str) -> None:
    change_, is_gain = _RATES[case]
    with Engine() as engine:
        before = review(engine, synthesized)
        after = review(engine, _changed(synthesized, change_))

    assert bool(change(before, after).gains) is is_gain
