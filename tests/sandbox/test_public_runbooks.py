"""The manifest of public runbooks: enough of them, each exactly named."""

import re
from collections import Counter

from benchmarks.public_runbooks import manifest
from sandbox.ssm.automation.steps import ACTIONS

_NOT_PUBLISHED = {"aws:copyImage"}
"""Actions that no public runbook was found with."""


def test_runbooks_are_many_and_each_action_is_in_two() -> None:
    runbooks = {(each.repository, each.path): each for each in manifest()}
    uses = Counter(action for each in runbooks.values() for action in each.actions)

    assert len(runbooks) >= 40
    assert {action for action in (*ACTIONS, "aws:loop") if uses[action] < 2} == _NOT_PUBLISHED


def test_each_is_named_by_commit_and_hash_with_its_right_end() -> None:
    for each in manifest():
        assert re.fullmatch("[0-9a-f]{40}", each.commit), each.path
        assert re.fullmatch("[0-9a-f]{64}", each.sha256), each.path
        assert each.because, each.path
