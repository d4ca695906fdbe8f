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
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.people import (
    KINDS,
    ExistingRole,
    IamUser,
    PermissionSet,
    Person,
    existing_roles,
    require_iam_name,
)
from delegation.regions import partition_of

__all__ = [
    "Approval",
    "Deployment",
    "ExistingRole",
    "IamUser",
    "PermissionSet",
    "Profile",
    "ServiceRole",
]
"""What deployments.py is written with."""

_KEY_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/([0-9a-zA-Z-]+)")


class Profile(StrEnum):
    """How a deployment grants: to the letter of the AWS guide, or as narrow as IAM allows."""

    GUIDE = "guide"
    LEAST_PRIVILEGE = "least-privilege"


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Four eyes: who has to approve a run before its first step."""

    by: tuple[IamUser | ExistingRole, ...]
    """1 to 10 people. Source: Systems Manager User Guide, aws:approve, Approvers; a group cannot
    approve, and the roles of an Identity Center permission set have names of their own."""
    at_least: int = 1
    """How many of them have to approve; one rejection ends the run."""

    def __post_init__(self) -> None:
        _require_tuple("by of an approval", self.by)
        for person in self.by:
            if not isinstance(person, IamUser | ExistingRole):
                raise DelegationError(
                    f"approver {person!r} is not an IamUser or an ExistingRole {IN_DEPLOYMENTS}"
                )
        if not 1 <= len(self.by) <= _APPROVERS:
            raise DelegationError(
                f"an approval by {len(self.by)} approvers; 1 to {_APPROVERS} {IN_DEPLOYMENTS}"
            )
        is_number = type(self.at_least) is int
        if not is_number or not 1 <= self.at_least <= len(self.by):
            raise DelegationError(
                f"at_least is {self.at_least!r}, not 1 to {len(self.by)}, the number of approvers "
                f"{IN_DEPLOYMENTS}"
            )


_APPROVERS = 10


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
    only_instances_tagged: tuple[str, str] | None = None
    """Key and value of the tag that instances must have; None for any instance. The role can
    neither set nor remove that tag."""
    at_most_instances: int | None = None
    """How many instances one run may name, 1 to 50; None for any number."""
    approval: Approval | None = None
    """Who has to approve each run; None for nobody."""
    calendar: str | None = None
    """Name or ARN of the Change Calendar that must be open when a run begins; None for any time."""

    def __post_init__(self) -> None:
        require_iam_name("service role", self.name)
        if "," in self.name:
            raise DelegationError(
                f"service role {self.name!r} holds a comma, which the tags of its documents "
                f"cannot {IN_DEPLOYMENTS}"
            )
        _require_texts(f"runbooks of service role {self.name!r}", self.runbooks)
        _require_texts(f"volume_keys of service role {self.name!r}", self.volume_keys)
        if not self.runbooks:
            raise DelegationError(
                f"service role {self.name!r} has no runbook; name one {IN_DEPLOYMENTS}"
            )
        self._check_limits()
        for key in self.volume_keys:
            match = _KEY_ARN.fullmatch(key)
            if not match or partition_of(match[2]) != match[1]:
                raise DelegationError(
                    f"volume key {key!r} of service role {self.name!r} is not a KMS key ARN "
                    f"(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) "
                    f"{IN_DEPLOYMENTS}"
                )

    @property
    def is_limited(self) -> bool:
        """Whether the role's runbooks run under any limit."""
        return any(
            limit is not None
            for limit in (
                self.only_instances_tagged,
                self.at_most_instances,
                self.approval,
                self.calendar,
            )
        )

    def _check_limits(self) -> None:
        role, tag = f"of service role {self.name!r}", self.only_instances_tagged
        if tag is not None and not (
            isinstance(tag, tuple)
            and len(tag) == 2
            and all(isinstance(text, str) for text in tag)
            and _TAG_KEY.fullmatch(tag[0])
            and _TAG_VALUE.fullmatch(tag[1])
        ):
            raise DelegationError(
                f"only_instances_tagged {role} is {tag!r}, not (key, value): a key of 1 to 128 and "
                f"a value of at most 256 letters, digits, spaces or _.:/=+-@, no aws: before the "
                f"key {IN_DEPLOYMENTS}"
            )
        most = self.at_most_instances
        if most is not None and (type(most) is not int or not 1 <= most <= _LIST_ITEMS):
            raise DelegationError(
                f"at_most_instances {role} is {most!r}, not 1 to {_LIST_ITEMS} {IN_DEPLOYMENTS}"
            )
        if self.approval is not None and not isinstance(self.approval, Approval):
            raise DelegationError(
                f"approval {role} is {self.approval!r}, not an Approval {IN_DEPLOYMENTS}"
            )
        calendar = self.calendar
        if calendar is not None and not (
            isinstance(calendar, str)
            and (_DOCUMENT_NAME.fullmatch(calendar) or _CALENDAR_ARN.fullmatch(calendar))
        ):
            raise DelegationError(
                f"calendar {role} is {calendar!r}, not the name of a Change Calendar or its ARN "
                f"(arn:PARTITION:ssm:REGION:ACCOUNT:document/NAME) {IN_DEPLOYMENTS}"
            )


