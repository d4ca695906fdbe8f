"""Who may do what, as a table of Markdown or as lines, and what runbooks need, for a review."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain, groupby

from delegation import names
from delegation.configuration import Configuration
from delegation.deployment.deployment import Deployment, Profile
from delegation.deployment.limits import needs_of_role
from delegation.deployment.people import iam_users, never_lending
from delegation.deployment.pipelines import GitHubPipeline
from delegation.deployment.service_roles import ServiceRole
from delegation.deployment.teams import Team
from delegation.policies.authors import (
    deployment_permissions,
    execution_policies,
    publishing_permissions,
)
from delegation.policies.doctor import doctor_permissions
from delegation.policies.operators import (
    NEVER_LEND,
    approver_policies,
    auditor_policy,
    boundary_policy,
    operator_policies,
    own_policy,
)
from delegation.policies.own_user import CLI_SIGN_IN, own_mfa, own_password, require_mfa
from delegation.policies.pipelines import (
    administration_permissions,
    comparison_permissions,
    review_permissions,
)
from delegation.policies.schedules import schedule_policies
from delegation.policies.service_roles import boundary_statements
from delegation.policies.statements import Statement
from delegation.runbooks.permissions import Need
from delegation.runbooks.runbook import Runbook


def who_may_do_what(configuration: Configuration) -> str:
    """A Markdown table: who, actions, resources, reason; one row a statement."""
    rows = (
        f"| {who} | {may} | {'<br>'.join(on)} | {why} |"
        for who, may, on, why in _rows(configuration)
    )
    return "\n".join(["| who | may | on | why |", "|---|---|---|---|", *rows])


def who_in_lines(configuration: Configuration, width: int) -> str:
    """The same for a terminal of this width: below each person or role what they may do."""
    lines: list[str] = []
    for who, rows in groupby(_rows(configuration), key=lambda row: row[0]):
        lines += ["", who]
        for _, may, on, why in rows:
            lines += _wrapped(may, 2, width)
            lines += [line for each in on for line in _wrapped(f"on {each}", 6, width)]
            lines += _wrapped(why, 6, width)
    return "\n".join(lines[1:]).replace("`", "").replace("**", "")


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _rows(configuration: Configuration) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Who, what they may, on what and where, and why."""
    for deployment in configuration.deployments:
        for who, statements in _granted(deployment, configuration):
            for statement in statements:
                yield _row(who, statement)
        for role in deployment.service_roles:
            for may, why in _limits(deployment, role):
                yield f"service role {role.name}", may, ("every runbook of the role",), why


AUTOMATION_ROLE = Statement(
    sid="UseAutomationRole",
    actions=("AmazonSSMAutomationRole",),
    resources=("*",),
    why="the guide bounds the role by nothing: everything that the AWS managed policy grants",
    source="the guide, Create an IAM Service Role for Automation",
)


def _assume_author_roles(naming: names.Naming) -> Statement:
    return Statement(
        sid="AssumeAuthorRoles",
        actions=("sts:AssumeRole",),
        resources=(
            naming.role_arn(names.AUTHOR_DEPLOYMENT_ROLE),
            naming.role_arn(names.AUTHOR_PUBLISHING_ROLE),
        ),
        why="the trust of these roles names them; they need no policy",
        source="STS API Reference, AssumeRole",
    )


