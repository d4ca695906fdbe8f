"""Who may do what, as the table of the README."""

import re
from collections.abc import Iterable
from itertools import chain

from delegation.configuration import Configuration
from delegation.model import Deployment, Profile, iam_users
from delegation.permissions import (
    OWN_PASSWORD,
    approver_policy,
    boundary_policy,
    operator_policies,
    own_policy,
)
from delegation.runbooks import needs_of_role
from delegation.statements import Statement


def who_may_do_what(configuration: Configuration) -> str:
    """A Markdown table: who, actions, resources, reason; one row a statement."""
    rows = ["| who | may | on | why |", "|---|---|---|---|"]
    for deployment in configuration.deployments:
        for who, statements in _granted(deployment, configuration):
            rows += [_row(who, statement) for statement in statements]
    return "\n".join(rows)


AUTOMATION_ROLE = Statement(
    sid="UseAutomationRole",
    actions=("AmazonSSMAutomationRole",),
    resources=("*",),
    why="the guide bounds the role by nothing: everything that the AWS managed policy grants",
    source="the guide, Create an IAM Service Role for Automation",
)


def _granted(
    deployment: Deployment, configuration: Configuration
) -> Iterable[tuple[str, Iterable[Statement]]]:
    """Who is granted what: the people of a kind together, each service role alone."""
    for kind, people, statements in (
        ("operator", deployment.operators, chain(*operator_policies(deployment))),
        ("approver", deployment.approvers, approver_policy(deployment)),
    ):
        if people:
            yield f"{kind} {', '.join(person.name for person in people)}", statements
        if users := iam_users(people):
            yield f"{kind} {', '.join(users)}", OWN_PASSWORD
    for role in deployment.service_roles:
        needs = needs_of_role(role, configuration.runbooks)
        yield (
            f"service role {role.name}",
            boundary_policy(deployment, role, needs)
            if deployment.profile is Profile.LEAST_PRIVILEGE
            else (AUTOMATION_ROLE, *own_policy(deployment, role, needs)),
        )


def _row(who: str, statement: Statement) -> str:
    actions = ", ".join(f"`{action}`" for action in statement.actions)
    verb = "**not** " if statement.effect == "Deny" else ""
    resources = "<br>".join(f"`{_short(resource)}`" for resource in statement.resources)
    return f"| {who} | {verb}{actions} | {resources} | {statement.why} |"


def _short(resource: str) -> str:
    """An ARN without what every ARN of the table shares: partition, account, the stack's Region."""
    if not resource.startswith("arn:"):
        return resource
    plain = _PLACEHOLDER.sub("", resource.replace("${!", "${"))
    region, _, name = plain.split(":", 3)[3].split(":", 2)
    return f"{region}:{name}" if region else name


_PLACEHOLDER = re.compile(r"\$\{AWS::\w+\}")
