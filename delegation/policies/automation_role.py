"""What ``AmazonSSMAutomationRole`` grants."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

from aws_facts.managed_policies import managed_policies
from delegation.runbooks.permissions import Need


def beyond_automation_role(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The needs that ``AmazonSSMAutomationRole`` does not give on every resource."""
    return tuple(need for need in needs if not _is_granted(need.action))


def _is_granted(action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern) for pattern in _actions_on_everything())


@cache
def _actions_on_everything() -> tuple[str, ...]:
    """The action patterns that the policy allows on ``*``, in lower case."""
    (policy,) = (p for p in managed_policies() if p.name == "AmazonSSMAutomationRole")
    return tuple(
        action.lower()
        for statement in policy.document["Statement"]
        if statement["Effect"] == "Allow" and statement["Resource"] == ["*"]
        for action in statement["Action"]
    )
