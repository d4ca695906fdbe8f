"""The roles of the account that Automation may assume: what they do has to belong to an execution.

A role's trust policy decides, not a tag: whoever may change documents cannot change it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from operate.connection import Connection, asking
from operate.errors import OperateError
from operate.trail.records import without_path

_AUTOMATION = re.compile(r"ssm(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?|\*")
_SERVICE_LINKED = "/aws-service-role/"
"""The path of roles that AWS alone can assume and change.
Source: IAM User Guide, Create a service-linked role."""


def watched_roles(
    connection: Connection, further: Iterable[str], excepted: Iterable[str]
) -> frozenset[str]:
    """The ARNs, without paths, of the roles whose trust policy names Automation.

    ``further``: names of roles to watch besides; ``excepted``: names of roles that are known to
    serve another purpose of Systems Manager, such as hybrid nodes. Raises OperateError for the
    name of an exception that no watched role has.
    """
    if connection.caller is None:
        raise OperateError("AWS does not tell whose credentials these are, and so no account")
    partition, account = connection.caller.split(":")[1], connection.caller.split(":")[4]
    roles = {
        without_path(role["Arn"])
        for role in _every_role(connection)
        if trusts_automation(role.get("AssumeRolePolicyDocument") or {})
        and not role["Path"].startswith(_SERVICE_LINKED)
    }
    prefix = f"arn:{partition}:iam::{account}:role/"
    roles |= {prefix + name for name in further}
    if unknown := sorted({prefix + name for name in excepted} - roles):
        names = ", ".join(sorted(role.removeprefix(prefix) for role in roles))
        raise OperateError(
            f"--except-role {unknown[0].removeprefix(prefix)}: is not among the roles that "
            f"Automation may assume: {names or 'none'}"
        )
    return frozenset(roles - {prefix + name for name in excepted})


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
    services = principal.get("Service") or () if isinstance(principal, dict) else principal
    services = [services] if isinstance(services, str) else services
    return any(_AUTOMATION.fullmatch(service) for service in services)


def _every_role(connection: Connection) -> Iterable[Mapping[str, Any]]:
    with asking("for the roles of the account"):
        pages = connection.client("iam").get_paginator("list_roles").paginate()
        return [role for page in pages for role in page["Roles"]]
