"""What should exist in the account: the resources of the synthesized assembly, resolved for it."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from account.aws import Aws
from account.errors import AccountError
from review.model.account import Account
from review.model.account_reader import read_accounts
from review.templates.assembly import Template, given_environment, read_templates
from review.templates.cloud_assembly import Assembly
from review.templates.resource_types import GROUP, MANAGED_POLICY, ROLE, RULE, USER
from review.templates.resources import Resource, read_resources

_HOLDERS = {"Users": "user", "Groups": "group", "Roles": "role"}

Holder = tuple[str, str]
"""``user``, ``group`` or ``role``, and its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """The templates of this account, and what they make of it."""

    templates: tuple[Template, ...]
    bodies: Mapping[tuple[str, str], Mapping[str, Any]]
    """The templates as they are deployed, by stack and Region."""
    resources: tuple[Resource, ...]
    account: Account
    """Principals and runbooks, as the access review reads them."""

    def without(self, stacks: Collection[Template]) -> "Expected":
        """The same without some stacks and what they make."""
        return replace(
            self,
            templates=tuple(each for each in self.templates if each not in stacks),
            resources=tuple(each for each in self.resources if each.template not in stacks),
        )

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources if resource.type in types)

    @property
    def made(self) -> frozenset[Holder]:
        """The users, groups and roles that the templates make."""
        return frozenset((each.kind, each.name) for each in self.of_type(USER, GROUP, ROLE))

    @property
    def attached(self) -> dict[Holder, set[str]]:
        """The ARNs of the managed policies that each user, group and role should hold."""
        found: dict[Holder, set[str]] = defaultdict(set)
        for resource in self.of_type(USER, GROUP, ROLE):
            found[resource.kind, resource.name] |= set(resource.listed("ManagedPolicyArns"))
        for policy in self.of_type(MANAGED_POLICY):
            for property_, kind in _HOLDERS.items():
                for name in policy.listed(property_):
                    found[kind, name].add(policy.arn)
        return dict(found)

    @property
    def members(self) -> dict[str, set[str]]:
        """The users that should be in each group of the templates."""
        found: dict[str, set[str]] = {group.name: set() for group in self.of_type(GROUP)}
        for user in self.of_type(USER):
            for group in user.listed("Groups"):
                if group in found:
                    found[group].add(user.name)
        return found

    @property
    def recorded_regions(self) -> tuple[str, ...]:
        """The Regions with rules for what happens."""
        return tuple(dict.fromkeys(rule.region for rule in self.of_type(RULE)))

    @property
    def deployers(self) -> set[str]:
        """The ARNs of the roles that deploy the stacks, without those that the templates make."""
        made = {role.arn for role in self.of_type(ROLE)}
        return {role for template in self.templates for role in template.deployers} - made


def read_expected(assembly: Path, aws: Aws) -> Expected:
    """What an assembly makes of the account of the credentials; AccountError where nothing."""
    place = given_environment(account=aws.account, region=aws.region, partition=aws.partition)
    every = read_templates(assembly, place)
    mine = tuple(each for each in every if each.environment.account == aws.account)
    if not mine:
        accounts = ", ".join(sorted({each.environment.account for each in every}))
        raise AccountError(
            f"the credentials are of account {aws.account}; the assembly in {assembly} is for "
            f"{accounts} (deployments.py)"
        )
    (account,) = read_accounts(mine)
    bodies = {
        (stack.name, stack.region or aws.region): stack.template
        for stack in Assembly(assembly).stacks
        if stack.account in (None, aws.account)
    }
    return Expected(templates=mine, bodies=bodies, resources=read_resources(mine), account=account)


def canonical(document: Any) -> str:
    """A policy document as text, where order and a list of one make no difference."""
    return json.dumps(_plain(document), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {key: _plain(each) for key, each in value.items()}
        if plain.get("Principal") == "*":
            plain["Principal"] = {"AWS": "*"}  # as some services return it
        return plain
    if isinstance(value, list | tuple):
        listed = [_plain(each) for each in value]
        if len(listed) == 1:
            return listed[0]
        return sorted(listed) if all(isinstance(each, str) for each in listed) else listed
    return value
