"""Exit status and words of ``python -m pipeline``."""

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pipeline import rollout
from pipeline.__main__ import main
from pipeline.change_record import ChangeRecord
from pipeline.credentials import Credentials, Target
from pipeline.errors import PipelineError
from review.templates.cloud_assembly import Stack

_DIGEST = "0a1b2c3d" * 8


def _run(*arguments: str) -> int:
    with patch.object(sys, "argv", ["pipeline", *arguments]):
        return main()


@pytest.mark.parametrize(
    ("gains_access", "violates_invariants", "status", "reported"),
    [
        (False, False, 0, ""),
        (True, False, 0, ""),
        (False, True, 2, "An invariant of the access review is violated.\n"),
    ],
)
def test_review_fails_where_an_invariant_is_violated(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gains_access: bool,
    violates_invariants: bool,
    status: int,
    reported: str,
) -> None:
    record = ChangeRecord(
        digest=_DIGEST,
        commit="c" * 40,
        base="d" * 40,
        gains_access=gains_access,
        violates_invariants=violates_invariants,
    )
    (tmp_path / "change.md").write_text("the page\n")

    with patch("pipeline.change_review.review_change", return_value=record):
        ended = _run("review", "--assembly", str(tmp_path), "--base=main")

    printed = capsys.readouterr()
    assert (status, reported) == (ended, printed.err)
    assert "the page" in printed.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("digest",),
        ("plan",),
        ("deploy", "--digest", _DIGEST),
        ("report",),
        ("review", "--base", "main"),
    ],
)
def test_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    ended = _run(*arguments, "--assembly", str(tmp_path))

    reported = capsys.readouterr().err
    assert ended == 1
    assert reported.startswith("error: ")
    assert reported.count("\n") == 1


class _CloudFormation:
    """A stack whose states come one after the other, and its events."""

    def __init__(self, *states: str, events: tuple[dict[str, str], ...] = ()) -> None:
        self._states, self._events = list(states), events

    def describe_stacks(self, **call: str) -> dict[str, Any]:
        assert call == {"StackName": "RunbooksStack"}
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"Stacks": [{"StackStatus": state}]}

    def describe_stack_events(self, **call: str) -> dict[str, Any]:
        assert call == {"StackName": "RunbooksStack"}
        return {"StackEvents": list(self._events)}


_TARGET = Target(
    stack=Stack(
        id="RunbooksStack-eu-west-1",
        name="RunbooksStack",
        account=None,
        region="eu-west-1",
        template={},
        deployment_role="",
        execution_role="",
        publishing_role="",
        bucket="",
        asset="",
        digest="",
        tags={},
        wave=1,
        manifest={},
    ),
    region="eu-west-1",
    credentials=Credentials(account="111122223333", environment={}),
)


def test_stack_that_is_being_changed_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rollout, "_POLL_SECONDS", 0)
    busy = _CloudFormation("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    assert rollout._settled(busy, _TARGET) == "UPDATE_COMPLETE"
    assert capsys.readouterr().out == (
        "waiting: RunbooksStack in eu-west-1 of 111122223333 is UPDATE_IN_PROGRESS\n"
    )


def test_change_set_that_nobody_executed_is_not_waited_for() -> None:
    waiting = _CloudFormation("REVIEW_IN_PROGRESS")

    assert rollout._settled(waiting, _TARGET) == "REVIEW_IN_PROGRESS"


def test_stack_that_never_settles_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "_LONGEST_WAIT_SECONDS", -1)

    with pytest.raises(PipelineError) as caught:
        rollout._settled(_CloudFormation("UPDATE_IN_PROGRESS"), _TARGET)

    assert str(caught.value) == (
        "RunbooksStack in eu-west-1 of 111122223333 is UPDATE_IN_PROGRESS for too long; run again "
        "later"
    )


def test_stack_that_only_a_person_can_mend_is_reported_with_cause_and_fix() -> None:
    stack = {"StackId": "S", "LogicalResourceId": "RunbooksStack", "PhysicalResourceId": "S"}
    events = (
        {**stack, "ResourceStatus": "UPDATE_ROLLBACK_FAILED", "ResourceStatusReason": "[Document]"},
        {
            "StackId": "S",
            "LogicalResourceId": "Document",
            "PhysicalResourceId": "D",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "throttled",
        },
        {
            "StackId": "S",
            "LogicalResourceId": "Other",
            "PhysicalResourceId": "O",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "Resource update cancelled",
        },
        {**stack, "ResourceStatus": "UPDATE_IN_PROGRESS"},
        {**stack, "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "of another time"},
    )
    failed = _CloudFormation("UPDATE_ROLLBACK_FAILED", events=events)
    reported = object.__new__(rollout.Rollout)
    reported.targets = [_TARGET]

    with patch.object(rollout, "_cloudformation", return_value=failed):
        states = list(reported.states())

    assert states == [
        "RunbooksStack in eu-west-1 of 111122223333: UPDATE_ROLLBACK_FAILED",
        "  Document: throttled",
        "  fix what its events name, then: npx cdk rollback RunbooksStack-eu-west-1",
    ]
