"""What an administrator decides in ``deployments.py``: who may run which runbooks, where.

Every class refuses bad values when it is made, with an error that names the value, what is
allowed and the file to change.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from delegation import names
from delegation.deployment.audit import Audit
from delegation.deployment.authors import check_authors
from delegation.deployment.bootstrap import Bootstrap
from delegation.deployment.company import CompanyBoundary, check_naming, check_tags
from delegation.deployment.keys import key_region
from delegation.deployment.people import (
    KINDS,
    IamUser,
    Person,
    check_approver_account,
    existing,
    never_lending,
    require_iam_name,
)
from delegation.deployment.pipelines import GitHubPipeline
from delegation.deployment.regions import iam_home, partition_of
from delegation.deployment.schedules import Schedule
from delegation.deployment.service_roles import ServiceRole
from delegation.deployment.teams import Team, joined_teams, operators_of, service_roles_of
from delegation.deployment.validation import (
    Tag,
    alike,
    refuse_alike,
    refuse_duplicates,
    require_bool,
    require_texts,
    require_tuple,
)
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_CHOICES = ("termination_protection", "own_executions", "own_mfa", "require_mfa")
_WAVES = 99
_MAPPING = "Console"
"""The mapping of RunbooksStack."""
RESERVED_ROLES = (*names.AUTHOR_ROLES, *names.PIPELINE_ROLES, names.SCHEDULE_ROLE)
"""The roles that a deployment makes for those who deploy, and for schedules."""


class Profile(StrEnum):
    """How a deployment grants: to the letter of the AWS guide, or as narrow as IAM allows."""

    GUIDE = "guide"
    LEAST_PRIVILEGE = "least-privilege"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What is delegated in one AWS account."""

    operators: tuple[Person, ...] = ()
    """Who may run every runbook of ``service_roles`` and watch it; at least one. Once the
    deployment is made, the operators of every team."""
    service_roles: tuple[ServiceRole, ...] = ()
    """The roles that hold the power, each with its runbooks; at least one. Once the deployment is
    made, those of every team."""
    teams: tuple[Team, ...] = ()
    """Teams that share the account, beside ``operators`` and ``service_roles`` or in their place.
    Once the deployment is made, all of them: ``operators`` and ``service_roles`` are a team without
    a name."""
    schedules: tuple[Schedule, ...] = ()
    """When fleets, and runbooks without parameters, are started by nobody, in each Region."""
    authors: tuple[str, ...] = ()
    """ARNs of the users and roles who may deploy RunbooksStack, and nothing else, by roles of
    their own. Empty: anyone who can use the roles of ``cdk bootstrap``."""
    pipeline: GitHubPipeline | None = None
    """Whose jobs review and deploy, by roles that PipelineStack makes; None for nobody's."""
    audit: Audit | None = None
    """What is recorded of runs and who may read it, by AuditStack; None for no trail."""
    account: str | None = None
    """12 digits, or None for whichever account the credentials of ``cdk deploy`` belong to."""
    regions: tuple[str, ...] = ()
    """Where the runbooks go; the first also holds AdministrationStack. Empty: the Region in use."""
    wave: int = 1
    """In which of the groups it is deployed, 1 to 99: a group only after all of the one before."""
    profile: Profile = Profile.LEAST_PRIVILEGE
    """``guide`` to the letter of the AWS guide, or ``least-privilege``."""
    termination_protection: bool = False
    """Whether CloudFormation refuses to delete the stacks until this is turned off."""
    name_prefix: str = ""
    """Before the names of all stacks, roles, policies, groups and log groups: a letter, then
    letters, digits or hyphens, at most 32. Stays as it is from the first deployment on."""
    iam_path: str = "/"
    """The path of all roles, policies, groups and users, such as ``/automation/``. Stays as it is
    from the first deployment on."""
    own_executions: bool = False
    """Whether operators follow and stop the executions alone that they have started, and approvers
    answer those of their team: a start carries tags. Untried on AWS."""
    tags: tuple[Tag, ...] = ()
    """Keys and values of the tags of every stack, and of every resource that can have any."""
    own_mfa: bool = False
    """Whether people with an IAM user may enrol an MFA device of their own."""
    require_mfa: bool = False
    """Whether people with an IAM user can do nothing without an MFA device but enrol one and change
    their password. It is of users alone: a role's sessions, and Identity Center, have rules of
    their own."""
    permissions_boundary: CompanyBoundary | None = None
    """The boundary that a company asks for, on users and on the roles of authors and pipelines;
    None for a company that asks for none."""
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    """Roles and keys of ``cdk bootstrap`` that a company's own template makes; by default those of
    CDK's."""

    def __post_init__(self) -> None:
        for name in ("operators", "service_roles"):
            require_tuple(name, getattr(self, name))
        teams = joined_teams(self.operators, self.service_roles, self.teams)
        for name, value in (
            ("teams", teams),
            ("operators", operators_of(teams)),
            ("service_roles", service_roles_of(teams)),
        ):
            object.__setattr__(self, name, value)
        require_texts("regions", self.regions)
        for name in _CHOICES:
            require_bool(name, getattr(self, name))
        if self.audit is not None and not isinstance(self.audit, Audit):
            raise DelegationError(f"audit {self.audit!r} is not an Audit {IN_DEPLOYMENTS}")
        check_naming(self.name_prefix, self.iam_path)
        check_tags(self.tags)
        if not isinstance(self.permissions_boundary, CompanyBoundary | None):
            raise DelegationError(
                f"permissions_boundary {self.permissions_boundary!r} is not a CompanyBoundary "
                f"{IN_DEPLOYMENTS}"
            )
        self._check_account_and_regions()
        if type(self.wave) is not int or not 1 <= self.wave <= _WAVES:
            raise DelegationError(
                f"wave of the deployment for {self.label} is {self.wave!r}, not 1 to {_WAVES} "
                f"{IN_DEPLOYMENTS}"
            )
        self._check_roles()
        self._check_schedules()
        self._check_people()
        self._check_deployers()
        if not isinstance(self.profile, Profile):
            object.__setattr__(self, "profile", parse_profile(self.profile))
        if self.profile is Profile.GUIDE:
            self._check_guide()

    @property
    def runbooks(self) -> tuple[str, ...]:
        """The names of all runbooks that operators start, in the order of ``deployments.py``."""
        return tuple(name for role in self.service_roles for name in role.runbooks)

    @property
    def documents(self) -> tuple[str, ...]:
        """The names of all documents, those that fleets start for a target as well."""
        return tuple(name for role in self.service_roles for name in role.documents)

    @property
    def partition(self) -> str:
        """That of its Regions; empty where it names none."""
        return partition_of(self.regions[0]) if self.regions else ""

    @property
    def approvers(self) -> tuple[Person, ...]:
        """Who approves executions of any service role; never one of the operators."""
        return tuple(dict.fromkeys(person for team in self.teams for person in team.approvers))

    @property
    def cli_users(self) -> tuple[str, ...]:
        """The names of those IAM users who may sign in to the AWS CLI."""
        people = dict.fromkeys((*self.operators, *self.approvers, *self.auditors))
        return tuple(p.name for p in people if isinstance(p, IamUser) and p.cli_sign_in)

    @property
    def approval_topics(self) -> dict[str, tuple[str, ...]]:
        """The topics that the deployment makes, each with those whom it notifies."""
        return {
            str(role.approval_topic): role.approval.notify
            for role in self.service_roles
            if role.approval and isinstance(role.approval.notify, tuple)
        }

    @property
    def auditors(self) -> tuple[Person, ...]:
        """Who reads the audit; neither an operator nor an approver."""
        return self.audit.auditors if self.audit else ()

    @property
    def has_author_roles(self) -> bool:
        """Whether RunbooksStack is deployed by roles of its own, not by those of CDK."""
        return bool(self.authors or self.pipeline)

    @property
    def naming(self) -> names.Naming:
        """How the names in ``deployments.py`` become those in the account."""
        return names.Naming(self.name_prefix, self.iam_path)

    @property
    def company_boundary(self) -> str | None:
        """The ARN of the boundary of users and of those who deploy; None without one."""
        boundary = self.permissions_boundary
        return names.policy_arn(boundary.policy) if boundary else None

    @property
    def has_own_mfa(self) -> bool:
        """Whether people with an IAM user may enrol an MFA device of their own."""
        return self.own_mfa or self.require_mfa

    @property
    def has_own_boundaries(self) -> bool:
        """Whether each service role has a boundary of its own, which cuts
        ``AmazonSSMAutomationRole`` to what its runbooks need."""
        company = self.permissions_boundary
        return self.profile is Profile.LEAST_PRIVILEGE and not (
            company and company.on_service_roles
        )

    @property
    def label(self) -> str:
        """How messages and the lock file call this deployment: its account, or ``any-account``."""
        return self.account or "any-account"

    @property
    def arn_regions(self) -> tuple[str, ...]:
        """The Regions that ARNs name: the deployment's, else the Region of the stack."""
        return self.regions or (names.ANY_REGION,)

    @property
    def audit_regions(self) -> tuple[str, ...]:
        """Where AuditStack goes: to each Region, and to the one that receives events of IAM; else
        nowhere."""
        if self.audit is None:
            return ()
        homes = (iam_home(self.regions[0]),) if self.regions else ()
        return tuple(dict.fromkeys((*self.arn_regions, *homes)))

    @property
    def stack_regions(self) -> tuple[str, ...]:
        """Where any stack of the deployment goes, the first as in ``arn_regions``."""
        return tuple(dict.fromkeys((*self.arn_regions, *self.audit_regions)))

    def _check_account_and_regions(self) -> None:
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
        refuse_duplicates("region", self.regions)
        if self.account and not self.regions:
            raise DelegationError(
                f"account {self.account} is given without regions {IN_DEPLOYMENTS}"
            )

    def _check_deployers(self) -> None:
        check_authors(
            self.authors,
            people=(*self.operators, *self.approvers, *self.auditors),
            roles=map(self.naming.named, (*RESERVED_ROLES, *self._service_role_names())),
            account=self.account,
            partition=self.partition,
        )
        if not isinstance(self.bootstrap, Bootstrap):
            raise DelegationError(
                f"bootstrap {self.bootstrap!r} is not a Bootstrap {IN_DEPLOYMENTS}"
            )
        self.bootstrap.check_account(self.account, self.partition)
        if self.pipeline is None:
            return
        if not isinstance(self.pipeline, GitHubPipeline):
            raise DelegationError(
                f"pipeline {self.pipeline!r} is not a GitHubPipeline {IN_DEPLOYMENTS}"
            )
        self.pipeline.check_account(self.account, self.partition)

    def _check_schedules(self) -> None:
        require_tuple("schedules", self.schedules)
        for schedule in self.schedules:
            if not isinstance(schedule, Schedule):
                raise DelegationError(f"schedule {schedule!r} is not a Schedule {IN_DEPLOYMENTS}")
        refuse_alike("schedule", [schedule.name for schedule in self.schedules])

    def _check_people(self) -> None:
        for kind, people in (
            ("operator", self.operators),
            ("approver", self.approvers),
            ("auditor", self.auditors),
        ):
            for person in people:
                if not isinstance(person, Person):
                    raise DelegationError(
                        f"{kind} {person!r} is not an IamUser, ExistingUser, ExistingGroup, "
                        f"ExistingRole or PermissionSet {IN_DEPLOYMENTS}"
                    )
            for of_kind in KINDS:
                refuse_alike(kind, [p.name for p in people if p.kind == of_kind])
        for approver in self.approvers:
            check_approver_account(approver, self.account, self.partition)
        for person in never_lending((*self.approvers, *self.auditors)):
            raise DelegationError(
                f"{person.kind} {person.name!r} has deny_own_permissions and is not an operator: "
                f"nobody else starts runbooks {IN_DEPLOYMENTS}"
            )
        _refuse_both(
            "an operator and an approver", self.operators, self.approvers, "approve what they start"
        )
        _refuse_both(
            "an operator and an auditor", self.operators, self.auditors, "audit what they start"
        )
        _refuse_both(
            "an approver and an auditor", self.approvers, self.auditors, "audit what they approve"
        )

    def _check_roles(self) -> None:
        refuse_alike("service role", [role.name for role in self.service_roles])
        refuse_alike("runbook", self.documents)
        ids = {names.construct_id(name): name for name in self.documents}
        if _MAPPING in ids:
            raise DelegationError(
                f"runbook {ids[_MAPPING]!r} is called as a part of the template; rename it "
                f"{IN_DEPLOYMENTS}"
            )
        for id_, name in ids.items():
            for output in (f"Run{id_}", f"Open{id_}"):
                if output in ids:
                    raise DelegationError(
                        f"runbook {ids[output]!r} is called as the output that says how to run "
                        f"{name!r}; rename its file {IN_DEPLOYMENTS}"
                    )
        self._check_role_names()

    def _check_role_names(self) -> None:
        people = (*self.operators, *self.approvers, *self.auditors)
        existing_roles = {alike(name) for name in existing(people, "role")}
        self._check_existing_roles(existing_roles)
        for role in self.service_roles:
            for key in role.volume_keys:
                if self.regions and key_region(key) not in self.regions:
                    raise DelegationError(
                        f"volume key {key!r} of service role {role.name!r} is in none of the "
                        f"deployment's regions {', '.join(self.regions)} {IN_DEPLOYMENTS}"
                    )
            name = self.naming.named(role.name)
            require_iam_name("service role", name)
            if alike(name) in existing_roles:
                raise DelegationError(
                    f"role {role.name!r} is a service role and an operator or approver "
                    f"{IN_DEPLOYMENTS}"
                )
            if alike(role.name) in map(alike, RESERVED_ROLES):
                raise DelegationError(
                    f"service role {role.name!r} is called as a role of the deployment's own: "
                    f"{', '.join(RESERVED_ROLES)} {IN_DEPLOYMENTS}"
                )

    def _service_role_names(self) -> tuple[str, ...]:
        return tuple(role.name for role in self.service_roles)

    def _check_existing_roles(self, existing_roles: set[str]) -> None:
        for name in map(self.naming.named, RESERVED_ROLES):
            if alike(name) in existing_roles:
                raise DelegationError(
                    f"role {name!r} is one that the deployment makes; nobody else holds it "
                    f"{IN_DEPLOYMENTS}"
                )

    def _check_guide(self) -> None:
        if (
            [team.name for team in self.teams] != [""]
            or len(self.operators) != 1
            or not isinstance(self.operators[0], IamUser)
            or any(role.is_limited for role in self.service_roles)
            or self.has_author_roles
            or self.audit
            or len(self.documents) != 1
            or self.account
            or self.regions
            or self.service_roles[0].volume_keys
            or self.permissions_boundary
            or self.has_own_mfa
            or self.cli_users
            or self.naming != names.Naming()
            or self.own_executions
            or self.schedules
        ):
            raise DelegationError(
                "the guide profile is the guide's alone: one IamUser as operator, one service "
                "role with one runbook, no teams, no authors, no pipeline, no audit, no limits, no "
                "volume keys, no account, no regions, no permissions boundary, no MFA, no "
                f"CLI sign-in, no name prefix, no path, no own executions and no schedules "
                f"{IN_DEPLOYMENTS}"
            )


def _refuse_both(kinds: str, some: Iterable[Person], others: Iterable[Person], rule: str) -> None:
    """Raises DelegationError for a principal of two kinds, with the rule that it would break."""
    known = {(person.kind, alike(person.name)) for person in some}
    for person in others:
        if (person.kind, alike(person.name)) in known:
            raise DelegationError(f"{person.name!r} is {kinds}; nobody may {rule} {IN_DEPLOYMENTS}")


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
    for label, count in Counter(deployment.label for deployment in checked).items():
        if count > 1:
            raise DelegationError(
                f"{count} deployments are for account {label}, and an account has one; write each "
                f"as a team of it: Deployment(teams=(Team(name=…, operators=…, service_roles=…), "
                f"…), …) {IN_DEPLOYMENTS}"
            )
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
