"""IAM policies as values: statements in full, with every part that they may have, and no other."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from review.errors import ReviewError
from review.iam.patterns import covers

_VERSION = "2012-10-17"
_KEYS = {
    *("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"),
    *("Principal", "NotPrincipal", "Condition"),
}
_MOST_STARS = 10
_DOCUMENT_KEYS = {"Version", "Id", "Statement"}
_OPERATORS = {
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan"),
    *("NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals"),
    *("DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan"),
    *("DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals"),
    *("ArnNotEquals", "ArnLike", "ArnNotLike", "Null"),
}
"""Source: IAM User Guide, IAM JSON policy elements: Condition operators."""

_ARN = re.compile(
    r"arn:[a-z*?-]+:[a-z0-9*?-]+:[a-z0-9*?-]*:(?:[0-9*?]*|aws|\$\{[^}]*\}):.+", re.DOTALL
)
"""A pattern of fewer parts means more than it says: a wildcard may stand for colons in IAM."""
_QUALIFIED = re.compile(r"(?:For(?:All|Any)Values?:)?([A-Za-z]+?)(?:IfExists)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of a policy: an allow or a deny."""

    sid: str
    """Its Sid, or its number in the policy, from 1."""
    allows: bool
    actions: tuple[str, ...]
    """Patterns; all actions but these where ``but_actions``."""
    but_actions: bool
    resources: tuple[str, ...]
    """Patterns; all resources but these where ``but_resources``. Empty in a trust policy."""
    but_resources: bool
    principals: tuple[tuple[str, str], ...]
    """Kind (``AWS``, ``Service``, ``Federated``, ``*``) and value; empty in an identity policy."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key, values."""

    def speaks_of(self, action: str) -> bool:
        """Whether the statement is about an action; IAM compares without regard to case."""
        named = any(covers(pattern.lower(), action.lower()) for pattern in self.actions)
        return named != self.but_actions

    def render(self) -> dict[str, Any]:
        """The statement as IAM takes it."""
        rendered: dict[str, Any] = {
            "Sid": re.sub(r"[^A-Za-z0-9]", "", self.sid),
            "Effect": "Allow" if self.allows else "Deny",
            "NotAction" if self.but_actions else "Action": list(self.actions),
        }
        if self.resources:
            rendered["NotResource" if self.but_resources else "Resource"] = list(self.resources)
        if self.principals:
            principals: dict[str, list[str]] = {}
            for kind, value in self.principals:
                principals.setdefault(kind, []).append(value)
            rendered["Principal"] = "*" if "*" in principals else principals
        if self.conditions:
            conditions: dict[str, dict[str, list[str]]] = {}
            for operator, key, values in self.conditions:
                conditions.setdefault(operator, {})[key] = list(values)
            rendered["Condition"] = conditions
        return rendered


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A policy document under a name that shows where it stands."""

    name: str
    statements: tuple[Statement, ...]


ALLOW_EVERYTHING = Statement(
    sid="Everything",
    allows=True,
    actions=("*",),
    but_actions=False,
    resources=("*",),
    but_resources=False,
    principals=(),
    conditions=(),
)


def rendered_policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": _VERSION, "Statement": [statement.render() for statement in statements]}


def read_policy(name: str, document: Mapping[str, Any], *, of_a_resource: bool = False) -> Policy:
    """The policy of a resolved document: an identity's, a role's trust, or a resource's own, which
    names principals and resources. ReviewError for what AWS would refuse or ignore."""
    if not isinstance(document, Mapping):
        raise ReviewError(f"policy {name}: {document!r} is no policy document")
    if unknown := sorted(document.keys() - _DOCUMENT_KEYS):
        raise ReviewError(f"policy {name}: {', '.join(unknown)} is not a part of a policy document")
    if document.get("Version") != _VERSION:
        raise ReviewError(
            f"policy {name}: version {document.get('Version')!r} is not {_VERSION}; "
            f"in an older one, policy variables are plain text"
        )
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return Policy(
        name=name,
        statements=tuple(
            _statement(name, number, each, of_a_resource)
            for number, each in enumerate(listed, start=1)
        ),
    )


def _statement(
    policy: str, number: int, statement: Mapping[str, Any], of_a_resource: bool
) -> Statement:
    if not isinstance(statement, Mapping):
        raise ReviewError(f"policy {policy}, statement {number}: {statement!r} is not a statement")
    where = f"policy {policy}, statement {statement.get('Sid', number)}"
    if unknown := sorted(set(statement) - _KEYS):
        raise ReviewError(f"{where}: {', '.join(unknown)} is not a part of a statement")
    if "NotPrincipal" in statement:
        raise ReviewError(f"{where}: NotPrincipal is not evaluated; name the principals")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise ReviewError(f"{where}: effect {statement.get('Effect')!r} is not Allow or Deny")
    if ("Action" in statement) == ("NotAction" in statement):
        raise ReviewError(f"{where}: it has not one of Action and NotAction")
    if empty := [key for key, value in statement.items() if value in ([], {}, "")]:
        raise ReviewError(f"{where}: {empty[0]} is empty")
    _check_targets(where, statement, of_a_resource)
    if isinstance(statement.get("Principal"), str) and statement["Principal"] != "*":
        raise ReviewError(f"{where}: principal {statement['Principal']!r} is not * or a mapping")
    resources = _texts(statement.get("Resource", statement.get("NotResource", ())))
    _check_resources(where, resources)
    return Statement(
        sid=str(statement.get("Sid", number)),
        allows=statement["Effect"] == "Allow",
        actions=_texts(statement.get("Action", statement.get("NotAction"))),
        but_actions="NotAction" in statement,
        resources=resources,
        but_resources="NotResource" in statement,
        principals=_principals(statement.get("Principal", {})),
        conditions=tuple(_conditions(where, statement.get("Condition", {}))),
    )


def _check_resources(where: str, resources: Iterable[str]) -> None:
    for resource in resources:
        if resource != "*" and not _ARN.fullmatch(resource):
            raise ReviewError(
                f"{where}: resource {resource!r} is neither * nor a whole ARN "
                f"(arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)"
            )
        if resource.count("*") > _MOST_STARS:
            raise ReviewError(f"{where}: resource {resource!r} has more than {_MOST_STARS} stars")


def _check_targets(where: str, statement: Mapping[str, Any], of_a_resource: bool) -> None:
    targets = {"Resource", "NotResource", "Principal"} & set(statement)
    if of_a_resource and "Principal" not in targets:
        raise ReviewError(f"{where}: it names no Principal")
    if len(targets) != (2 if of_a_resource else 1):
        raise ReviewError(f"{where}: it has not one of Resource, NotResource and Principal")


def _principals(principal: str | Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if isinstance(principal, str):
        return (("*", principal),)
    return tuple((kind, value) for kind in principal for value in _texts(principal[kind]))


def _conditions(
    where: str, conditions: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in conditions.items():
        match = _QUALIFIED.fullmatch(operator)
        if match is None or match[1] not in _OPERATORS:
            raise ReviewError(f"{where}: {operator!r} is not a condition operator of IAM")
        for key, values in keys.items():
            if values == []:
                raise ReviewError(f"{where}: {operator} of {key} compares with nothing")
            yield operator, key, _texts(values)


def _texts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    return tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in listed)
