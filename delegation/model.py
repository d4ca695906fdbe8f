"""What an administrator decides in ``deployments.py``: who may run which runbooks, where.

Every class refuses bad values when it is made, with an error that names the value, what is
allowed and the file to change.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from delegation import names
from delegation.errors import DelegationError
from delegation.regions import partition_of

_FILE = "(deployments.py)"
_IAM_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/([0-9a-zA-Z-]+)")


class Profile(StrEnum):
    """How a deployment grants: to the letter of the AWS guide, or as narrow as IAM allows."""

    GUIDE = "guide"
    LEAST_PRIVILEGE = "least-privilege"


@dataclass(frozen=True, slots=True)
class IamUser:
    """A person for whom the deployment creates an IAM user with console access."""

    name: str
    """1 to 64 letters, digits or ``+=,.@_-``. Source: IAM User Guide, IAM and STS quotas."""

    def __post_init__(self) -> None:
        _require_iam_name("user", self.name)


@dataclass(frozen=True, slots=True)
class ExistingRole:
    """People who already have a role in the account: the deployment attaches its policies to it."""

    name: str
    """Its name without path, 1 to 64 letters, digits or ``+=,.@_-``."""

    def __post_init__(self) -> None:
        _require_iam_name("role", self.name)
        if self.name.startswith("AWSReservedSSO_"):
            raise DelegationError(
                f"role {self.name!r} is IAM Identity Center's own and cannot be changed; "
                f"name its PermissionSet instead {_FILE}"
            )


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """People of IAM Identity Center: their permission set refers to the policies by name.

    Nothing is attached here: a permission set names customer managed policies, and Identity Center
    attaches them in each account.
    Source: IAM Identity Center User Guide, Customer managed policies.
    """

    name: str
    """The permission set's name, 1 to 32 letters, digits or ``+=,.@_-``."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w+=,.@-]{1,32}", str(self.name), re.ASCII):
            raise DelegationError(
                f"permission set {self.name!r} is not 1 to 32 letters, digits or +=,.@_- {_FILE}"
            )


