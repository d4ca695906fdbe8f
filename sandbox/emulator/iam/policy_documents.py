"""Which policy documents IAM refuses, with its messages where they are on public record.

Source: IAM User Guide, Grammar of the IAM JSON policy language and IAM JSON policy elements:
Condition operators; messages as IAM answers them, in public reports.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import iam

from sandbox.emulator.iam.strict_calls import characters

Statement = Mapping[str, Any]

_VERSIONS = ("2012-10-17", "2008-10-17")
_SYNTAX = "Syntax errors in policy."
_ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_COMPARISONS = (
    *(f"String{kind}" for kind in ("Equals", "NotEquals", "Like", "NotLike")),
    *("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *(f"{kind}{order}" for kind in ("Numeric", "Date") for order in _ORDERS),
    *(f"Arn{kind}" for kind in ("Equals", "NotEquals", "Like", "NotLike")),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
)
_OPERATOR = re.compile(
    rf"(ForAllValues:|ForAnyValue:)?(Null|({'|'.join(_COMPARISONS)})(IfExists)?)"
)
_ACTION = re.compile(r"[A-Za-z0-9_-]+:[A-Za-z0-9*?_-]+")
_KEY = re.compile(r"[^\s:]+:\S.*")
_SID = re.compile("[0-9A-Za-z]*")
_TRUSTED_ACTIONS = (
    *("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"),
    *("sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"),
)
_ONLY_ASSUMING = "AssumeRole policy may only specify STS AssumeRole actions."
_MOST_OF_TRUST = 2048
_ELEMENTS = frozenset(("Sid", "Effect", "Action", "NotAction", "Condition"))
_RESOURCES = ("Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")
_PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


class _Malformed(Exception):
    """What IAM answers."""


def identity_policy_error(document: str | Mapping[str, Any]) -> str | None:
    """Why IAM refuses a policy of a user, group or role, or of a session; None if it takes it."""
    return _error(document, _check_identity_statement, fewest=1)


def trust_policy_error(document: str | Mapping[str, Any]) -> str | None:
    """Why IAM refuses a role's trust policy; None if it takes it."""
    if characters(document) > _MOST_OF_TRUST:
        return f"Cannot exceed quota for ACLSizePerRole: {_MOST_OF_TRUST}"
    return _error(document, _check_trust_statement, fewest=0)


def _error(
    document: str | Mapping[str, Any], check: Callable[[Statement], None], *, fewest: int
) -> str | None:
    """Why a policy of such statements, and of no fewer, is refused."""
    try:
        statements = _statements(_read(document))
        if len(statements) < fewest:
            raise _Malformed(_SYNTAX)
        for statement in statements:
            check(statement)
            _check_elements(statement)
    except _Malformed as malformed:
        return str(malformed)
    return None


