"""Resources of IAM and CloudWatch Logs whose creation AWS refuses and the emulator does not: a name
that exists, a policy for somebody who does not, a policy that is too large.

Source: IAM User Guide, IAM and AWS STS quotas (names are unique whatever their letter case; 6,144
characters without white space); CloudFormation, AWS::IAM::Role and AWS::IAM::ManagedPolicy.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.services import cloudwatch_logs, iam
from ministack.services.cloudformation import provisioners

from sandbox.emulator.cloudformation import iam_role_boundaries

Properties = Mapping[str, Any]
Handlers = dict[str, Any]

_MOST_CHARACTERS = 6144


def _names_of_policies() -> Iterable[str]:
    own = (arn for arn in iam._policies if ":iam::aws:" not in arn)
    return (arn.rsplit("/", 1)[-1] for arn in own)


def _unless_exists(type_: str, property_: str, names: Any, handlers: Handlers) -> Handlers:
    """Handlers whose creation refuses a name that a resource of the type has."""

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        name = properties.get(property_)
        if name and str(name).lower() in {str(existing).lower() for existing in names()}:
            raise ValueError(
                f"Resource handler returned message: \"Resource of type '{type_}' with identifier "
                f"'{name}' already exists.\" (HandlerErrorCode: AlreadyExists)"
            )
        return handlers["create"](logical_id, properties, stack)

    return {**handlers, "create": create}


def _create_policy(logical_id: str, properties: Properties, stack: str) -> Any:
    _check_policy(properties)
    return _POLICIES["create"](logical_id, properties, stack)


def _update_policy(arn: str, old: Properties, new: Properties, *rest: Any, **more: Any) -> Any:
    _check_policy(new)
    return _POLICIES["update"](arn, old, new, *rest, **more)


def _check_policy(properties: Properties) -> None:
    """Raises ValueError for a managed policy that IAM refuses."""
    provisioners._iam_policy_require_entities(properties)
    provisioners._iam_policy_require_valid_document(properties)
    document = properties["PolicyDocument"]
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    if len("".join(text.split())) > _MOST_CHARACTERS:
        raise ValueError(
            f"Cannot exceed quota for PolicySize: {_MOST_CHARACTERS} (Service: Iam, "
            "Status Code: 409, Error Code: LimitExceeded)"
        )


_POLICIES: Handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::ManagedPolicy"]

HANDLERS: dict[str, Handlers] = {
    type_: _unless_exists(type_, property_, names, handlers)
    for type_, property_, names, handlers in (
        ("AWS::IAM::Role", "RoleName", lambda: iam._roles, iam_role_boundaries.HANDLERS),
        (
            "AWS::IAM::User",
            "UserName",
            lambda: iam._users,
            provisioners._RESOURCE_HANDLERS["AWS::IAM::User"],
        ),
        (
            "AWS::IAM::ManagedPolicy",
            "ManagedPolicyName",
            _names_of_policies,
            {**_POLICIES, "create": _create_policy, "update": _update_policy},
        ),
        (
            "AWS::Logs::LogGroup",
            "LogGroupName",
            lambda: cloudwatch_logs._log_groups,
            provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"],
        ),
    )
}
"""The handlers of each type, in place of the emulator's."""
