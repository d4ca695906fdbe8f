"""A resource of two assemblies: what sentences of a change account for.

By type, each property whose effect a review evaluates; whatever differs besides is listed
(`review.differences`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, TypeVar

from review.assembly import Template
from review.gains import About, Aspect
from review.model import Principal
from review.resource_types import GROUP, LOG, MANAGED_POLICY, ROLE, RULE, TOPIC, TYPES, USER
from review.resources import Resource, elsewhere, read_resources
from review.reviews import Review
from review.routes import routes_of
from review.statements import Statement, read_policy

_REPORTED = {
    *((TOPIC, "Subscription"), (LOG, "RetentionInDays")),
    *((USER, "PermissionsBoundary"), (ROLE, "PermissionsBoundary")),
}
"""Properties of which each difference has a sentence of its own."""
_ROUTING = {"EventPattern", "State", "Targets", "Name"}
"""Properties of a rule whose effect is in what it sends where."""
_ADDITION = "AWS::IAM::UserToGroupAddition"

GRANTING = {
    USER: {"UserName", "Groups", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    ROLE: {"RoleName", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    GROUP: {"GroupName", "ManagedPolicyArns", "Policies"},
    MANAGED_POLICY: {"ManagedPolicyName", "PolicyDocument", "Users", "Groups", "Roles"},
    **{
        name: TYPES[name].properties
        for name in (
            *("AWS::IAM::Policy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"),
            *("AWS::IAM::RolePolicy", _ADDITION),
        )
    },
}
"""By type, the properties whose effect is in the grants of somebody."""

_Trusted = tuple[bool, str, str, tuple[tuple[str, ...], bool], Any]
"""Whether a trust allows, kind and name of a principal, actions, conditions."""
_Part = TypeVar("_Part")
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
            if template.place.assumed
            for r in read_resources([elsewhere(template)])
        }
        """What is the same wherever the templates go, where that is not fixed."""
        self.routes = {
            account.account.place.account: routes_of(account.account.trail)
            for account in review.accounts
        }

    @cached_property
    def names(self) -> set[str]:
        """The names of runbooks, and of what the templates make of IAM."""
        accounts = [account.account for account in self.review.accounts]
        return {
            *(runbook.name for account in accounts for runbook in account.runbooks),
            *(name for account in accounts for _, name in account.made),
        }

    @cached_property
    def by_group(self) -> dict[str, list[str]]:
        """The names of the policies that name a group as their holder, by group."""
        found: dict[str, list[str]] = {}
        for resource in self.resources.values():
            if resource.type == GROUP:
                found.setdefault(resource.name, []).extend(_policies(resource))
            elif resource.type == "AWS::IAM::GroupPolicy":
                found.setdefault(str(resource.get("GroupName")), []).extend(_policies(resource))
            elif "Groups" in resource.properties and resource.type != USER:
                for group in resource.listed("Groups"):
                    found.setdefault(str(group), []).extend(_policies(resource))
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
            (account.account.place.account, access.principal.name): {
                label for grant in access.grants for label in grant.by
            }
            - {label for cut in access.cuts for label in cut.by}
            for account in self.review.accounts
            for access in account.accesses
        }

    def principals(self, account: str) -> Iterator[Principal]:
        """The principals of an account."""
        for each in self.review.accounts:
            if each.account.place.account == account:
                yield from each.account.principals


def _memberships(resource: Resource) -> Iterator[tuple[str, list[str]]]:
    if resource.type == USER:
        yield resource.name, [*_listed(resource, "Groups")]
    elif resource.type == _ADDITION:
        for user in _listed(resource, "Users"):
            yield user, [str(resource.get("GroupName"))]


def key_of(template: Template) -> Key:
    return template.stack, template.place.account, template.place.region


@dataclass(frozen=True, slots=True)
class Counterparts:
    """A resource on either side, None where it is not deployed, and what there is besides."""

    old: Resource | None
    new: Resource | None
    was: Side
    becomes: Side
    evaluated: Mapping[str, set[About]]
    """By account, what sentences are about."""

    @property
    def places(self) -> tuple[tuple[Resource, Resource], ...]:
        """The two here and, where nothing fixes the place, elsewhere; empty where one is not
        deployed."""
        if self.old is None or self.new is None:
            return ()
        key = (key_of(self.old.template), self.old.logical_id)
        old, new = (side.elsewhere.get(key) for side in (self.was, self.becomes))
        here = (self.old, self.new)
        return (here, (old or self.old, new or self.new)) if old or new else (here,)

    @property
    def both(self) -> tuple[Resource, ...]:
        """Those that there are."""
        return tuple(each for each in (self.old, self.new) if each)

    @property
    def account(self) -> str:
        """The account that they are of."""
        return self.both[0].template.place.account

    def is_evaluated(self, name: str) -> bool:
        """Whether sentences account for all of a difference of a property."""
        type_ = self.both[0].type
        if (type_, name) in _REPORTED:
            return True
        if type_ == RULE and name in _ROUTING:
            return not self._is_rerouted()
        if (type_, name) == (ROLE, "AssumeRolePolicyDocument"):
            return all(map(self._is_trust_told, self._differing(_trust)))
        return name in GRANTING.get(type_, ()) and self._is_iam_told()

    def is_told_as_runbook(self) -> bool:
        """Whether sentences account for what a document does."""
        return any(self._is_told(Aspect.RUNBOOK, each.name) for each in self.both)

    def _is_told(self, aspect: Aspect, name: str, second: str = "") -> bool:
        return (aspect, name, second) in self.evaluated.get(self.account, ())

    def _differing(self, parts: Callable[[Resource], Iterable[_Part]]) -> set[_Part]:
        """The parts of the resource that are on one side only."""
        old, new = (set() if each is None else {*parts(each)} for each in (self.old, self.new))
        return old ^ new

    def _is_trust_told(self, part: _Trusted) -> bool:
        """Whether it is told that somebody is trusted now or no more: by name, or as a grant."""
        _, _, value, _, _ = part
        return any(
            self._is_told(Aspect.TRUST, role.name, value)
            or self._is_told(Aspect.STATEMENT, value.rsplit("/", 1)[-1], f"trust of {role.name}")
            for role in self.both
        )

    def _is_iam_told(self) -> bool:
        """Whether each statement and each attachment that differs does something that is told."""
        statements = self._differing(lambda each: _statements(each).keys())
        sides = [(each, s) for each, s in ((self.old, self.was), (self.new, self.becomes)) if each]
        attached = [{*_attached(each, side)} for each, side in sides]
        pairs = attached[0] ^ attached[1] if len(attached) > 1 else attached[0]
        if not statements and not pairs:
            # Written otherwise; or a group that comes or goes, which does nothing by itself.
            return len(sides) > 1 or self.both[0].type == GROUP
        sids = {key: sid for each in self.both for key, sid in _statements(each).items()}
        return all(
            any(
                f"{policy}/{sids[policy, statement]}" in self._labels(holder)
                for holder in self._holders(policy)
            )
            for policy, statement in statements
        ) and all(
            policy
            and any(label.startswith((f"{policy}/", f"{policy} (")) for label in self._labels(each))
            for each, policy in pairs
        )

    def _labels(self, holder: str) -> set[str]:
        """The statements that sentences about a principal account for: what they do is told, or
        they grant all that they allow, and more than before would have been told."""
        told = {
            label
            for aspect, name, label in self.evaluated.get(self.account, ())
            if (aspect, name) == (Aspect.STATEMENT, holder)
        }
        sides = (self.was, self.becomes)
        return told.union(*(side.granting.get((self.account, holder), ()) for side in sides))

    def _holders(self, policy: str) -> set[str]:
        """The names of the principals that hold a policy, as a boundary as well."""
        return {
            principal.name
            for side in (self.was, self.becomes)
            for principal in side.principals(self.account)
            if any(held.name == policy for held in principal.held)
        }

    def _is_rerouted(self) -> bool:
        """Whether the rules send something otherwise that is not of what came or went."""
        came_or_went = self.was.names ^ self.becomes.names
        old = self.was.routes.get(self.account, frozenset())
        new = self.becomes.routes.get(self.account, frozenset())
        mine = {each.logical_id for each in self.both}
        return any(
            route.rule in mine and not any(route.is_of(name) for name in came_or_went)
            for routes, others in ((old, new), (new, old))
            for route in routes
            if route.anyones not in {other.anyones for other in others}
        )


def _trust(role: Resource) -> Iterator[_Trusted]:
    """Each principal that a role's trust names, with all that the statement says of it."""
    document = role.get("AssumeRolePolicyDocument")
    for statement in read_policy(role.name, document).statements if document else ():
        for kind, value in statement.principals:
            what = (statement.actions, statement.but_actions)
            yield statement.allows, kind, value, what, statement.conditions