def _granted(
    deployment: Deployment, configuration: Configuration
) -> Iterable[tuple[str, Iterable[Statement]]]:
    """Who is granted what: the people of a kind together, each service role alone."""
    for kind, people, statements in (
        *(
            (f"operator{_of(team)}", team.operators, chain(*operator_policies(deployment, team)))
            for team in deployment.teams
        ),
        *(
            (f"approver{_of(team)}", team.approvers, chain(*approver_policies(deployment, team)))
            for team in deployment.teams
        ),
        ("auditor", deployment.auditors, auditor_policy(deployment)),
    ):
        if people:
            yield f"{kind} {', '.join(person.name for person in people)}", statements
        if users := iam_users(people):
            yield f"{kind} {', '.join(users)}", _of_own_user(deployment)
            yield _of_the_cli(kind, [user for user in users if user in deployment.cli_users])
    lending_nothing = (
        *iam_users(deployment.operators),
        *(person.name for person in never_lending(deployment.operators)),
    )
    if lending_nothing:
        yield f"operator {', '.join(lending_nothing)}", NEVER_LEND
    if deployment.pipeline is not None:
        yield from _pipeline_granted(deployment, deployment.pipeline, configuration.qualifier)
    if deployment.authors:
        authors = ", ".join(author.rsplit("/", 1)[-1] for author in deployment.authors)
        yield f"author {authors}", (_assume_author_roles(deployment.naming),)
    if deployment.has_author_roles:
        for author_role, granted in (
            (
                names.AUTHOR_DEPLOYMENT_ROLE,
                deployment_permissions(deployment, configuration.qualifier),
            ),
            (
                names.AUTHOR_PUBLISHING_ROLE,
                publishing_permissions(deployment, configuration.qualifier),
            ),
            (names.AUTHOR_EXECUTION_ROLE, tuple(chain(*execution_policies(deployment)))),
        ):
            yield f"author's {author_role}", granted
    yield from _roles_granted(deployment, configuration)


def _roles_granted(
    deployment: Deployment, configuration: Configuration
) -> Iterable[tuple[str, Iterable[Statement]]]:
    """What AWS's services are granted by the role of schedules, and by service roles."""
    if deployment.schedules:
        started = tuple(chain(*schedule_policies(deployment)))
        yield f"EventBridge Scheduler as {names.SCHEDULE_ROLE}", started
    runbooks = configuration.runbooks_of(deployment)
    for role in deployment.service_roles:
        needs = needs_of_role(role, runbooks)
        yield (
            f"service role {role.name}",
            boundary_policy(deployment, role, needs)
            if deployment.profile is Profile.LEAST_PRIVILEGE
            else (AUTOMATION_ROLE, *own_policy(deployment, role, needs)),
        )


def _of_own_user(deployment: Deployment) -> Iterable[Statement]:
    """What people with an IAM user may do to it."""
    naming = deployment.naming
    return (
        *own_password(naming),
        *(own_mfa(naming) if deployment.has_own_mfa else ()),
        *(require_mfa(naming) if deployment.require_mfa else ()),
    )


def _of_the_cli(kind: str, users: Sequence[str]) -> tuple[str, Iterable[Statement]]:
    """What people may do who sign in to the AWS CLI; nothing for nobody."""
    return f"{kind} {', '.join(users)}", CLI_SIGN_IN if users else ()


def _of(team: Team) -> str:
    """Of which team somebody is; empty for that without a name."""
    return f" of {team.name}" if team.name else ""


def _pipeline_granted(
    deployment: Deployment, pipeline: GitHubPipeline, qualifier: str
) -> Iterable[tuple[str, Iterable[Statement]]]:
    """What each job of the pipeline is granted, by its subject and by its role."""
    assume = _assume_author_roles(deployment.naming)
    for name, subjects, statements in (
        (
            names.PIPELINE_REVIEW_ROLE,
            pipeline.review_subjects,
            review_permissions(deployment, qualifier),
        ),
        (
            names.PIPELINE_ADMINISTRATION_ROLE,
            pipeline.administration_subjects,
            (*administration_permissions(deployment, qualifier), assume),
        ),
        (names.PIPELINE_DOCTOR_ROLE, pipeline.doctor_subjects, doctor_permissions()),
        (names.PIPELINE_RUNBOOKS_ROLE, pipeline.runbooks_subjects, (assume,)),
    ):
        yield f"jobs {', '.join(subjects)} as {name}", statements
    comparison = comparison_permissions(deployment, qualifier)
    yield f"CloudFormation as {names.PIPELINE_COMPARISON_ROLE}", comparison


