"""The model of an account: principals with all they hold, and runbooks, from templates."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from review.audit.recording import read_recording
from review.errors import ReviewError, understood
from review.iam.names import AUTOMATION, SCHEDULER
from review.iam.statements import Policy, read_policy
from review.model.account import (
    Account,
    Kind,
    Made,
    Origin,
    Persona,
    Principal,
    Runbook,
    sorted_principals,
)
from review.model.attachments import Attachments, Holder
from review.model.runbook_documents import read_runbooks
from review.model.schedules import read_schedules
from review.templates.assembly import Template
from review.templates.resource_types import AUDIT, DOCUMENT, RECORDING, ROLE, USER
from review.templates.resources import Resource, read_resources
from review.templates.stack_names import prefix_of

_PARTS_BY_POLICY = {
    "OperatorRestrictedPermissions": Persona.OPERATOR,
    "ApproverRestrictedPermissions": Persona.APPROVER,
    "AuditorRestrictedPermissions": Persona.AUDITOR,
}
_POLICY = re.compile(rf"(?P<part>{'|'.join(_PARTS_BY_POLICY)})(?P<team>(?:[A-Z]\w*[A-Za-z])?)\d*")
"""The name of a policy of people: its part, the team that it is of, and a number where IAM's limits
split it."""
_AUTHOR_ROLES = re.compile(r"Author(Deployment|Publishing|Execution)Role")
_PIPELINE_ROLES = re.compile(r"Pipeline(Review|Comparison|Doctor|Administration|Runbooks)Role")


def read_accounts(templates: Iterable[Template]) -> tuple[Account, ...]:
    """What the templates make of each account that they go to."""
    by_account: dict[str, list[Template]] = {}
    for template in templates:
        by_account.setdefault(template.environment.account, []).append(template)
    with understood():
        return tuple(_account(of_account) for of_account in by_account.values())


def _account(templates: list[Template]) -> Account:
    resources = read_resources(templates)
    attachments = Attachments(resources)
    prefix = next(filter(None, (prefix_of(template.stack) for template in templates)), "")
    runbooks = read_runbooks(r for r in resources if r.type == DOCUMENT)
    made = tuple(_made(resources, attachments))
    found = (*made, *_elsewhere(made, attachments, templates[0], prefix))
    found = tuple(replace(p, persona=_part(p, prefix, runbooks)) for p in found)
    found = tuple(replace(p, teams=_teams(p, prefix)) for p in found)
    _refuse_twice(found, prefix)
    return Account(
        environment=templates[0].environment,
        principals=sorted_principals(_authors(found)),
        runbooks=runbooks,
        schedules=read_schedules(resources),
        templates=tuple(
            Origin(
                stack=t.stack,
                region=t.environment.region,
                asset=t.asset,
                digest=t.digest,
                deployers=t.deployers,
            )
            for t in templates
        ),
        prefix=prefix,
        made=tuple(dict.fromkeys(Made(r.kind, r.name, r.arn) for r in resources if r.kind)),
        has_recording=any(r.type in RECORDING for r in resources),
        recording=read_recording(resources),
        regions=_regions(templates, resources),
    )


def _regions(templates: Iterable[Template], resources: Iterable[Resource]) -> tuple[str, ...]:
    """The Regions in which somebody can do something: not one that only receives the events of
    others."""
    acting = {r.region for r in resources if r.type not in (*AUDIT, "AWS::CDK::Metadata")}
    regions = dict.fromkeys(template.environment.region for template in templates)
    return tuple(region for region in regions if not acting or region in acting)


def _made(resources: Iterable[Resource], attachments: Attachments) -> Iterator[Principal]:
    """The users and roles that the templates make."""
    for resource in resources:
        if resource.type not in (USER, ROLE):
            continue
        holder = (resource.kind, resource.name)
        trust = resource.get("AssumeRolePolicyDocument")
        yield Principal(
            name=resource.name,
            arn=resource.arn,
            kind=Kind(holder[0]),
            policies=_policies(holder, attachments),
            boundary=attachments.boundaries.get(holder),
            trust=read_policy(f"trust of {resource.name}", trust) if trust else None,
        )


def _policies(holder: Holder, attachments: Attachments) -> tuple[Policy, ...]:
    """What a user or role holds, by itself and, for a user, through groups."""
    held = list(attachments.held.get(holder, ()))
    if holder[0] == "user":
        for group in dict.fromkeys(attachments.groups.get(holder[1], ())):
            held += attachments.held.get(("group", group), ())
    return tuple(dict.fromkeys(held))


def _elsewhere(
    made: Iterable[Principal], attachments: Attachments, template: Template, prefix: str
) -> Iterator[Principal]:
    """Those whom templates give policies to and do not make: existing users and roles, members of
    groups without a member here, anyone who is given a policy that is attached to nobody here."""
    known = {(principal.kind.value, principal.name) for principal in made}
    users = {name for kind, name in known if kind == "user"}
    populated = {g for user, groups in attachments.groups.items() if user in users for g in groups}
    environment = template.environment
    existing = {("user", user) for user in attachments.groups} | set(attachments.held)
    for holder in sorted(existing - known):
        kind, name = holder
        if kind == "group" and name in populated:
            continue
        yield Principal(
            name=name,
            arn=environment.iam_arn(
                f"user/~a-member-of-{name}" if kind == "group" else f"{kind}/{name}"
            ),
            kind=Kind.GROUP_MEMBERS if kind == "group" else Kind(kind),
            policies=_policies(holder, attachments),
            is_whole=False,
        )
    by_name: dict[str, list[Policy]] = {}
    for policy in attachments.unattached().values():
        if not any(statement.allows for statement in policy.statements):
            continue  # it gives its holders nothing; a change of it is listed by itself
        by_name.setdefault(_without_part(policy.name, prefix), []).append(policy)
    for name, policies in by_name.items():
        yield Principal(
            name=name,
            arn=environment.iam_arn(f"role/~a-holder-of-{name}"),
            kind=Kind.POLICY_HOLDERS,
            policies=tuple(policies),
            is_whole=False,
        )


def _part(principal: Principal, prefix: str, runbooks: Iterable[Runbook]) -> Persona:
    """The part that a principal takes, by the fixed names of the policies and by its trust."""
    name = principal.name.removeprefix(prefix)
    if principal.trust and _AUTHOR_ROLES.fullmatch(name):
        return Persona.AUTHOR_ROLE
    if principal.trust and _PIPELINE_ROLES.fullmatch(name):
        return Persona.PIPELINE
    if ("Service", AUTOMATION) in principal.trusted:
        return Persona.SERVICE_ROLE
    if ("Service", SCHEDULER) in principal.trusted:
        return Persona.SCHEDULE_ROLE
    if any(runbook.role == principal.arn for runbook in runbooks):
        return Persona.SERVICE_ROLE
    parts = [_POLICY.fullmatch(policy.name.removeprefix(prefix)) for policy in principal.policies]
    return next((_PARTS_BY_POLICY[match["part"]] for match in parts if match), Persona.OTHER)


def _teams(principal: Principal, prefix: str) -> tuple[str, ...]:
    """The teams whose runbooks a principal runs or approves, by the names of the policies."""
    matches = (_POLICY.fullmatch(policy.name.removeprefix(prefix)) for policy in principal.policies)
    found = {m["team"] for m in matches if m and _PARTS_BY_POLICY[m["part"]] is principal.persona}
    return tuple(sorted(found))


def _refuse_twice(principals: Iterable[Principal], prefix: str) -> None:
    """Raises ReviewError for two roles of an author or a pipeline that differ in the prefix alone:
    what is proved of one would be taken for the other."""
    known: dict[str, Principal] = {}
    for role in principals:
        if role.persona in (Persona.AUTHOR_ROLE, Persona.PIPELINE):
            first = known.setdefault(role.name.removeprefix(prefix), role)
            if first is not role:
                raise ReviewError(
                    f"roles {first.name} and {role.name} are one role of the project, with and "
                    f"without the deployment's prefix {prefix!r}; leave one out"
                )


def _without_part(policy: str, prefix: str) -> str:
    """The name of which a policy is a part: OperatorRestrictedPermissions2 and so on."""
    is_one = _POLICY.fullmatch(policy.removeprefix(prefix))
    return policy.rstrip("0123456789") if is_one else policy


def _authors(principals: tuple[Principal, ...]) -> Iterator[Principal]:
    """The principals, those without another part whom author roles trust as authors; and the
    authors that the templates do not make."""
    trusted = {
        arn: arn.split(":", 5)[-1]
        for role in principals
        if role.persona is Persona.AUTHOR_ROLE
        for kind, arn in role.trusted
        if kind == "AWS" and arn.count(":") >= 5
        if arn.split(":", 5)[-1].startswith(("user/", "role/"))
    }
    for principal in principals:
        is_author = principal.persona is Persona.OTHER and principal.arn in trusted
        yield replace(principal, persona=Persona.AUTHOR) if is_author else principal
    for arn, resource in trusted.items():
        if all(principal.arn != arn for principal in principals):
            yield Principal(
                name=resource.split("/")[-1],
                arn=arn,
                kind=Kind.USER if resource.startswith("user/") else Kind.ROLE,
                persona=Persona.AUTHOR,
                is_whole=False,
            )
