"""The service control policies of the account, where the organization lets it read them.

Source: Organizations User Guide, Service control policies: at each level, from the root to the
account, one has to allow an action; the management account has none.
"""

import json
from collections.abc import Iterator
from typing import Any

from account.aws import Aws
from account.errors import Unreadable
from account.findings import Finding, Harm
from account.reach.foreign_policies import Reader
from account.reach.inquiry import Control
from review.iam.policy_variables import Values
from review.iam.statements import ALLOW_EVERYTHING

_KIND = "SERVICE_CONTROL_POLICY"
_ROOT = "r-"
"""How the id of a root begins. Source: Organizations API Reference, ListParents."""


def read_controls(aws: Aws, actions: tuple[str, ...]) -> tuple[Control, ...]:
    """What each level leaves of some actions; none where no policy controls the account.

    A statement that is not understood is taken to leave everything. Unreadable where the account
    may not ask.
    """
    organization = (aws.read("organizations", "describe_organization") or {}).get("Organization")
    if organization is None or organization["MasterAccountId"] == aws.account:
        return ()
    return tuple(_control(level, actions) for level in _levels(aws) if level)


def unread_controls(error: Unreadable) -> Finding:
    """A note that they could not be read."""
    return Finding(
        Harm.NOTE,
        f"service control policies could not be read: {error}",
        "an organization lets its members read them only where it says so",
        "some of those who are found here may be able to do less",
    )


def _levels(aws: Aws) -> Iterator[list[Any]]:
    """The policies' documents, of the account, each organizational unit above it, and the root."""
    target, seen = aws.account, set[str]()
    while True:
        listed = aws.listed(
            *("organizations", "list_policies_for_target", "Policies"),
            TargetId=target,
            Filter=_KIND,
        )
        yield [_document(aws, policy["Id"]) for policy in listed]
        if target.startswith(_ROOT):
            return
        above = list(aws.listed("organizations", "list_parents", "Parents", ChildId=target))
        if len(above) != 1 or (target := str(above[0]["Id"])) in seen:
            raise Unreadable(f"organizations list_parents: {target} has no one parent")
        seen.add(target)


def _document(aws: Aws, policy: str) -> Any:
    answer = aws.read("organizations", "describe_policy", PolicyId=policy)
    try:
        return json.loads((answer or {}).get("Policy", {}).get("Content", ""))
    except ValueError:
        return None


def _control(documents: list[Any], actions: tuple[str, ...]) -> Control:
    reader = Reader(Values(known={}, absent=frozenset()), actions)
    statements = [each for document in documents for each in reader.read(_KIND, document)]
    return (*statements, *((ALLOW_EVERYTHING,) if reader.not_understood else ()))
