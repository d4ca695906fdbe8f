"""Loops in executions: their iterations, and the ways out of them."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import Document, Make, make_step, start

pytestmark = pytest.mark.sandbox


Finish = Callable[..., Document]


Launch = Callable[..., list[str]]


def _statuses(execution: Document) -> list[tuple[str, str]]:
    return [(step["StepName"], step["StepStatus"]) for step in execution["StepExecutions"]]


def _script(text: str, **fields: Any) -> Document:
    step = make_step("run", "executeScript", Runtime="python3.11", Handler="run", Script=text)
    return {**step, **fields}


def test_cancelled_loop_cleans_up_and_starts_no_other_iteration(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    steps = [
        {**make_step("work", "sleep", Duration="PT1H"), "onCancel": "step:cleanUp", "isEnd": True},
        make_step("cleanUp", "sleep", Duration="PT0S"),
    ]
    execution_id = start(ssm, runbook(make_step("each", "loop", Iterators=["a", "b"], Steps=steps)))
    time.sleep(0.2)

    ssm.stop_automation_execution(AutomationExecutionId=execution_id, Type="Cancel")

    execution = finish(execution_id)
    assert execution["AutomationExecutionStatus"] == "Cancelled"
    assert _statuses(execution) == [
        ("each", "Cancelled"),
        ("work", "Cancelled"),
        ("cleanUp", "Success"),
    ]


def test_step_within_a_loop_goes_on_outside_of_it(ssm: Any, runbook: Make, finish: Finish) -> None:
    inner = {**make_step("leave", "sleep", Duration="PT0S"), "nextStep": "after"}
    name = runbook(
        make_step("each", "loop", Iterators=["a", "b"], Steps=[inner]),
        make_step("never", "sleep", Duration="PT0S"),
        make_step("after", "sleep", Duration="PT0S"),
    )

    execution = finish(start(ssm, name))

    ran = [step for step, status in _statuses(execution) if status == "Success"]
    assert ran == ["each", "after", "leave"]


@pytest.mark.parametrize("values", [["x"] * 101, "text"])
def test_loop_over_no_list_or_too_many_values_fails(
    ssm: Any, runbook: Make, finish: Finish, values: Any
) -> None:
    inner = make_step("wait", "sleep", Duration="PT0S")

    execution = finish(
        start(ssm, runbook(make_step("each", "loop", Iterators=values, Steps=[inner])))
    )

    assert "not a list of at most 100 values" in execution["FailureMessage"]


def test_loop_runs_its_steps_for_each_value_and_keeps_them_in_a_variable(
    ssm: Any, runbook: Make, finish: Finish
) -> None:
    name = runbook(
        make_step(
            "each",
            "loop",
            Iterators="{{ Texts }}",
            Steps=[
                make_step(
                    "keep",
                    "updateVariable",
                    Name="variable:Last",
                    Value="{{ each.CurrentIteration }}:{{ each.CurrentIteratorValue }}",
                )
            ],
        ),
        {
            **_script("def run(events, context):\n    return events['last']"),
            "outputs": [{"Name": "Last", "Selector": "$.Payload", "Type": "String"}],
            "inputs": {
                "Runtime": "python3.11",
                "Handler": "run",
                "Script": "def run(events, context):\n    return events['last']",
                "InputPayload": {"last": "{{ variable:Last }}"},
            },
        },
        parameters={"Texts": {"type": "StringList"}},
        variables={"Last": {"type": "String", "default": ""}},
        outputs=["run.Last"],
    )

    execution = finish(start(ssm, name, Texts=["one", "two"]))

    assert execution["Outputs"] == {"run.Last": ["2:two"]}
    parents = [step.get("ParentStepDetails", {}) for step in execution["StepExecutions"]]
    assert [(p.get("StepName"), p.get("IteratorValue")) for p in parents] == [
        (None, None),
        (None, None),
        ("each", "one"),
        ("each", "two"),
    ]


def test_loop_repeats_while_its_condition_holds(ssm: Any, runbook: Make, finish: Finish) -> None:
    text = "def run(events, context):\n    return int(events['number']) < 3"
    count = {
        **_script(text),
        "inputs": {
            "Runtime": "python3.11",
            "Handler": "run",
            "Script": text,
            "InputPayload": {"number": "{{ again.CurrentIteration }}"},
        },
        "outputs": [{"Name": "More", "Selector": "$.Payload", "Type": "Boolean"}],
    }
    condition = {"Variable": "{{ run.More }}", "BooleanEquals": True}

    execution = finish(
        start(ssm, runbook(make_step("again", "loop", Steps=[count], LoopCondition=condition)))
    )

    assert [name for name, _ in _statuses(execution)] == ["again", "run", "run", "run"]
    assert execution["AutomationExecutionStatus"] == "Success"


def test_failing_step_within_a_loop_fails_the_loop(ssm: Any, runbook: Make, finish: Finish) -> None:
    inner = make_step("bad", "sleep", Duration="soon")

    execution = finish(
        start(ssm, runbook(make_step("each", "loop", Iterators=["one", "two"], Steps=[inner])))
    )

    assert _statuses(execution) == [("each", "Failed"), ("bad", "Failed")]
    assert "Iteration 1 failed" in execution["FailureMessage"]


@pytest.mark.parametrize(
    ("is_critical", "status", "loop_status"),
    [(True, "Failed", "Exited"), (False, "Success", "Success")],
)
def test_loop_that_a_failing_step_leaves_has_the_status_exited(
    ssm: Any, runbook: Make, finish: Finish, is_critical: bool, status: str, loop_status: str
) -> None:
    fails = {
        **make_step("fails", "sleep", Duration="soon"),
        "onFailure": "step:tidy",
        "isCritical": is_critical,
    }
    name = runbook(
        make_step("each", "loop", Iterators=["a", "b"], Steps=[fails]),
        {**make_step("after", "sleep", Duration="PT0S"), "isEnd": True},
        make_step("tidy", "sleep", Duration="PT0S"),
    )

    execution = finish(start(ssm, name))

    assert execution["AutomationExecutionStatus"] == status
    assert _statuses(execution) == [
        ("each", loop_status),
        ("after", "Pending"),
        ("tidy", "Success"),
        ("fails", "Failed"),
    ]
