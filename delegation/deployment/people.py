"""The people of a deployment: who runs runbooks, and who approves them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from delegation.errors import IN_DEPLOYMENTS, DelegationError

_IAM_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IamUser:
    """A person for whom the deployment creates an IAM user with console access."""

    name: str
    """1 to 64 letters, digits or ``+=,.@_-``. Source: IAM User Guide, IAM and STS quotas."""

    def __post_init__(self) -> None:
        require_iam_name("user", self.name)


@dataclass(frozen=True, slots=True)
class ExistingRole:
    """People who already have a role in the account: the deployment attaches its policies to it."""

    name: str
    """Its name without path, 1 to 64 letters, digits or ``+=,.@_-``."""
    deny_own_permissions: bool = False
    """Of an operator: whether runbooks without a role get none of this role's permissions. It also
    denies what else the role does by way of Systems Manager, such as decrypting parameters."""

    def __post_init__(self) -> None:
        require_iam_name("role", self.name)
        if not isinstance(self.deny_own_permissions, bool):
            raise DelegationError(
                f"deny_own_permissions {self.deny_own_permissions!r} of role {self.name!r} is not "
                f"True or False {IN_DEPLOYMENTS}"
            )
        if self.name.startswith("AWSReservedSSO_"):
            raise DelegationError(
                f"role {self.name!r} is IAM Identity Center's own and cannot be changed; "
                f"name its PermissionSet instead {IN_DEPLOYMENTS}"
            )


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """People of IAM Identity Center: their permission set refers to the policies by name. It may
    name ``DenyOwnPermissionsInRunbooks`` as well, with the effect of ``deny_own_permissions``.

    Nothing is attached here: a permission set names customer managed policies, and Identity Center
    attaches them in each account.
    Source: IAM Identity Center User Guide, Customer managed policies.
    """

    name: str
    """The permission set's name, 1 to 32 letters, digits or ``+=,.@_-``."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w+=,.@-]{1,32}", str(self.name), re.ASCII):
            raise DelegationError(
                f"permission set {self.name!r} is not 1 to 32 letters, digits or +=,.@_- "
                f"{IN_DEPLOYMENTS}"
            )


Person = IamUser | ExistingRole | PermissionSet
KINDS = (IamUser, ExistingRole, PermissionSet)


def iam_users(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those people for whom the deployment creates an IAM user."""
    return tuple(person.name for person in people if isinstance(person, IamUser))


def existing_roles(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those people's existing roles."""
    return tuple(person.name for person in people if isinstance(person, ExistingRole))


def never_lending_roles(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those existing roles whose permissions no runbook gets."""
    return tuple(
        person.name
        for person in people
        if isinstance(person, ExistingRole) and person.deny_own_permissions
    )


def require_iam_name(kind: str, name: str) -> None:
    """Raises DelegationError for what IAM takes for no name."""
    if not isinstance(name, str) or not _IAM_NAME.fullmatch(name):
        raise DelegationError(
            f"{kind} {name!r} is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
            f"{IN_DEPLOYMENTS}"
        )