Person = IamUser | ExistingRole | PermissionSet
_KINDS = (IamUser, ExistingRole, PermissionSet)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRole:
    """A role that SSM Automation assumes to run certain runbooks, and nothing else."""

    name: str
    """Its fixed name, 1 to 64 letters, digits or ``+=,.@_-``."""
    runbooks: tuple[str, ...]
    """Names of files in ``documents/`` without ending, at least one."""
    volume_keys: tuple[str, ...] = ()
    """ARNs of the customer managed KMS keys of the instances' EBS volumes.

    Starting an instance with such a volume needs ``kms:CreateGrant`` on its key; without it the
    instance stops and never starts. Source: EBS User Guide, Requirements for Amazon EBS encryption.
    """

    def __post_init__(self) -> None:
        _require_iam_name("service role", self.name)
        if "," in self.name:
            raise DelegationError(
                f"service role {self.name!r} holds a comma, which the tags of its documents "
                f"cannot {_FILE}"
            )
        _require_texts(f"runbooks of service role {self.name!r}", self.runbooks)
        _require_texts(f"volume_keys of service role {self.name!r}", self.volume_keys)
        if not self.runbooks:
            raise DelegationError(f"service role {self.name!r} has no runbook; name one {_FILE}")
        for key in self.volume_keys:
            match = _KEY_ARN.fullmatch(key)
            if not match or partition_of(match[2]) != match[1]:
                raise DelegationError(
                    f"volume key {key!r} of service role {self.name!r} is not a KMS key ARN "
                    f"(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) {_FILE}"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What is delegated in one AWS account."""

    operators: tuple[Person, ...]
    """Who may run every runbook of this deployment and watch it; at least one."""
    service_roles: tuple[ServiceRole, ...]
    """The roles that hold the power, each with its runbooks; at least one."""
    approvers: tuple[Person, ...] = ()
    """Who may answer a runbook's approval step; never one of the operators."""
    account: str | None = None
    """12 digits, or None for whichever account the credentials of ``cdk deploy`` belong to."""
    regions: tuple[str, ...] = ()
    """Where the runbooks go; the first also holds AdministrationStack. Empty: the Region in use."""
    profile: Profile = Profile.LEAST_PRIVILEGE
    """``guide`` to the letter of the AWS guide, or ``least-privilege``."""
    termination_protection: bool = False
    """Whether CloudFormation refuses to delete the stacks until this is turned off."""

    def __post_init__(self) -> None:
        for field in ("operators", "service_roles", "approvers"):
            _require_tuple(field, getattr(self, field))
        _require_texts("regions", self.regions)
        if not isinstance(self.termination_protection, bool):
            raise DelegationError(
                f"termination_protection is {self.termination_protection!r}, not True or False "
                f"{_FILE}"
            )
        self._check_place()
        self._check_people()
        self._check_roles()
        if not isinstance(self.profile, Profile):
            object.__setattr__(self, "profile", parse_profile(self.profile))
        if self.profile is Profile.GUIDE:
            self._check_guide()

    @property
    def runbooks(self) -> tuple[str, ...]:
        """The names of all runbooks, in the order of ``deployments.py``."""
        return tuple(name for role in self.service_roles for name in role.runbooks)

    @property
    def label(self) -> str:
        """How messages and the lock file call this deployment: its account, or ``any-account``."""
        return self.account or "any-account"

    @property
    def arn_regions(self) -> tuple[str, ...]:
        """The Regions that ARNs name: the deployment's, else the Region of the stack."""
        return self.regions or (names.ANY_REGION,)

    def _check_place(self) -> None:
        if self.account is not None and not (
            isinstance(self.account, str) and re.fullmatch(r"\d{12}", self.account, re.ASCII)
        ):
            raise DelegationError(f"account {self.account!r} is not a string of 12 digits {_FILE}")
        partitions = {partition_of(region) for region in self.regions}
        if len(partitions) > 1:
            raise DelegationError(
                f"regions {', '.join(self.regions)} are in different partitions "
                f"({', '.join(sorted(partitions))}); an account is in one {_FILE}"
            )
        _refuse_duplicates("region", self.regions)
        if self.account and not self.regions:
            raise DelegationError(f"account {self.account} is given without regions {_FILE}")

    def _check_people(self) -> None:
        if not self.operators:
            raise DelegationError(f"a deployment needs at least one operator {_FILE}")
        for kind, people in (("operator", self.operators), ("approver", self.approvers)):
            for person in people:
                if not isinstance(person, Person):
                    raise DelegationError(
                        f"{kind} {person!r} is not an IamUser, an ExistingRole or a "
                        f"PermissionSet {_FILE}"
                    )
            for of_kind in _KINDS:
                _refuse_alike(kind, [p.name for p in people if isinstance(p, of_kind)])
        operators = {(type(person), _alike(person.name)) for person in self.operators}
        for person in self.approvers:
            if (type(person), _alike(person.name)) in operators:
                raise DelegationError(
                    f"{person.name!r} is an operator and an approver; "
                    f"nobody may approve what he starts {_FILE}"
                )

    def _check_roles(self) -> None:
        if not self.service_roles:
            raise DelegationError(f"a deployment needs at least one service role {_FILE}")
        for role in self.service_roles:
            if not isinstance(role, ServiceRole):
                raise DelegationError(f"service role {role!r} is not a ServiceRole {_FILE}")
        _refuse_alike("service role", [role.name for role in self.service_roles])
        _refuse_alike("runbook", self.runbooks)
        ids = {names.construct_id(name): name for name in self.runbooks}
        for id_, name in ids.items():
            if f"Run{id_}" in ids:
                raise DelegationError(
                    f"runbook {ids[f'Run{id_}']!r} is called as the output that says how to run "
                    f"{name!r}; rename its file {_FILE}"
                )
        existing = {_alike(name) for name in existing_roles(self.operators + self.approvers)}
        for role in self.service_roles:
            for key in role.volume_keys:
                if self.regions and key_region(key) not in self.regions:
                    raise DelegationError(
                        f"volume key {key!r} of service role {role.name!r} is in none of the "
                        f"deployment's regions {', '.join(self.regions)} {_FILE}"
                    )
            if _alike(role.name) in existing:
                raise DelegationError(
                    f"role {role.name!r} is a service role and an operator or approver {_FILE}"
                )

    def _check_guide(self) -> None:
        if (
            len(self.operators) != 1
            or not isinstance(self.operators[0], IamUser)
            or self.approvers
            or len(self.runbooks) != 1
            or self.account
            or self.regions
            or self.service_roles[0].volume_keys
        ):
            raise DelegationError(
                "the guide profile is the guide's alone: one IamUser as operator, no approver, one "
                "service role with one runbook and no volume keys, no account and no regions "
                f"{_FILE}"
            )


def check_deployments(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """These deployments, if there is at most one for each account; else DelegationError."""
    checked = tuple(deployments)
    if not checked:
        raise DelegationError(f"DEPLOYMENTS is empty; name at least one Deployment {_FILE}")
    for deployment in checked:
        if not isinstance(deployment, Deployment):
            raise DelegationError(f"{deployment!r} in DEPLOYMENTS is not a Deployment {_FILE}")
    _refuse_duplicates("deployment for account", [d.label for d in checked])
    if len(checked) > 1 and any(d.account is None for d in checked):
        raise DelegationError(
            f"with more than one deployment, each names its account and regions {_FILE}"
        )
    return checked


def parse_profile(text: object) -> Profile:
    """The profile of that name; raises DelegationError for any other."""
    try:
        return Profile(str(text))
    except ValueError:
        known = ", ".join(Profile)
        raise DelegationError(
            f"profile {text!r} is not one of {known} (deployments.py or -c profile=…)"
        ) from None


def iam_users(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those people for whom the deployment creates an IAM user."""
    return tuple(person.name for person in people if isinstance(person, IamUser))


def existing_roles(people: Iterable[Person]) -> tuple[str, ...]:
    """The names of those people's existing roles."""
    return tuple(person.name for person in people if isinstance(person, ExistingRole))


def key_region(key_arn: str) -> str:
    """The Region of a KMS key ARN."""
    return key_arn.split(":")[3]


def _require_iam_name(kind: str, name: str) -> None:
    if not isinstance(name, str) or not _IAM_NAME.fullmatch(name):
        raise DelegationError(
            f"{kind} {name!r} is not an IAM name of 1 to 64 letters, digits or +=,.@_- {_FILE}"
        )


def _require_tuple(field: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise DelegationError(
            f"{field} is {value!r}, not a tuple; a tuple of one is written ('…',) {_FILE}"
        )


def _require_texts(field: str, value: object) -> None:
    _require_tuple(field, value)
    assert isinstance(value, tuple)
    for element in value:
        if not isinstance(element, str) or not element:
            raise DelegationError(f"{field} holds {element!r}, which is no name {_FILE}")


def _alike(name: str) -> str:
    """What IAM (letter case) and construct ids (punctuation) leave of a name."""
    return names.construct_id(name).lower()


def _refuse_duplicates(kind: str, values: Iterable[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise DelegationError(f"{kind} {value!r} is named {count} times; name it once {_FILE}")


def _refuse_alike(kind: str, values: Iterable[str]) -> None:
    """Refuses duplicates, and names that differ in letter case or punctuation alone."""
    seen: dict[str, str] = {}
    _refuse_duplicates(kind, values := tuple(values))
    for value in values:
        first = seen.setdefault(_alike(value), value)
        if first != value:
            raise DelegationError(
                f"{kind}s {first!r} and {value!r} differ in letter case or punctuation only, "
                f"which IAM or CloudFormation takes for one {_FILE}"
            )
