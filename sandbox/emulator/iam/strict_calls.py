"""Calls of IAM that AWS refuses and the emulator does not: to attach a policy that does not exist,
to keep one that is larger than its quota, to take a name that exists in another letter case.

Source: IAM User Guide, IAM and AWS STS quotas; IAM API Reference, the errors of each call.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ministack.services import iam

from sandbox.emulator.call import Response

Parameters = Mapping[str, Any]
Handler = Callable[[Parameters], Response]

MOST_OF_MANAGED = 6144
"""Characters of a managed policy, without white space."""
_MOST_OF_INLINE = {"Role": 10240, "User": 2048, "Group": 5120}
"""Characters of all inline policies of one principal together."""


def characters(document: str | Mapping[str, Any]) -> int:
    """The size of a policy as IAM counts it: without white space."""
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return len("".join(text.split()))


def own_policy_names() -> list[str]:
    """The names of the managed policies that the account made."""
    return [arn.rsplit("/", 1)[-1] for arn in iam._policies if ":iam::aws:" not in arn]


def _attach(handler: Handler, parameters: Parameters) -> Response:
    arn = iam._p(parameters, "PolicyArn")
    if iam._policy_exists(arn):
        return handler(parameters)
    missing = f"Policy {arn} does not exist or is not attachable."
    return _error(404, "NoSuchEntity", missing)


def _keep_managed(handler: Handler, parameters: Parameters) -> Response:
    if characters(iam._p(parameters, "PolicyDocument")) > MOST_OF_MANAGED:
        return _error(
            409, "LimitExceeded", f"Cannot exceed quota for PolicySize: {MOST_OF_MANAGED}"
        )
    name = iam._p(parameters, "PolicyName")
    if name and _is_taken(name, own_policy_names()):
        return _error(409, "EntityAlreadyExists", f"A policy called {name} already exists.")
    return handler(parameters)


def _keep_inline(kind: str, handler: Handler, parameters: Parameters) -> Response:
    name, policy = (iam._p(parameters, each) for each in (f"{kind}Name", "PolicyName"))
    kept = {**_inline_policies(kind, name), policy: iam._p(parameters, "PolicyDocument")}
    most = _MOST_OF_INLINE[kind]
    if sum(map(characters, kept.values())) > most:
        size = f"Maximum policy size of {most} bytes exceeded for {kind.lower()} {name}"
        return _error(409, "LimitExceeded", size)
    return handler(parameters)


def _inline_policies(kind: str, name: str) -> Mapping[str, str]:
    if kind == "Role":
        kept = iam._roles.get(name, {}).get("InlinePolicies")
    elif kind == "User":
        kept = iam._user_inline_policies.get(name)
    else:
        kept = iam._group_inline_policies.get(name)
    return kept or {}


def _create(
    kind: str, names: Callable[[], Iterable[str]], handler: Handler, parameters: Any
) -> Any:
    name = iam._p(parameters, f"{kind}Name")
    if _is_taken(name, names()):
        exists = f"{kind} with name {name} already exists."
        return _error(409, "EntityAlreadyExists", exists)
    return handler(parameters)


def _is_taken(name: str, names: Iterable[str]) -> bool:
    return name.lower() in {each.lower() for each in names}


def _error(status: int, code: str, message: str) -> Response:
    refused: Response = iam._error(status, code, message, ns="iam")
    return refused


_KINDS: Mapping[str, Callable[[], Iterable[str]]] = {
    "Role": lambda: iam._roles,
    "User": lambda: iam._users,
    "Group": lambda: iam._groups,
}
_WRAPPED: Mapping[str, Callable[[Handler, Parameters], Response]] = {
    **{f"Attach{kind}Policy": _attach for kind in _KINDS},
    **{f"Put{kind}Policy": partial(_keep_inline, kind) for kind in _KINDS},
    **{f"Create{kind}": partial(_create, kind, names) for kind, names in _KINDS.items()},
    "CreatePolicy": _keep_managed,
    "CreatePolicyVersion": _keep_managed,
}
CALLS: Mapping[str, Handler] = {
    operation: partial(wrapped, iam._IAM_HANDLERS[operation])
    for operation, wrapped in _WRAPPED.items()
}
"""The handler of each operation, in place of the emulator's."""


def with_boundary_type(xml: Callable[..., str]) -> Callable[..., str]:
    """A description of a user or role with the type of its boundary as IAM answers it, ``Policy``,
    where the model of the API says otherwise."""

    def described(*args: Any, **more: Any) -> str:
        text = xml(*args, **more)
        return text.replace(">PermissionsBoundaryPolicy</", ">Policy</")

    return described
