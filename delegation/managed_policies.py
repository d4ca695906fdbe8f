"""What ``AmazonSSMAutomationRole`` grants, from its text in ``aws_managed_policies/``."""

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from delegation.needs import Need

_FILE = Path(__file__).resolve().parent.parent / "aws_managed_policies/AmazonSSMAutomationRole.json"


def beyond_automation_role(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The needs that ``AmazonSSMAutomationRole`` does not give on every resource."""
    return tuple(need for need in needs if not _is_granted(need.action))


def _is_granted(action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern) for pattern in _actions_on_everything())


@cache
def _actions_on_everything() -> tuple[str, ...]:
    """The action patterns that the policy allows on ``*``, in lower case."""
    document = json.loads(_FILE.read_text("utf-8"))["Document"]
    return tuple(
        action.lower()
        for statement in document["Statement"]
        if statement["Effect"] == "Allow" and statement["Resource"] == ["*"]
        for action in statement["Action"]
    )
