"""Who may do what, as the table of the README."""

from collections.abc import Iterable

from delegation.configuration import Configuration
from delegation.model import Deployment, IamUser, Profile
from delegation.needs import boundary_statements, volume_key_statements
from delegation.permissions import OWN_PASSWORD, approver_policy, operator_policies
from delegation.statements import Statement


def who_may_do_what(configuration: Configuration) -> str:
    """A Markdown table: person, actions, resources, reason; one row a statement."""
    rows = ["| who | may | on | why |", "|---|---|---|---|"]
    for deployment in configuration.deployments:
        for person, statements in _granted(deployment, configuration):
            rows += [_row(person, statement) for statement in statements]
    return "\n".join(rows)


def _granted(
    deployment: Deployment, configuration: Configuration
) -> Iterable[tuple[str, Iterable[Statement]]]:
    for person in deployment.operators:
        yield (
            f"operator {person.name}",
            [statement for policy in operator_policies(deployment) for statement in policy],
        )
        if isinstance(person, IamUser):
            yield f"operator {person.name}", OWN_PASSWORD
    for person in deployment.approvers:
        yield f"approver {person.name}", approver_policy(deployment)
        if isinstance(person, IamUser):
            yield f"approver {person.name}", OWN_PASSWORD
    for role in deployment.service_roles:
        if deployment.profile is Profile.LEAST_PRIVILEGE:
            needs = [n for name in role.runbooks for n in configuration.runbooks[name].needs]
            yield (
                f"service role {role.name}",
                [
                    *boundary_statements(needs, deployment.arn_regions),
                    *volume_key_statements(role.volume_keys),
                ],
            )


def _row(person: str, statement: Statement) -> str:
    actions = ", ".join(f"`{action}`" for action in statement.actions)
    verb = "**not** " if statement.effect == "Deny" else ""
    resources = "<br>".join(f"`{_short(resource)}`" for resource in statement.resources)
    return f"| {person} | {verb}{actions} | {resources} | {statement.why} |"


def _short(resource: str) -> str:
    """An ARN without what every ARN of the table shares: partition, Region and account."""
    return resource.split(":", 5)[5] if resource.startswith("arn:${") else resource
