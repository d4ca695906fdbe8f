"""The people of a deployment: who runs runbooks, and who approves them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from delegation import names
from delegation.deployment.company import check_path
from delegation.deployment.validation import require_bool
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_IDENTITY_CENTER_ROLE = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/aws-reserved/sso\.amazonaws\.com/"
    r"(?:[a-z0-9-]+/)?AWSReservedSSO_(?P<set>[\w+=,.@-]{1,32})_[0-9a-f]{16}",
    re.ASCII,
)
"""Source: IAM Identity Center User Guide, Referencing permission sets in resource policies."""
_ROLE_ARN = "arn:aws:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/REGION/AWSReservedSSO_{}_{}"
_IAM_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IamUser:
    """A person for whom the deployment creates an IAM user with console access."""

    name: str
    """1 to 64 letters, digits or ``+=,.@_-``. Source: IAM User Guide, IAM and STS quotas."""
    cli_sign_in: bool = False
    """Whether they may sign in to the AWS CLI by ``aws login``, without access keys."""
    kind: ClassVar[str] = "user"
    """What IAM knows them as: two of a kind with one name are the same."""

    def __post_init__(self) -> None:
        require_iam_name("user", self.name)
        require_bool(f"cli_sign_in of user {self.name!r}", self.cli_sign_in)


@dataclass(frozen=True, slots=True)
class ExistingUser:
    """A person who already has an IAM user in the account: the deployment attaches its policies to
    it, and changes nothing else of it."""

    name: str
    """Its name without path, 1 to 64 letters, digits or ``+=,.@_-``."""
    deny_own_permissions: bool = False
    """As of an ``ExistingRole``."""
    path: str = "/"
    """Its path, with which an approval step names it."""
    kind: ClassVar[str] = "user"

    def __post_init__(self) -> None:
        _check_existing(self)


@dataclass(frozen=True, slots=True)
class ExistingGroup:
    """People who are already in an IAM group of the account: the deployment attaches its policies
    to it. Its members are added and removed elsewhere, so that nothing here shows who they are."""

    name: str
    """Its name without path, 1 to 64 letters, digits or ``+=,.@_-``."""
    deny_own_permissions: bool = False
    """As of an ``ExistingRole``."""
    kind: ClassVar[str] = "group"

    def __post_init__(self) -> None:
        _check_existing(self)


@dataclass(frozen=True, slots=True)
class ExistingRole:
    """People who already have a role in the account: the deployment attaches its policies to it."""

    name: str
    """Its name without path, 1 to 64 letters, digits or ``+=,.@_-``."""
    deny_own_permissions: bool = False
    """Of an operator: whether runbooks without a role get none of this role's permissions. It also
    denies what else the role does by way of Systems Manager, such as decrypting parameters."""
    path: str = "/"
    """Its path, with which an approval step names it."""
    kind: ClassVar[str] = "role"

    def __post_init__(self) -> None:
        _check_existing(self)
        if self.name.startswith("AWSReservedSSO_"):
            raise DelegationError(
                f"role {self.name!r} is IAM Identity Center's own and cannot be changed; name its "
                f"PermissionSet instead, as an approver with the role's ARN: "
                f"{_permission_set(self.name)} {IN_DEPLOYMENTS}"
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
    role_arn: str | None = None
    """Of an approver: the ARN of the role that Identity Center has made for it in the account,
    which the approval step names. Where the permission set is taken from the account and assigned
    again, the role has another ARN, to be changed here."""
    kind: ClassVar[str] = "permission set"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w+=,.@-]{1,32}", str(self.name), re.ASCII):
            raise DelegationError(
                f"permission set {self.name!r} is not 1 to 32 letters, digits or +=,.@_- "
                f"{IN_DEPLOYMENTS}"
            )
        if self.role_arn is None:
            return
        match = _IDENTITY_CENTER_ROLE.fullmatch(str(self.role_arn))
        if match is None or match["set"] != self.name:
            raise DelegationError(
                f"role_arn {self.role_arn!r} of permission set {self.name!r} is not the ARN of a "
                f"role that Identity Center made for it: {_ROLE_ARN.format(self.name, '…')} "
                f"{IN_DEPLOYMENTS}"
            )


Existing = ExistingUser | ExistingGroup | ExistingRole
Person = IamUser | Existing | PermissionSet
KINDS = ("user", "group", "role", "permission set")


def _permission_set(role: str) -> str:
    """How the permission set of a role of Identity Center is written as an approver."""
    name, _, suffix = role.removeprefix("AWSReservedSSO_").rpartition("_")
    return f'PermissionSet("{name}", role_arn="{_ROLE_ARN.format(name, suffix)}")'


def iam_users(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those people for whom the deployment creates an IAM user."""
    return tuple(person.name for person in people if isinstance(person, IamUser))


def existing(people: Iterable[Person], kind: str) -> tuple[str, ...]:
    """The names of those people's existing users, groups or roles."""
    return tuple(p.name for p in people if isinstance(p, Existing) and p.kind == kind)


def approver_arn(person: Person, naming: names.Naming) -> str:
    """By which ARN an approval step names somebody."""
    if isinstance(person, PermissionSet):
        return str(person.role_arn)
    if isinstance(person, IamUser):
        return naming.user_arn(person.name)
    path = "/" if isinstance(person, ExistingGroup) else person.path
    return names.existing_arn(person.kind, path, person.name)


def check_approver_account(person: Person, account: str | None, partition: str) -> None:
    """Raises DelegationError for a permission set's role of another account or partition; either
    may be unknown (None, empty)."""
    match = _IDENTITY_CENTER_ROLE.fullmatch(getattr(person, "role_arn", None) or "")
    if match and (
        account not in (None, match["account"]) or (partition and partition != match["partition"])
    ):
        raise DelegationError(
            f"role_arn {match[0]!r} of permission set {person.name!r} is not of the deployment's "
            f"account and partition {IN_DEPLOYMENTS}"
        )


def never_lending(people: Iterable[Person]) -> tuple[Existing, ...]:
    """Those existing users, groups and roles whose permissions no runbook gets."""
    return tuple(p for p in people if isinstance(p, Existing) and p.deny_own_permissions)


def _check_existing(person: "Existing") -> None:
    """Raises DelegationError for a bad name, and for a choice that is none."""
    require_iam_name(person.kind, person.name)
    if not isinstance(person.deny_own_permissions, bool):
        raise DelegationError(
            f"deny_own_permissions {person.deny_own_permissions!r} of {person.kind} "
            f"{person.name!r} is not True or False {IN_DEPLOYMENTS}"
        )
    if not isinstance(person, ExistingGroup):
        check_path(f"path of {person.kind} {person.name!r}", person.path)


def require_iam_name(kind: str, name: str) -> None:
    """Raises DelegationError for what IAM takes for no name."""
    if not isinstance(name, str) or not _IAM_NAME.fullmatch(name):
        raise DelegationError(
            f"{kind} {name!r} is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
            f"{IN_DEPLOYMENTS}"
        )
