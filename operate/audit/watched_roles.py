"""The roles of the account that Automation may assume: what they do has to belong to an execution.

A role's trust policy decides, not a tag: an author of documents cannot change it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from operate.audit.records import without_path
from operate.connection import Connection, asking
from operate.errors import OperateError

_AUTOMATION = re.compile(r"ssm(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?|\*")
_SERVICE_LINKED = "/aws-service-role/"
"""The path of roles that AWS alone can assume and change.
Source: IAM User Guide, Create a service-linked role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """Roles of the account, by their ARNs without paths."""

    watched: frozenset[str]
    excepted: frozenset[str]
    """Roles that are not watched since they are known to serve something else."""


def read_roles(
    connection: Connection, further: Iterable[str], excepted: Iterable[str]
) -> tuple[str, Roles]:
    """The account, and its roles whose trust policy names Automation.

    ``further``: names of roles to watch besides; ``excepted``: names of roles that serve another
    purpose of Systems Manager, such as hybrid nodes. Raises OperateError for the name of an
    exception that no watched role has.
    """
    with asking("whose credentials these are"):
        caller = connection.client("sts").get_caller_identity()
    account, partition = caller["Account"], caller["Arn"].split(":")[1]
    roles = {
        without_path(role["Arn"])
        for role in _every_role(connection)
        if trusts_automation(role.get("AssumeRolePolicyDocument") or {})
        and not role["Path"].startswith(_SERVICE_LINKED)
    }
    prefix = f"arn:{partition}:iam::{account}:role/"
    roles |= {prefix + name.rsplit("/", 1)[-1] for name in further}
    left_out = {prefix + name.rsplit("/", 1)[-1] for name in excepted}
    if unknown := sorted(left_out - roles):
        names = ", ".join(sorted(role.removeprefix(prefix) for role in roles))
        raise OperateError(
            f"--except-role {unknown[0].removeprefix(prefix)}: is not among the roles that "
            f"Automation may assume: {names or 'none'}"
        )
    return account, Roles(watched=frozenset(roles - left_out), excepted=frozenset(left_out))


def trusts_automation(policy: Mapping[str, Any]) -> bool:
    """Whether a trust policy lets Automation in, under whichever condition."""
    statements = policy.get("Statement") or ()
    if isinstance(statements, dict):
        statements = [statements]
    return any(_names_automation(s) for s in statements if s.get("Effect") == "Allow")


def _names_automation(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal") or {}
    named = principal if isinstance(principal, dict) else {"AWS": principal}
    if "*" in _texts(named.get("AWS")):
        return True
    return any(map(_AUTOMATION.fullmatch, _texts(named.get("Service"))))


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [*map(str, value or ())]


def _every_role(connection: Connection) -> Iterable[Mapping[str, Any]]:
    with asking("for the roles of the account"):
        pages = connection.client("iam").get_paginator("list_roles").paginate()
        return [role for page in pages for role in page["Roles"]]