def what_steps_need(runbooks: Iterable[Runbook], *, as_json: bool) -> str:
    """The statements that each runbook's role needs, with the steps and calls that need them."""
    needed = [
        (runbook, statement, [n for n in runbook.needs if _allows(statement, n)])
        for runbook in runbooks
        for statement in boundary_statements(runbook.needs, (names.ANY_REGION,))
    ]
    if as_json:
        return json.dumps(
            [
                {
                    "runbook": runbook.name,
                    "statement": statement.render(),
                    "needs": [asdict(need) for need in needs],
                }
                for runbook, statement, needs in needed
            ],
            indent=2,
        )
    lines: list[str] = []
    for runbook, statement, needs in needed:
        if (heading := f"{runbook.name} ({runbook.file})") not in lines:
            lines += ["", heading] if lines else [heading]
        lines.append(f"  {statement.sid}: {', '.join(statement.resources)}")
        lines += [f"    {need.action}, for step {need.step}: {need.why}" for need in needs]
        if not needs:
            lines.append(f"    {statement.why}")
    return "\n".join(lines)


def _allows(statement: Statement, need: Need) -> bool:
    passed_to = [value for _, key, value in statement.conditions if key == "iam:PassedToService"]
    return (
        need.action in statement.actions
        and need.resource in statement.resources
        and passed_to == ([need.passed_to] if need.passed_to else [])
    )


def _limits(deployment: Deployment, role: ServiceRole) -> Iterable[tuple[str, str]]:
    """What the limits of a service role say, each with its reason."""
    if role.approval is not None:
        people = ", ".join(person.name for person in role.approval.by)
        yield (
            f"begin a run only when {role.approval.at_least} of {people} approved",
            "four eyes: nobody who starts a run can approve it",
        )
    if role.calendar is not None:
        yield (
            f"begin a run only while the Change Calendar {role.calendar} is open",
            "the administrator's calendar",
        )
    if role.at_most_instances is not None:
        yield (
            f"act on at most {role.at_most_instances} instances in one child execution",
            "refused at the start, before anything is touched; `Targets` or `TargetMaps` at a "
            "start multiply it, and IAM has no condition key for them",
        )
    if role.require_reason:
        yield (
            f"begin a run only with a reason: {role.reason_pattern}",
            "it stands in the history, in the event history and in the message to approvers",
        )
    for key, values in role.limit_tags:
        yield (
            f"act on instances tagged {key}={' or '.join(values)} alone",
            "a condition of the boundary; the role can neither set nor remove the tag",
        )


def _row(who: str, statement: Statement) -> tuple[str, str, tuple[str, ...], str]:
    actions = ", ".join(f"`{action}`" for action in statement.actions)
    verb = "**not** " if statement.effect == "Deny" else ""
    verb += "anything but " if statement.all_but_these else ""
    on = (
        *(f"`{_short(resource)}`" for resource in statement.resources),
        *(_where(*condition) for condition in statement.conditions),
    )
    return who, f"{verb}{actions}", on, statement.why


def _where(operator: str, key: str, value: str | tuple[str, ...]) -> str:
    """A condition as the table shows it."""
    values = (value,) if isinstance(value, str) else value
    return f"where `{key}` {operator} {', '.join(f'`{each}`' for each in values)}"


def _short(resource: str) -> str:
    """An ARN without what every ARN of the table shares: partition, account, the stack's Region."""
    if not resource.startswith("arn:"):
        return resource
    plain = _PLACEHOLDER.sub(lambda match: match[1].upper(), resource.replace("${!", "${"))
    region, _, name = plain.split(":", 3)[3].split(":", 2)
    return name if region in ("", "REGION") else f"{region}:{name}"


_PLACEHOLDER = re.compile(r"\$\{AWS::(\w+?)(?:Id)?\}")
