"""One of two assemblies that are compared: its resources, and what its review says of them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from review.access_review import Review
from review.audit.routes import routes_of
from review.model.account import Principal
from review.templates.assembly import Template
from review.templates.resource_types import GROUP, MANAGED_POLICY, ROLE, USER
from review.templates.resources import Resource, elsewhere, read_resources

ADDITION = "AWS::IAM::UserToGroupAddition"

Key = tuple[str, str, str]
"""Stack, account, Region."""


class Side:
    """One of the two assemblies."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.templates: dict[Key, Template] = {key_of(t): t for t in review.templates}
        self.resources = {
            (key_of(r.template), r.logical_id): r for r in read_resources(review.templates)
        }
        self.elsewhere = {
            (key_of(template), r.logical_id): r
            for template in review.templates
            if template.environment.assumed
            for r in read_resources([elsewhere(template)])
        }
        """What is the same wherever the templates go, where that is not fixed."""
        self.routes = {
            account.account.environment.account: routes_of(account.account.recording)
            for account in review.accounts
        }

    @cached_property
    def names(self) -> set[str]:
        """The names of runbooks, and of what the templates make of IAM."""
        accounts = [account.account for account in self.review.accounts]
        return {
            *(runbook.name for account in accounts for runbook in account.runbooks),
            *(made.name for account in accounts for made in account.made),
        }

    @cached_property
    def by_group(self) -> dict[str, list[str]]:
        """The names of the policies that name a group as their holder, by group."""
        found: dict[str, list[str]] = {}
        for resource in self.resources.values():
            if resource.type == GROUP:
                found.setdefault(resource.name, []).extend(policies_of(resource))
            elif resource.type == "AWS::IAM::GroupPolicy":
                found.setdefault(str(resource.get("GroupName")), []).extend(policies_of(resource))
            elif "Groups" in resource.properties and resource.type != USER:
                for group in resource.listed("Groups"):
                    found.setdefault(str(group), []).extend(policies_of(resource))
        return found

    def members(self, group: str) -> set[str]:
        """The users of a group; for an existing group, the group's own name stands for them."""
        users = {
            name
            for resource in self.resources.values()
            for name, groups in _memberships(resource)
            if group in groups
        }
        return users or {group}

    @cached_property
    def granting(self) -> dict[tuple[str, str], set[str]]:
        """By account and principal, the statements that grant all that they allow."""
        return {
            (account.account.environment.account, access.principal.name): {
                label for grant in access.grants for label in grant.by
            }
            - {label for cut in access.cuts for label in cut.by}
            for account in self.review.accounts
            for access in account.accesses
        }

    def principals(self, account: str) -> Iterator[Principal]:
        """The principals of an account."""
        for each in self.review.accounts:
            if each.account.environment.account == account:
                yield from each.account.principals


def _memberships(resource: Resource) -> Iterator[tuple[str, list[str]]]:
    if resource.type == USER:
        yield resource.name, [*listed(resource, "Groups")]
    elif resource.type == ADDITION:
        for user in listed(resource, "Users"):
            yield user, [str(resource.get("GroupName"))]


def key_of(template: Template) -> Key:
    return template.stack, template.environment.account, template.environment.region


def policies_of(resource: Resource) -> Iterator[str]:
    """The names of the policies that a resource is or holds."""
    if resource.type == MANAGED_POLICY:
        yield resource.name
    elif resource.type in (USER, ROLE, GROUP):
        yield from (str(each.get("PolicyName")) for each in inline_policies(resource))
        yield from (str(arn).rsplit("/", 1)[-1] for arn in listed(resource, "ManagedPolicyArns"))
    else:
        yield str(resource.get("PolicyName"))


def listed(resource: Resource, key: str) -> Iterator[str]:
    yield from map(str, resource.listed(key) if key in resource.properties else ())


def inline_policies(resource: Resource) -> list[Mapping[str, Any]]:
    return resource.listed("Policies") if "Policies" in resource.properties else []
