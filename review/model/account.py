"""What templates make of an account: principals with what they hold, and runbooks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from review.audit.recording import Recording
from review.iam.names import MFA
from review.iam.policy_variables import Values, filled
from review.iam.statements import Policy, Statement
from review.model.schedules import Schedule
from review.templates.intrinsics import Environment


class Kind(StrEnum):
    """What a principal is to IAM."""

    USER = "user"
    ROLE = "role"
    GROUP_MEMBERS = "members of group"
    POLICY_HOLDERS = "holders of policy"


class Persona(StrEnum):
    """The part that a principal takes in the story of delegated administration."""

    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    AUTHOR = "author"
    AUTHOR_ROLE = "author role"
    PIPELINE = "pipeline"
    SERVICE_ROLE = "service role"
    SCHEDULE_ROLE = "schedule role"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Somebody who can call AWS."""

    name: str
    arn: str
    kind: Kind
    persona: Persona = Persona.OTHER
    policies: tuple[Policy, ...] = ()
    """Identity policies, inline and managed, its own and its groups'."""
    boundary: Policy | None = None
    trust: Policy | None = None
    """Who may assume it, for a role of these templates."""
    teams: tuple[str, ...] = ()
    """Of an operator or approver, the teams whose runbooks they run or approve, by the names of
    their policies; the empty name is that of the team without one."""
    is_whole: bool = True
    """Whether the templates show everything that it holds; not for one that exists already."""

    @property
    def title(self) -> str:
        """How the review calls it: ``operator AutomationRestrictedOperator``."""
        persona = self.persona.value if self.persona is not Persona.OTHER else self.kind.value
        return f"{persona} {self.name}"

    @property
    def account(self) -> str:
        """The account that it is of, 12 digits."""
        return self.arn.split(":")[4]

    @property
    def context(self) -> dict[str, str]:
        """The keys that IAM fills in for every request of this principal, as far as it is known who
        that is: anybody may be in a group, or hold a policy.

        Source: IAM User Guide, AWS global condition context keys.
        """
        filled = {"aws:PrincipalAccount": self.account}
        if self.kind in (Kind.USER, Kind.GROUP_MEMBERS):
            filled["aws:PrincipalType"] = "User"
        if self.kind is Kind.ROLE:
            filled["aws:PrincipalType"] = "AssumedRole"
        if self.kind in (Kind.USER, Kind.ROLE):
            filled["aws:PrincipalArn"] = self.arn
        if self.kind is Kind.USER:
            filled["aws:username"] = self.arn.rsplit("/", 1)[-1]
        if self.is_asked_for_mfa:
            filled[MFA] = "true"  # the most that they can do: what they can without is less
        return filled

    @property
    def is_asked_for_mfa(self) -> bool:
        """Whether any of their policies tells requests with an MFA device from those without."""
        return any(
            key.lower() == MFA.lower()
            for policy in self.held
            for statement in policy.statements
            for _, key, _ in statement.conditions
        )

    @property
    def values(self) -> Values:
        """What policy variables come to for this principal.

        A member of a group is named for all of them: each of them has a name of its own.
        """
        known = {key.lower(): value for key, value in self.context.items()}
        if self.kind is Kind.GROUP_MEMBERS:
            known["aws:username"] = self.arn.rsplit("/", 1)[-1]
        is_role = self.kind is Kind.ROLE
        return Values(known=known, absent=frozenset({"aws:username"} if is_role else ()))

    def filled(self, statements: Iterable[Statement]) -> tuple[Statement, ...]:
        """The statements that apply to this principal, without policy variables."""
        found = (filled(statement, self.values) for statement in statements)
        return tuple(statement for statement in found if statement is not None)

    @property
    def held(self) -> tuple[Policy, ...]:
        """Every policy that decides about its requests: its own, its groups', its boundary."""
        return (*self.policies, *((self.boundary,) if self.boundary else ()))

    @property
    def trusted(self) -> tuple[tuple[str, str], ...]:
        """Kind and value of those whom the role's trust allows."""
        statements = self.trust.statements if self.trust else ()
        return tuple(p for s in statements if s.allows for p in s.principals)

    def is_named_as(self, arn: str) -> bool:
        """Whether an ARN can only be its own: IAM has a name once, whatever path and case."""
        mine, other = self.arn.split(":", 5), arn.split(":", 5)
        if len(other) != len(mine) or mine[4] != other[4]:
            return False
        kinds, names = (
            [text[5].split("/")[0] for text in (mine, other)],
            [text[5].rsplit("/", 1)[-1].lower() for text in (mine, other)],
        )
        return kinds[0] == kinds[1] and names[0] == names[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Runbook:
    """An Automation document of the templates."""

    name: str
    arns: tuple[str, ...]
    """Its document in each Region that it is deployed to."""
    role: str | None
    """The ARN of the role that it embeds; None where it runs as its starter or takes a role."""
    limits: tuple["Limit", ...]
    """What it holds its starter to."""
    calls: tuple["Call", ...]
    """What its steps do to AWS."""
    execution_tag: str = ""
    """Where operators follow their own executions alone: the value of the tag ``OperatorTeam`` with
    which they start it; empty where they follow every execution."""
    team: str = ""
    """The team whose operators run it, by the document's tag; empty without one."""
    fleet: str = ""
    """The fleet whose role alone starts it, for a target, by the document's tag; empty for one that
    people start."""
    parameters: tuple[str, ...] = ()
    """The names of its parameters."""
    starts: tuple[str, ...] = ()
    """The names of the documents that its steps start for targets."""
    deviations: tuple[str, ...] = ()
    """Where it starts others for targets: how it differs from the one form of a fleet."""
    control_flow_digest: str = ""
    """SHA-256 of what decides which steps run, and with what: their order, guards, ways on failure,
    inputs and outputs, and the defaults of parameters."""

    @property
    def runs_as(self) -> str:
        """Whose rights a run has, for a sentence."""
        return self.role or "its starter, or a role that they pass"


class LimitKind(StrEnum):
    """What a limit holds its starter to: by a parameter's constraints, or by a step."""

    TYPE = "type"
    ALLOWED_VALUES = "allowedValues"
    ALLOWED_PATTERN = "allowedPattern"
    MIN_ITEMS = "minItems"
    MAX_ITEMS = "maxItems"
    MIN_CHARS = "minChars"
    MAX_CHARS = "maxChars"
    APPROVAL = "approval"
    CALENDAR = "calendar"
    ALARM = "alarm"
    TARGETS = "targets"
    AT_ONCE = "targets at once"
    ERRORS = "errors allowed"
    ONE_AT_A_TIME = "one at a time"

    @property
    def is_step(self) -> bool:
        """Whether a step of the runbook keeps it."""
        return self not in _OF_PARAMETERS

    @property
    def stands_first(self) -> bool:
        """Whether that step stands before all that it limits."""
        return self in (LimitKind.APPROVAL, LimitKind.CALENDAR, LimitKind.ALARM)


_OF_PARAMETERS = (
    *(LimitKind.TYPE, LimitKind.ALLOWED_VALUES, LimitKind.ALLOWED_PATTERN),
    *(LimitKind.MIN_ITEMS, LimitKind.MAX_ITEMS, LimitKind.MIN_CHARS, LimitKind.MAX_CHARS),
)


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Limit:
    """Something that a runbook holds its starter to."""

    kind: LimitKind
    of: str
    """The name of the parameter or step."""
    value: str
    """JSON: the constraint, or what the step asks for."""
    is_avoidable: bool = False
    """Whether an execution can go around the step that keeps it."""

    def __str__(self) -> str:
        around = ", which an execution can go around" if self.is_avoidable else ""
        return f"{self.what}: {self.value}{around}"

    @property
    def what(self) -> str:
        """``maxItems of InstanceId``, ``approval at step NAME``."""
        return f"{self.kind} {'at step' if self.kind.is_step else 'of'} {self.of}"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Call:
    """Actions that a step of a runbook needs."""

    step: str
    actions: tuple[str, ...]
    """What the step cannot do without."""
    optional: tuple[str, ...] = ()
    """What it needs for some inputs or some instances only."""
    is_known: bool = True
    """Whether the templates show which actions the step needs; not for a script."""
    inputs: str = ""
    """SHA-256 of the step's inputs, which say what it acts on; empty for a step that limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """A template that was read."""

    stack: str
    region: str
    asset: str | None
    """``BUCKET/KEY`` of the template in CDK's staging bucket, where an assembly shows it."""
    digest: str
    """SHA-256 of the template's file, in hexadecimal."""
    deployers: tuple[str, ...] = ()
    """As of a Template."""


class Made(NamedTuple):
    """A resource of IAM that templates make."""

    kind: str
    """``role``, ``policy``, ``group`` or ``user``."""
    name: str
    arn: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Everything in one AWS account that these templates make or name."""

    environment: Environment
    """Account and partition; the Region is that of the first template."""
    principals: tuple[Principal, ...]
    runbooks: tuple[Runbook, ...]
    templates: tuple["Origin", ...]
    """What was read."""
    regions: tuple[str, ...]
    """Where somebody can do something: not one that only receives what happens in others."""
    schedules: tuple[Schedule, ...] = ()
    """What is started by nobody."""
    prefix: str = ""
    """Before the names of its stacks, and of what they make of IAM."""
    made: tuple["Made", ...] = ()
    """What the templates make of IAM."""
    has_recording: bool = False
    """Whether anything is there to record or show what happens."""
    recording: Recording = field(default_factory=Recording)
    """What is recorded and reported of the account."""

    @property
    def stack_regions(self) -> tuple[str, ...]:
        """The Regions that any template goes to."""
        return tuple(dict.fromkeys(template.region for template in self.templates))

    @property
    def runbook_arns(self) -> tuple[str, ...]:
        """Every document of every runbook, in each Region."""
        return tuple(arn for runbook in self.runbooks for arn in runbook.arns)

    def runbooks_of(self, who: Principal) -> tuple[Runbook, ...]:
        """The runbooks of an operator's or approver's teams, which people start."""
        return tuple(r for r in self.runbooks if r.team in who.teams and not r.fleet)

    def having(self, *parts: Persona) -> tuple[Principal, ...]:
        """The principals with one of these parts."""
        return tuple(principal for principal in self.principals if principal.persona in parts)

    def named(self, principal: Principal) -> str:
        """Its name without the account's prefix."""
        return principal.name.removeprefix(self.prefix)

    def role_arn(self, name: str) -> str:
        """The ARN of a role of the project by its name without prefix: the role that the templates
        make, else the one that would have the name."""
        name = self.prefix + name
        made = (p.arn for p in self.principals if (p.kind, p.name) == (Kind.ROLE, name) and p.trust)
        return next(made, self.environment.iam_arn(f"role/{name}"))

    def by_arn(self, arn: str) -> Principal | None:
        """The principal of an ARN, if the templates know it."""
        return next((p for p in self.principals if p.arn == arn), None)


def sorted_principals(principals: Iterable[Principal]) -> tuple[Principal, ...]:
    """In the order of the story: people first, then roles, then whatever else."""
    order = list(Persona)
    return tuple(sorted(principals, key=lambda p: (order.index(p.persona), p.kind.value, p.name)))
