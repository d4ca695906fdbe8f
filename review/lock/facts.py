"""The facts of an access review: one row for each, in the tables of the lock file.

A change of access changes a row. Rows hold no digest, so that the content of a runbook may change
as long as it stays within what its rows say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from review.access.grants import Access
from review.access_review import AccountReview, Review
from review.diff.audit import OF_RUNBOOKS, changes_of, of_schedules
from review.diff.counterparts import GRANTING, REPORTED, ROUTING, SCHEDULED
from review.iam.conditions import conditions_as_text
from review.iam.statements import Statement
from review.invariants.invariant import Verdict
from review.model.account import Principal
from review.report.texts import open_path_rows
from review.templates.assembly import Template
from review.templates.assembly_checks import is_default
from review.templates.resource_types import ROLE, SCHEDULE, TYPES
from review.templates.resources import Resource, elsewhere, read_resources
from review.templates.stack_names import RUNBOOKS_STACK, unprefixed

Cell = tuple[str, ...]
"""The values of one cell: what all of must hold, or one of which is meant."""
Row = tuple[Cell, ...]
Rows = Mapping["Table", frozenset[Row]]


class Effect(StrEnum):
    """What a row is to access."""

    POWER = "power"
    """A row more is a gain, a row less a loss."""
    RESTRAINT = "restraint"
    """A row less is a gain, as long as what it restrains is there."""
    EITHER = "either"
    """Each difference counts as a gain."""


class Table(StrEnum):
    """The tables of the lock file, in their order, by their headings."""

    PRINCIPALS = "Principals"
    GRANTS = "What everybody can do"
    DENIALS = "What is denied, whatever else grants it"
    TRUST = "Who can assume which role"
    TRUST_DENIALS = "Who is denied to assume which role"
    RUNBOOKS = "Runbooks"
    ACTIONS = "What runbooks do"
    LIMITS = "Limits of runbooks"
    SCHEDULES = "What starts by itself"
    ESCALATION = "Escalation paths"
    EXCEPTIONS = "Invariants that do not hold without exception"
    RECEIVED = "What is recorded and reported"
    RECEIVERS = "Who is notified, and how records are kept"
    DEPLOYERS = "Who deploys, where it is not by CDK's default"
    UNEVALUATED = "What the review shows and does not evaluate"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return _COLUMNS[self][1]

    @property
    def effect(self) -> Effect:
        """What its rows are to access."""
        return _COLUMNS[self][0]


_COLUMNS: dict[Table, tuple[Effect, tuple[str, ...]]] = {
    Table.PRINCIPALS: (Effect.POWER, ("who", "ARN", "what else they hold", "boundary")),
    Table.GRANTS: (Effect.POWER, ("who", "can do", "on", "but not on", "where")),
    Table.DENIALS: (Effect.RESTRAINT, ("who", "cannot do", "on", "where")),
    Table.TRUST: (Effect.POWER, ("role", "trusts", "to", "where")),
    Table.TRUST_DENIALS: (Effect.RESTRAINT, ("role", "denies", "to", "where")),
    Table.RUNBOOKS: (Effect.POWER, ("runbook", "runs as", "in")),
    Table.ACTIONS: (Effect.POWER, ("runbook", "does")),
    Table.LIMITS: (Effect.RESTRAINT, ("runbook", "limit", "of", "value", "except")),
    Table.SCHEDULES: (Effect.POWER, ("schedule", "in", "starts", "at", "between")),
    Table.ESCALATION: (Effect.POWER, ("path", "open to", "as far as")),
    Table.EXCEPTIONS: (Effect.POWER, ("invariant", "verdict", "because")),
    Table.RECEIVED: (Effect.RESTRAINT, ("subject", "is sent to")),
    Table.RECEIVERS: (Effect.EITHER, ("receiver", "what")),
    Table.DEPLOYERS: (Effect.POWER, ("stack", "what", "role")),
    Table.UNEVALUATED: (Effect.EITHER, ("resource", "type", "property", "value")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountFacts:
    """Everything that the lock file says of an account."""

    heading: str
    """``account 123456789012, eu-west-1 (aws)``."""
    number: str
    """12 digits; empty where nothing fixes the account."""
    rows: Rows
    subjects: frozenset[str]
    """What there is: the first cells of restraints that hold somebody or something back."""


def facts_of(reviewed: Review) -> tuple[AccountFacts, ...]:
    """The facts of each account."""
    return tuple(
        AccountFacts(
            heading=_heading(account),
            number=_number(account),
            rows=_rows(account, reviewed.templates),
            subjects=frozenset(_subjects(account)),
        )
        for account in reviewed.accounts
    )


def _number(account: AccountReview) -> str:
    environment = account.account.environment
    return "" if "account" in environment.assumed else environment.account


def _heading(account: AccountReview) -> str:
    environment = account.account.environment
    where = f"account {number}" if (number := _number(account)) else "any account"
    regions = account.account.stack_regions
    shown = ", ".join(regions) if "Region" not in environment.assumed else "any Region"
    return f"{where}, {shown} ({environment.partition})"


def _rows(account: AccountReview, templates: tuple[Template, ...]) -> Rows:
    found: dict[Table, set[Row]] = {table: set() for table in Table}
    for table, row in _facts(account, templates):
        found[table].add(row)
    return {table: frozenset(rows) for table, rows in found.items()}


def _subjects(account: AccountReview) -> Iterator[str]:
    for access in account.accesses:
        yield access.principal.title
    for runbook in account.account.runbooks:
        yield runbook.name
        yield from (f"{what} {runbook.name}" for what in OF_RUNBOOKS)
    yield from (changes_of(made.kind, made.name) for made in account.account.made)
    yield from of_schedules(account.account.schedules)


_Fact = tuple[Table, Row]
_DEPLOYING = ("changes it", "makes its resources", "uploads its template")


def _facts(account: AccountReview, templates: tuple[Template, ...]) -> Iterator[_Fact]:
    for access in account.accesses:
        yield from _of_principal(access)
    yield from _of_runbooks(account)
    for each in account.account.schedules:
        if each.is_on:
            name, between = f"{each.group}/{each.name}", (each.between,) if each.between else ()
            yield (
                Table.SCHEDULES,
                ((name,), (each.region,), (each.starts,), (each.at,), between),
            )
    for way in open_path_rows(account):
        yield Table.ESCALATION, ((way.name,), (way.who,), (way.reach,))
    for invariant in account.invariants:
        if invariant.verdict not in (Verdict.HOLDS, Verdict.VIOLATED):
            yield (
                Table.EXCEPTIONS,
                ((invariant.sentence,), (invariant.verdict.value,), invariant.findings),
            )
    yield from _of_audit(account)
    mine = [
        each
        for each in templates
        if each.environment.account == account.account.environment.account
    ]
    yield from _deployers(mine)
    yield from _unevaluated(mine)


def _of_principal(access: Access) -> Iterator[_Fact]:
    principal = access.principal
    who = (principal.title,)
    boundary = (principal.boundary.name,) if principal.boundary else ()
    besides = () if principal.is_whole else ("what they have from elsewhere",)
    yield Table.PRINCIPALS, (who, (principal.arn,), besides, boundary)
    for grant in access.grants:
        resource = (grant.resource,)
        yield Table.GRANTS, (who, (grant.action,), resource, grant.exceptions, grant.conditions)
    for pattern in access.open_actions:
        yield Table.GRANTS, (who, (pattern,), ("whatever AWS adds to it",), (), ())
    for policy in principal.held:
        for statement in policy.statements:
            if not statement.allows:
                yield Table.DENIALS, (who, _actions(statement), *_denied(statement))
    yield from _of_trust(principal)


def _actions(statement: Statement) -> Cell:
    return _listed(statement.actions, is_but=statement.but_actions)


def _denied(statement: Statement) -> tuple[Cell, Cell]:
    resources = _listed(statement.resources, is_but=statement.but_resources)
    return resources, tuple(conditions_as_text(statement))


def _listed(values: Iterable[str], *, is_but: bool) -> Cell:
    """The values of a statement; of ``NotAction`` and ``NotResource``, each as it is left out."""
    return tuple(f"anything but {value}" if is_but else value for value in values)


def _of_trust(role: Principal) -> Iterator[_Fact]:
    for statement in role.trust.statements if role.trust else ():
        table = Table.TRUST if statement.allows else Table.TRUST_DENIALS
        conditions = tuple(sorted(conditions_as_text(statement)))
        for kind, value in statement.principals:
            for action in statement.actions:
                does = _listed([action], is_but=statement.but_actions)
                yield table, ((role.title,), (f"{kind} {value}",), does, conditions)


def _of_runbooks(account: AccountReview) -> Iterator[_Fact]:
    held = {access.principal.arn: access.allowed_actions for access in account.accesses}
    for runbook in account.account.runbooks:
        name = (runbook.name,)
        for arn in runbook.arns:
            yield Table.RUNBOOKS, (name, (runbook.runs_as,), (arn.split(":")[3],))
        of_role = held.get(runbook.role or "")
        for call in runbook.calls:
            for action in (*call.actions, *call.optional):
                if action in call.actions or of_role is None or action in of_role:
                    yield Table.ACTIONS, (name, (action,))
            if not call.is_known:
                yield Table.ACTIONS, (name, ("what a script does, within the rights of its role",))
        for limit in runbook.limits:
            around = ("an execution can go around it",) if limit.is_avoidable else ()
            yield Table.LIMITS, (name, (limit.kind,), (limit.of,), (limit.value,), around)


def _of_audit(account: AccountReview) -> Iterator[_Fact]:
    for subject in account.notifications:
        if subject.is_received:
            yield Table.RECEIVED, ((subject.what,), (subject.where,))
    recording = account.account.recording
    for topic, address in recording.subscribers:
        yield Table.RECEIVERS, ((f"topic {topic}",), (f"notifies {address}",))
    for log, days in recording.kept:
        kept = f"{days} days" if days else "for ever"
        yield Table.RECEIVERS, ((f"log group {log}",), (f"keeps events {kept}",))
    for region, topic in recording.encrypted:
        yield Table.RECEIVERS, ((f"topic {topic} in {region}",), ("is encrypted",))


def _deployers(templates: Iterable[Template]) -> Iterator[_Fact]:
    """The roles that deploy the stacks, where they are neither CDK's by default nor authors'."""
    for each in templates:
        where = f"{each.stack} in {each.environment.region}"
        for does, role in zip(_DEPLOYING, each.deployers, strict=False):
            if not is_default(role):
                yield Table.DEPLOYERS, ((where,), (does,), (role,))


def _unevaluated(templates: list[Template]) -> Iterator[_Fact]:
    """The properties of the administrators' stacks whose effect is in no other table: resolved as
    deployed here and, where nothing fixes the account or Region, elsewhere as well."""
    of_administrators = [each for each in templates if unprefixed(each.stack) != RUNBOOKS_STACK]
    others = [elsewhere(each) for each in of_administrators if each.environment.assumed]
    anywhere = {_key(each): each for each in read_resources(others)}
    for each in of_administrators:
        where = f"{each.stack} in {each.environment.region}"
        for key, value in sorted(each.tags.items()):
            yield Table.UNEVALUATED, ((where,), ("tag",), (key,), (json.dumps(value),))
    for resource in read_resources(of_administrators):
        other = anywhere.get(_key(resource))
        for name in sorted(resource.properties):
            if _is_evaluated(resource, name):
                continue
            values = [_json(resource, name)]
            if other is not None and (there := _json(other, name)) != values[0]:
                values.append(there)
            what = f"{resource.where} in {resource.region}"
            yield Table.UNEVALUATED, ((what,), (resource.type,), (name,), tuple(values))


def _key(resource: Resource) -> tuple[str, str]:
    return resource.template.stack, resource.logical_id


_SHOWN_ONLY = {"Description", "DisplayName"}
"""Properties that people read, and nothing else does."""


def _is_evaluated(resource: Resource, name: str) -> bool:
    return (
        name in _SHOWN_ONLY
        or name in GRANTING.get(resource.type, ())
        or (resource.type, name) in {*REPORTED, (ROLE, "AssumeRolePolicyDocument")}
        or (name in ROUTING and resource.type == "AWS::Events::Rule")
        or (resource.type == SCHEDULE and name in SCHEDULED)
        or (name == TYPES[resource.type].name and bool(resource.kind))
    )


def _json(resource: Resource, name: str) -> str:
    # A password is a reference that only CloudFormation resolves: the reference itself is shown.
    is_password = name == "LoginProfile"
    value = resource.properties[name] if is_password else resource.get(name)
    return json.dumps(value, sort_keys=True)
