"""A resource of two assemblies: what sentences of a change account for.

By type, each property whose effect a review evaluates; whatever differs besides is listed
(`review.differences`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from review.assembly import Template
from review.gains import About, Aspect
from review.resource_types import GROUP, LOG, MANAGED_POLICY, ROLE, RULE, TOPIC, TYPES, USER
from review.resources import Resource, read_resources
from review.reviews import Review
from review.routes import routes_of

GRANTING = {
    USER: {"UserName", "Groups", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    ROLE: {"RoleName", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    GROUP: {"GroupName", "ManagedPolicyArns", "Policies"},
    MANAGED_POLICY: {"ManagedPolicyName", "PolicyDocument", "Users", "Groups", "Roles"},
    **{
        name: TYPES[name].properties
        for name in (
            *("AWS::IAM::Policy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"),
            *("AWS::IAM::RolePolicy", "AWS::IAM::UserToGroupAddition"),
        )
    },
}
"""By type, the properties whose effect is in the grants of somebody."""
_REPORTED = {(TOPIC, "Subscription"), (LOG, "RetentionInDays")}
"""Properties of which each difference has a sentence of its own."""
_ROUTING = {"EventPattern", "State", "Targets", "Name"}
"""Properties of a rule whose effect is in what it sends where."""
_ADDITION = "AWS::IAM::UserToGroupAddition"

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
            if "Groups" in resource.properties and resource.type != USER:
                for group in resource.listed("Groups"):
                    found.setdefault(str(group), []).extend(_policies(resource))
        return found

    def holders(self, policy: str) -> set[str]:
        """The names of the principals that hold a policy, as a boundary as well."""
        return {
            access.principal.name
            for account in self.review.accounts
            for access in account.accesses
            if any(held.name == policy for held in access.principal.held)
        }


def key_of(template: Template) -> Key:
    return template.stack, template.place.account, template.place.region


@dataclass(frozen=True, slots=True)
class Counterparts:
    """A resource on either side, None where it is not deployed, and what there is besides."""

    old: Resource | None
    new: Resource | None
    was: Side
    becomes: Side
    evaluated: set[About]

    @property
    def both(self) -> tuple[Resource, ...]:
        """Those that there are."""
        return tuple(each for each in (self.old, self.new) if each)

    def is_evaluated(self, name: str) -> bool:
        """Whether sentences account for a difference of a property."""
        type_ = self.both[0].type
        if (type_, name) in _REPORTED:
            return True
        if type_ == RULE and name in _ROUTING:
            return not self._rerouted()
        if type_ == ROLE and name == "AssumeRolePolicyDocument":
            return self._is_told(Aspect.TRUST, {each.name for each in self.both})
        if name in GRANTING.get(type_, ()):
            return self._is_told(Aspect.GRANTS, set(self._holders(name)))
        return False

    def _is_told(self, aspect: Aspect, names: set[str]) -> bool:
        return any((aspect, name) in self.evaluated for name in names)

    def is_told_as_runbook(self) -> bool:
        """Whether sentences account for what a document does."""
        return self._is_told(Aspect.RUNBOOK, {each.name for each in self.both})

    def _holders(self, name: str) -> Iterator[str]:
        """Those whose grants a property of the resource bears on."""
        for each in self.both:
            if each.type in (USER, ROLE):
                yield each.name
            elif each.type == _ADDITION:
                yield from map(str, each.listed("Users"))
            else:
                for policy in (*_policies(each), *self._of_group(each)):
                    yield from self.was.holders(policy) | self.becomes.holders(policy)

    def _of_group(self, resource: Resource) -> Iterator[str]:
        """The policies that name a group as their holder."""
        if resource.type == GROUP:
            for side in (self.was, self.becomes):
                yield from side.by_group.get(resource.name, ())

    def _rerouted(self) -> bool:
        """Whether the rules send something otherwise that is not of what came or went."""
        came_or_went = self.was.names ^ self.becomes.names
        account = self.both[0].template.place.account
        old = self.was.routes.get(account, frozenset())
        new = self.becomes.routes.get(account, frozenset())
        mine = {each.logical_id for each in self.both}
        return any(
            route.rule in mine and not any(route.is_of(name) for name in came_or_went)
            for routes, others in ((old, new), (new, old))
            for route in routes
            if route.anyones not in {other.anyones for other in others}
        )


def _policies(resource: Resource) -> Iterator[str]:
    """The names of the policies that a policy or group is or holds."""
    if resource.type == MANAGED_POLICY:
        yield resource.name
    elif resource.type == GROUP:
        yield from (str(each.get("PolicyName")) for each in resource.listed("Policies"))
        yield from (str(arn).rsplit("/", 1)[-1] for arn in resource.listed("ManagedPolicyArns"))
    else:
        yield str(resource.get("PolicyName"))