def _statements(resource: Resource) -> dict[tuple[str, Statement], str]:
    """The statements that a resource makes, with the name of the policy; and the Sid of each."""
    documents = [(str(i.get("PolicyName")), i.get("PolicyDocument")) for i in _inline(resource)]
    if "PolicyDocument" in resource.properties:
        documents.append((next(_policies(resource)), resource.get("PolicyDocument")))
    return {
        (name, replace(statement, sid="")): statement.sid
        for name, document in documents
        if document is not None
        for statement in read_policy(name, document).statements
    }


def _inline(resource: Resource) -> list[Mapping[str, Any]]:
    return resource.listed("Policies") if "Policies" in resource.properties else []


def _attached(resource: Resource, side: Side) -> Iterator[tuple[str, str]]:
    """Who holds which policy by a resource; a group without any gives an empty one."""
    if resource.type in (USER, ROLE):
        yield from ((resource.name, policy) for policy in _policies(resource))
        for group in resource.listed("Groups") if resource.type == USER else ():
            yield from ((resource.name, policy) for policy in side.by_group.get(group, [""]))
    elif resource.type == GROUP:
        yield from product(side.members(resource.name), _policies(resource))
    elif resource.type == _ADDITION:
        policies = side.by_group.get(str(resource.get("GroupName")), [""])
        yield from product(map(str, resource.listed("Users")), policies)
    else:
        holders = [name for key in ("Users", "Roles") for name in _listed(resource, key)]
        groups = [*_listed(resource, "Groups"), *_named(resource, "GroupName")]
        members = (member for group in groups for member in side.members(group))
        holders += [*_named(resource, "UserName"), *_named(resource, "RoleName"), *members]
        yield from product(holders, _policies(resource))


def _listed(resource: Resource, key: str) -> Iterator[str]:
    yield from map(str, resource.listed(key) if key in resource.properties else ())


def _named(resource: Resource, key: str) -> Iterator[str]:
    if key in resource.properties:
        yield str(resource.get(key))


def _policies(resource: Resource) -> Iterator[str]:
    """The names of the policies that a resource is or holds."""
    if resource.type == MANAGED_POLICY:
        yield resource.name
    elif resource.type in (USER, ROLE, GROUP):
        yield from (str(each.get("PolicyName")) for each in _inline(resource))
        yield from (str(arn).rsplit("/", 1)[-1] for arn in _listed(resource, "ManagedPolicyArns"))
    else:
        yield str(resource.get("PolicyName"))
