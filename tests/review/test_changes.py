"""What a change does to access, in sentences."""

from collections.abc import Callable
from typing import Any

import pytest

from review.access_review import review
from review.diff.changes import Change, change
from review.iam.engine import Engine
from review.report.markdown import change_markdown
from review.templates.assembly import Template
from tests.review.conftest import DEFAULT, EVERYTHING, GUIDE, RELEASING, Synthesize
from tests.review.mutants import additions, mutated, template_of, with_runbook

Templates = tuple[Template, ...]


def _changed(engine: Engine, old: Templates, new: Templates) -> Change:
    return change(review(engine, old), review(engine, new))


def test_same_templates_change_nothing(engine: Engine, synthesize: Synthesize) -> None:
    templates = synthesize(DEFAULT)

    changed = _changed(engine, templates, templates)

    assert changed == Change(
        gains=(), losses=(), violated=(), restored=(), withdrawn=(), differences=()
    )
    assert change_markdown(changed) == (
        "## What this change does to access\n\nNobody gains or loses anything.\n"
    )


def test_gain_is_a_sentence_and_its_reverse_a_loss(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(DEFAULT)
    gaining = additions(template_of("AdministrationStack", before))["operator gains SendCommand"]
    after = mutated(before, gaining)

    there, back = _changed(engine, before, after), _changed(engine, after, before)

    assert there.gains == ("AutomationRestrictedOperator gains ssm:SendCommand on *",)
    assert there.losses == ()
    assert back.gains == ()
    assert back.losses == ("AutomationRestrictedOperator loses ssm:SendCommand on *",)
    violated = (
        "AutomationRestrictedOperator can only start, read and watch, and cannot do what the "
        "runbooks do"
    )
    assert there.violated == back.restored == (violated,)
    assert change_markdown(there) == (
        "## What this change does to access\n\n**Gains**\n\n"
        "- AutomationRestrictedOperator gains ssm:SendCommand on *\n\n"
        f"**Invariants that it violates**\n\n- {violated}\n"
    )


def test_role_without_its_boundary_gains_what_the_managed_policy_grants(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(DEFAULT)

    def unbound(body: dict[str, Any]) -> None:
        for resource in body["Resources"].values():
            resource["Properties"].pop("PermissionsBoundary", None)

    changed = _changed(engine, before, mutated(before, unbound))

    assert changed.gains[0].startswith("AutomationServiceRole gains cloudformation:CreateStack, ")
    assert "ssm:UpdateServiceSetting" in changed.gains[0]  # whole, for anyone who accepts it
    assert "AutomationServiceRole gains ssm:*, with whatever AWS adds to it" in changed.gains
    assert changed.losses == ()


def test_trust_without_a_condition_lets_others_in(engine: Engine, synthesize: Synthesize) -> None:
    changed = _changed(engine, synthesize(DEFAULT), synthesize(GUIDE))

    assert (
        "ssm.amazonaws.com may now assume AutomationServiceRole without condition" in changed.gains
    )
    assert any(
        gain.startswith("AutomationRestrictedOperator gains ssm:") and " on * (before: " in gain
        for gain in changed.gains
    )


def test_step_that_calls_more_is_a_gain_of_whoever_starts_the_runbook(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(DEFAULT)

    def terminate(content: dict[str, Any]) -> None:
        content["mainSteps"][0]["inputs"]["DesiredState"] = "terminated"

    changed = _changed(engine, before, with_runbook(before, "Restart-EC2InstanceDemo", terminate))

    assert changed.gains == (
        "AutomationRestrictedOperator gains ec2:TerminateInstances through Restart-EC2InstanceDemo",
    )
    assert changed.losses == (
        "AutomationRestrictedOperator loses ec2:StopInstances through Restart-EC2InstanceDemo",
    )


def test_script_that_comes_in_is_a_gain_that_no_template_tells(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(DEFAULT)

    def script(content: dict[str, Any]) -> None:
        content["mainSteps"].append({"name": "run", "action": "aws:executeScript", "inputs": {}})

    changed = _changed(engine, before, with_runbook(before, "Restart-EC2InstanceDemo", script))

    assert changed.gains == (
        "AutomationRestrictedOperator gains what step run of Restart-EC2InstanceDemo does, which "
        "no template shows",
        "AutomationRestrictedOperator gains what Restart-EC2InstanceDemo does, by the order, "
        "guards or outputs of its steps",
    )


def test_another_role_of_a_runbook_is_a_gain(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(DEFAULT)

    def as_another(content: dict[str, Any]) -> None:
        content["assumeRole"] = "arn:aws:iam::111122223333:role/Another"

    changed = _changed(engine, before, with_runbook(before, "Restart-EC2InstanceDemo", as_another))

    assert (
        "Restart-EC2InstanceDemo now runs as arn:aws:iam::111122223333:role/Another"
        in changed.gains
    )


def _loosened(content: dict[str, Any]) -> None:
    content["parameters"]["InstanceId"]["maxItems"] = 50
    content["mainSteps"] = content["mainSteps"][1:]  # without the approval


def test_limit_that_is_loosened_is_a_gain_and_a_tightened_one_is_none(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(EVERYTHING)
    loose = with_runbook(before, "Restart-EC2InstanceDemo", _loosened)

    changed, back = _changed(engine, before, loose), _changed(engine, loose, before)

    assert [gain.split(" gains by ")[1] for gain in changed.gains] == [
        'Restart-EC2InstanceDemo: approval at step approveRun: {"needed": 1, "of": '
        '["arn:aws:iam::111122223333:user/lead", "arn:aws:iam::111122223333:role/Leads"]} '
        "becomes none",
        "Restart-EC2InstanceDemo: maxItems of InstanceId: 5 becomes 50",
    ]
    assert back.gains == ()


def test_deny_that_goes_is_a_gain(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(EVERYTHING)

    def without_deny(body: dict[str, Any]) -> None:
        for resource in body["Resources"].values():
            properties = resource["Properties"]
            if properties.get("ManagedPolicyName") == "OperatorRestrictedPermissions":
                statements = properties["PolicyDocument"]["Statement"]
                properties["PolicyDocument"]["Statement"] = [
                    each for each in statements if each["Effect"] == "Allow"
                ]

    changed = _changed(engine, before, mutated(before, without_deny))

    assert changed.gains == (
        "OnCall is no longer denied ssm:SendAutomationSignal on *, whatever else grants it",
        "AutomationRestrictedOperator is no longer denied ssm:SendAutomationSignal on *, whatever "
        "else grants it",
    )


_GUARDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "assertion that stops nothing": lambda content: _guard(content).update(onFailure="Continue"),
    "assertion that is gone": lambda content: content["mainSteps"].remove(_guard(content)),
    "assertion of something else": lambda content: _guard(content)["inputs"].update(
        DesiredValues=["anything"]
    ),
    "wait that may be over sooner": lambda content: content["mainSteps"][-1].update(
        timeoutSeconds=1, onFailure="Continue"
    ),
    "script that is attached": lambda content: content.update(files={"run.py": {"sha256": "0"}}),
    "another default": lambda content: content["parameters"]["InstanceId"].update(default="i-0"),
    "another output": lambda content: content["mainSteps"][0].update(
        outputs=[{"Name": "Groups", "Selector": "$.Elsewhere", "Type": "String"}]
    ),
}


def _guard(content: dict[str, Any]) -> dict[str, Any]:
    """The first step that only looks."""
    found: dict[str, Any] = next(
        step for step in content["mainSteps"] if step["action"] == "aws:assertAwsResourceProperty"
    )
    return found


@pytest.mark.parametrize("guard", _GUARDS)
def test_runbook_whose_guard_is_taken_away_is_a_gain(
    engine: Engine, synthesize: Synthesize, guard: str
) -> None:
    before = synthesize(RELEASING)
    edit = _GUARDS[guard]

    changed = _changed(engine, before, with_runbook(before, "Release-EC2Instance", edit))

    reported = {
        "AutomationRestrictedOperator gains what Release-EC2Instance does, by the order, guards or "
        "outputs of its steps",
        "AutomationRestrictedOperator gains what step assertIsIsolated of Release-EC2Instance "
        "does, by its inputs",
    }
    assert len(changed.gains) == 1
    assert set(changed.gains) <= reported


def test_runbook_that_is_described_otherwise_is_no_gain(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(RELEASING)

    def describe(content: dict[str, Any]) -> None:
        content["description"] = "Another"
        for step in content["mainSteps"]:
            step.update(description="Another", timeoutSeconds=60)

    changed = _changed(engine, before, with_runbook(before, "Release-EC2Instance", describe))

    assert changed.gains == ()