def _read(document: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The policy as an object; a key that is given twice is an error, as one hides the other."""
    if isinstance(document, str):
        try:
            document = json.loads(document, object_pairs_hook=_without_duplicates)
        except (ValueError, RecursionError):
            raise _Malformed(_SYNTAX) from None
    if not isinstance(document, Mapping) or document.keys() - {"Version", "Id", "Statement"}:
        raise _Malformed(_SYNTAX)
    if document.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise _Malformed("The policy must contain a valid version string")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key is given twice")
    return read


def _statements(policy: Mapping[str, Any]) -> list[Statement]:
    statements = policy.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(s, Mapping) for s in statements):
        raise _Malformed(_SYNTAX)
    ids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if not all(isinstance(sid, str) and _SID.fullmatch(sid) for sid in ids):
        raise _Malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )
    if len(ids) != len(set(ids)):
        raise _Malformed("Statement IDs (SID) in a single policy must be unique.")
    return statements


def _check_identity_statement(statement: Statement) -> None:
    if any(name in statement for name in _PRINCIPALS):
        raise _Malformed("Policy document should not specify a principal.")
    _check_names(statement, _ELEMENTS.union(_RESOURCES))
    name = _one_of(statement, _RESOURCES, "Policy statement must contain resources.")
    for resource in _strings(statement[name]):
        if resource != "*" and not resource.startswith("arn:"):
            raise _Malformed(f'Resource {resource} must be in ARN format or "*".')


def _check_trust_statement(statement: Statement) -> None:
    if prohibited := [name for name in _RESOURCES if name in statement]:
        raise _Malformed(f"Has prohibited field {prohibited[0]}")
    if "NotPrincipal" in statement:
        raise _Malformed("AssumeRole policy must not contain NotPrincipal field.")
    _check_names(statement, _ELEMENTS.union(("Principal",)))
    if "Principal" not in statement:
        raise _Malformed("Missing required field Principal")
    _check_principal(statement["Principal"])
    if "NotAction" in statement:
        raise _Malformed(_ONLY_ASSUMING)
    for action in _strings(statement.get("Action", ())):
        pattern = re.escape(action).replace(r"\*", ".*").replace(r"\?", ".")
        if not any(re.fullmatch(pattern, known, re.IGNORECASE) for known in _TRUSTED_ACTIONS):
            raise _Malformed(_ONLY_ASSUMING)


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, Mapping) or not principal:
        raise _Malformed(_SYNTAX)
    for type_, names in principal.items():
        for name in _strings(names):
            if type_ not in _PRINCIPAL_TYPES or not _may_exist(type_, name):
                raise _Malformed(f'Invalid principal in policy: "{type_}":"{name}"')


def _may_exist(type_: str, name: str) -> bool:
    """Whether a principal exists in this account, or is one that cannot be looked up here."""
    if type_ == "Service":
        return re.fullmatch(r"[a-z0-9.-]+\.(amazonaws|amazon|aws)\.com(\.cn)?", name) is not None
    if type_ != "AWS" or name == "*" or re.fullmatch("[0-9]{12}", name):
        return True
    match = re.fullmatch(r"arn:aws[a-z-]*:(iam|sts)::([0-9]{12}):([a-z-]+)(/.*)?", name)
    if match is None:
        return name.startswith(("AIDA", "AROA"))
    _, account, kind, path = match.groups()
    if account != get_account_id() or kind in ("root", "federated-user"):
        return True
    parts = (path or "/").split("/")
    if kind == "assumed-role":
        return parts[1] in iam._roles
    kept = {"role": iam._roles, "user": iam._users}.get(kind, {})
    return parts[-1] in kept and kept[parts[-1]]["Arn"] == name


def _check_elements(statement: Statement) -> None:
    """Raises _Malformed for what no kind of policy may hold."""
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _Malformed(_SYNTAX)
    name = _one_of(statement, ("Action", "NotAction"), "Policy statement must contain actions.")
    actions = [action for action in _strings(statement[name]) if action != "*"]
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, Mapping):
        raise _Malformed(_SYNTAX)
    for operator, values in conditions.items():
        if not _OPERATOR.fullmatch(operator):
            raise _Malformed(f"Invalid Condition type : {operator}")
        if not isinstance(values, Mapping) or not all(map(_is_values, values.values())):
            raise _Malformed(_SYNTAX)
    keys = [key for values in conditions.values() for key in values]
    if not all(map(_ACTION.fullmatch, actions)) or not all(map(_KEY.fullmatch, keys)):
        raise _Malformed(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        )


def _check_names(statement: Statement, known: Iterable[str]) -> None:
    if statement.keys() - set(known):
        raise _Malformed(_SYNTAX)


def _one_of(statement: Statement, names: tuple[str, str], missing: str) -> str:
    """The one of two elements that the statement has."""
    present = [name for name in names if name in statement]
    if not present or statement[present[0]] == []:
        raise _Malformed(missing)
    if len(present) > 1:
        raise _Malformed(_SYNTAX)
    return present[0]


def _strings(value: Any) -> list[str]:
    """A string or a list of them, as a list."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise _Malformed(_SYNTAX)
    return list(values)


def _is_values(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(each, str | bool | int | float) for each in values)
