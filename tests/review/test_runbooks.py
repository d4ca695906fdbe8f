"""Runbooks of templates: what they call, what they hold their starter to, what cannot be
determined."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from review.access_review import review
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Invariant, Verdict
from review.model.account import Runbook
from review.model.account_reader import read_accounts
from review.report.picture import draw, mermaid, svg
from review.templates.assembly import Template
from tests.review.conftest import DEFAULT, ENVIRONMENT, EVERYTHING, Synthesize
from tests.review.mutants import with_runbook

Templates = tuple[Template, ...]
_RUNBOOK = "Restart-EC2InstanceDemo"


def _invariants(engine: Engine, templates: Templates) -> dict[str, Invariant]:
    (account,) = review(engine, templates).accounts
    return {invariant.id: invariant for invariant in account.invariants}


def _runbook(content: Any, **properties: Any) -> Runbook:
    document = {
        "Type": "AWS::SSM::Document",
        "Properties": {
            "Name": "Runbook",
            "DocumentType": "Automation",
            "Content": content,
            **properties,
        },
    }
    body = {"Resources": {"Document": document}}
    (account,) = read_accounts([Template(stack="Stack", environment=ENVIRONMENT, body=body)])
    return account.runbooks[0]


def _step(action: str, name: str = "step", **inputs: Any) -> dict[str, Any]:
    return {"name": name, "action": action, "inputs": inputs}


_CALLED: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "an API": (
        _step("aws:executeAwsApi", Service="ec2", Api="RunInstances"),
        ("ec2:RunInstances",),
        (),
    ),
    "an API of another prefix": (
        _step("aws:executeAwsApi", Service="elbv2", Api="DescribeRules"),
        ("elasticloadbalancing:DescribeRules",),
        (),
    ),
    "an API of another name": (
        _step("aws:waitForAwsResourceProperty", Service="s3", Api="ListBuckets"),
        ("s3:ListAllMyBuckets",),
        (),
    ),
    "a state": (
        _step("aws:changeInstanceState", DesiredState="stopped"),
        ("ec2:DescribeInstanceStatus", "ec2:StopInstances"),
        ("kms:CreateGrant",),
    ),
    "a state by parameter": (
        _step("aws:changeInstanceState", DesiredState="{{ State }}"),
        ("ec2:DescribeInstanceStatus",),
        ("ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances", "kms:CreateGrant"),
    ),
    "tags of EC2 unless it is named": (_step("aws:createTags"), ("ec2:CreateTags",), ()),
    "a step within a loop": (
        _step("aws:loop", Steps=[_step("aws:deleteImage")]),
        ("ec2:DeleteSnapshot", "ec2:DeregisterImage", "ec2:DescribeImages"),
        (),
    ),
}


@pytest.mark.parametrize("case", _CALLED)
def test_step_calls(case: str) -> None:
    step, actions, optional = _CALLED[case]

    (call,) = _runbook({"mainSteps": [step]}).calls

    assert (call.actions, call.optional, call.is_known) == (actions, optional, True)


@pytest.mark.parametrize("action", ["aws:executeScript", "aws:runCommand", "aws:invokeWebhook"])
def test_step_that_runs_code_is_not_reported(action: str) -> None:
    (call,) = _runbook({"mainSteps": [_step(action)]}).calls

    assert (call.actions, call.is_known) == ((), False)


def test_content_is_read_as_json_text_as_well() -> None:
    content = json.dumps({"assumeRole": "arn:aws:iam::111122223333:role/R", "mainSteps": []})

    assert _runbook(content).role == "arn:aws:iam::111122223333:role/R"


@pytest.mark.parametrize(
    ("content", "properties", "message"),
    [
        ("schemaVersion: '0.3'", {}, "content as a string cannot be read as JSON"),
        ([], {}, "content is not a document"),
        ({}, {"DocumentType": "Command"}, "does not evaluate documents of type Command"),
    ],
)
def test_document_that_cannot_be_evaluated_is_refused(
    content: Any, properties: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        _runbook(content, **properties)


def test_runbook_that_differs_between_regions_is_refused(synthesize: Synthesize) -> None:
    templates = synthesize(DEFAULT)
    other = with_runbook(templates, _RUNBOOK, lambda content: content.update(description="Another"))
    elsewhere = [
        replace(t, environment=replace(ENVIRONMENT, region="eu-west-1"))
        for t in other
        if t.stack == "RunbooksStack"
    ]

    with pytest.raises(ReviewError, match="differs between the Regions of its account"):
        read_accounts([*templates, *elsewhere])


def test_script_leaves_open_what_its_role_needs(engine: Engine, synthesize: Synthesize) -> None:
    templates = with_runbook(
        synthesize(DEFAULT),
        _RUNBOOK,
        lambda content: content["mainSteps"].append(_step("aws:executeScript", "run")),
    )

    needs = _invariants(engine, templates)["AutomationServiceRole-does-what-runbooks-need"]

    assert needs.verdict is Verdict.UNDETERMINED
    assert needs.findings == (f"what step run of {_RUNBOOK} calls",)


_DODGED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a step before it": lambda c: c["mainSteps"].insert(0, _step("aws:sleep", "first")),
    "a way past it": lambda c: c["mainSteps"][0].update(nextStep="stopInstances"),
    "a failure that goes on": lambda c: c["mainSteps"][0].update(onFailure="Continue"),
    "a step that does not matter": lambda c: c["mainSteps"][0].update(isCritical=False),
    "a way on where it is cancelled": lambda c: c["mainSteps"][0].update(
        onCancel="step:stopInstances"
    ),
    "the end": lambda c: c["mainSteps"].append(c["mainSteps"].pop(0)),
    "a calendar that may be closed": lambda c: c["mainSteps"][1]["inputs"].update(
        DesiredValues=["OPEN", "CLOSED"]
    ),
}


@pytest.mark.parametrize("way", _DODGED)
def test_way_around_an_approval_or_calendar_violates_an_invariant(
    engine: Engine, synthesize: Synthesize, way: str
) -> None:
    templates = with_runbook(synthesize(EVERYTHING), _RUNBOOK, _DODGED[way])

    invariant = _invariants(engine, templates)["runbooks-begin-with-their-limits"]

    assert invariant.verdict is Verdict.VIOLATED
    assert invariant.findings[0].startswith(f"a run of {_RUNBOOK} can go around its ")


@pytest.mark.parametrize("role", [None, "{{ Role }}", "arn:aws:iam::111122223333:role/Another"])
def test_runbook_under_another_role_violates_an_invariant(
    engine: Engine, synthesize: Synthesize, role: str | None
) -> None:
    def under(content: dict[str, Any]) -> None:
        content.pop("assumeRole")
        if role:
            content["assumeRole"] = role

    invariant = _invariants(engine, with_runbook(synthesize(DEFAULT), _RUNBOOK, under))[
        "runbooks-run-as-service-roles"
    ]

    assert invariant.verdict is Verdict.VIOLATED


def test_many_runbooks_are_one_box_of_the_picture(engine: Engine, synthesize: Synthesize) -> None:
    templates = synthesize(DEFAULT)
    many = []
    for template in templates:
        body = copy.deepcopy(template.body)
        for id_, resource in list(body["Resources"].items()):
            if resource["Type"] == "AWS::SSM::Document":
                for number in range(20):
                    body["Resources"][f"{id_}{number}"] = copy.deepcopy(resource)
                    body["Resources"][f"{id_}{number}"]["Properties"]["Name"] = f"R{number}"
        many.append(replace(template, body=body))
    (account,) = review(engine, many).accounts

    picture = draw(account.account, account.accesses)

    assert [n.label for n in picture.nodes if n.column == 2] == ["21 runbooks"]
    assert "21 runbooks" in svg(picture)
    assert '"21 runbooks"' in mermaid(picture)