_LIST_ITEMS = 50
"""Values of one parameter. Source: SSM API Reference, StartAutomationExecution, Parameters."""
_TAG_KEY = re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")
_DOCUMENT_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_CALENDAR_ARN = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:document/[A-Za-z0-9_.-]{3,128}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What is delegated in one AWS account."""

    operators: tuple[Person, ...]
    """Who may run every runbook of this deployment and watch it; at least one."""
    service_roles: tuple[ServiceRole, ...]
    """The roles that hold the power, each with its runbooks; at least one."""
    account: str | None = None
    """12 digits, or None for whichever account the credentials of ``cdk deploy`` belong to."""
    regions: tuple[str, ...] = ()
    """Where the runbooks go; the first also holds AdministrationStack. Empty: the Region in use."""
    profile: Profile = Profile.LEAST_PRIVILEGE
    """``guide`` to the letter of the AWS guide, or ``least-privilege``."""
    termination_protection: bool = False
    """Whether CloudFormation refuses to delete the stacks until this is turned off."""

    def __post_init__(self) -> None:
        for field in ("operators", "service_roles"):
            _require_tuple(field, getattr(self, field))
        _require_texts("regions", self.regions)
        if not isinstance(self.termination_protection, bool):
            raise DelegationError(
                f"termination_protection is {self.termination_protection!r}, not True or False "
                f"{IN_DEPLOYMENTS}"
            )
        self._check_place()
        self._check_roles()
        self._check_people()
        if not isinstance(self.profile, Profile):
            object.__setattr__(self, "profile", parse_profile(self.profile))
        if self.profile is Profile.GUIDE:
            self._check_guide()

    @property
    def runbooks(self) -> tuple[str, ...]:
        """The names of all runbooks, in the order of ``deployments.py``."""
        return tuple(name for role in self.service_roles for name in role.runbooks)

    @property
    def approvers(self) -> tuple[IamUser | ExistingRole, ...]:
        """Whoever approves runs of any service role; never one of the operators."""
        approvals = [role.approval for role in self.service_roles if role.approval is not None]
        return tuple(dict.fromkeys(person for approval in approvals for person in approval.by))

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
            raise DelegationError(
                f"account {self.account!r} is not a string of 12 digits {IN_DEPLOYMENTS}"
            )
        partitions = {partition_of(region) for region in self.regions}
        if len(partitions) > 1:
            raise DelegationError(
                f"regions {', '.join(self.regions)} are in different partitions "
                f"({', '.join(sorted(partitions))}); an account is in one {IN_DEPLOYMENTS}"
            )
        _refuse_duplicates("region", self.regions)
        if self.account and not self.regions:
            raise DelegationError(
                f"account {self.account} is given without regions {IN_DEPLOYMENTS}"
            )

    def _check_people(self) -> None:
        if not self.operators:
            raise DelegationError(f"a deployment needs at least one operator {IN_DEPLOYMENTS}")
        for kind, people in (("operator", self.operators), ("approver", self.approvers)):
            for person in people:
                if not isinstance(person, Person):
                    raise DelegationError(
                        f"{kind} {person!r} is not an IamUser, an ExistingRole or a "
                        f"PermissionSet {IN_DEPLOYMENTS}"
                    )
            for of_kind in KINDS:
                _refuse_alike(kind, [p.name for p in people if isinstance(p, of_kind)])
        operators = {(type(person), _alike(person.name)) for person in self.operators}
        for person in self.approvers:
            if (type(person), _alike(person.name)) in operators:
                raise DelegationError(
                    f"{person.name!r} is an operator and an approver; "
                    f"nobody may approve what he starts {IN_DEPLOYMENTS}"
                )

    def _check_roles(self) -> None:
        if not self.service_roles:
            raise DelegationError(f"a deployment needs at least one service role {IN_DEPLOYMENTS}")
        for role in self.service_roles:
            if not isinstance(role, ServiceRole):
                raise DelegationError(
                    f"service role {role!r} is not a ServiceRole {IN_DEPLOYMENTS}"
                )
        _refuse_alike("service role", [role.name for role in self.service_roles])
        _refuse_alike("runbook", self.runbooks)
        ids = {names.construct_id(name): name for name in self.runbooks}
        for id_, name in ids.items():
            if f"Run{id_}" in ids:
                raise DelegationError(
                    f"runbook {ids[f'Run{id_}']!r} is called as the output that says how to run "
                    f"{name!r}; rename its file {IN_DEPLOYMENTS}"
                )
        people = (*self.operators, *self.approvers)
        existing = {_alike(name) for name in existing_roles(people)}
        for role in self.service_roles:
            for key in role.volume_keys:
                if self.regions and key_region(key) not in self.regions:
                    raise DelegationError(
                        f"volume key {key!r} of service role {role.name!r} is in none of the "
                        f"deployment's regions {', '.join(self.regions)} {IN_DEPLOYMENTS}"
                    )
            if _alike(role.name) in existing:
                raise DelegationError(
                    f"role {role.name!r} is a service role and an operator or approver "
                    f"{IN_DEPLOYMENTS}"
                )

    def _check_guide(self) -> None:
        if (
            len(self.operators) != 1
            or not isinstance(self.operators[0], IamUser)
            or any(role.is_limited for role in self.service_roles)
            or len(self.runbooks) != 1
            or self.account
            or self.regions
            or self.service_roles[0].volume_keys
        ):
            raise DelegationError(
                "the guide profile is the guide's alone: one IamUser as operator, one service "
                "role with one runbook, no limits and no volume keys, no account and no regions "
                f"{IN_DEPLOYMENTS}"
            )


def check_deployments(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """These deployments, if there is at most one for each account; else DelegationError."""
    checked = tuple(deployments)
    if not checked:
        raise DelegationError(
            f"DEPLOYMENTS is empty; name at least one Deployment {IN_DEPLOYMENTS}"
        )
    for deployment in checked:
        if not isinstance(deployment, Deployment):
            raise DelegationError(
                f"{deployment!r} in DEPLOYMENTS is not a Deployment {IN_DEPLOYMENTS}"
            )
    _refuse_duplicates("deployment for account", [d.label for d in checked])
    if len(checked) > 1 and any(d.account is None for d in checked):
        raise DelegationError(
            f"with more than one deployment, each names its account and regions {IN_DEPLOYMENTS}"
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


def key_region(key_arn: str) -> str:
    """The Region of a KMS key ARN."""
    return key_arn.split(":")[3]


def _require_tuple(field: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise DelegationError(
            f"{field} is {value!r}, not a tuple; a tuple of one is written ('…',) {IN_DEPLOYMENTS}"
        )


def _require_texts(field: str, value: object) -> None:
    _require_tuple(field, value)
    assert isinstance(value, tuple)
    for element in value:
        if not isinstance(element, str) or not element:
            raise DelegationError(f"{field} holds {element!r}, which is no name {IN_DEPLOYMENTS}")


def _alike(name: str) -> str:
    """What IAM (letter case) and construct ids (punctuation) leave of a name."""
    return names.construct_id(name).lower()


def _refuse_duplicates(kind: str, values: Iterable[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise DelegationError(
                f"{kind} {value!r} is named {count} times; name it once {IN_DEPLOYMENTS}"
            )


def _refuse_alike(kind: str, values: Iterable[str]) -> None:
    """Refuses duplicates, and names that differ in letter case or punctuation alone."""
    seen: dict[str, str] = {}
    _refuse_duplicates(kind, values := tuple(values))
    for value in values:
        first = seen.setdefault(_alike(value), value)
        if first != value:
            raise DelegationError(
                f"{kind}s {first!r} and {value!r} differ in letter case or punctuation only, "
                f"which IAM or CloudFormation takes for one {IN_DEPLOYMENTS}"
            )
