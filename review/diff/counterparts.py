"""A resource of two assemblies: what sentences of a change account for.

By type, each property whose effect a review evaluates; whatever differs besides is listed
(`review.differences`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

from review.diff.gains import About, Aspect
from review.diff.sides import ADDITION, Side, inline_policies, key_of, listed, policies_of
from review.iam.statements import Policy, Statement, read_policy
from review.model.account import Principal
from review.templates.resource_types import (
    GROUP,
    LOG,
    MANAGED_POLICY,
    ROLE,
    RULE,
    SCHEDULE,
    TOPIC,
    TYPES,
    USER,
)
from review.templates.resources import Resource

REPORTED = {
    *((TOPIC, "Subscription"), (LOG, "RetentionInDays")),
    *((USER, "PermissionsBoundary"), (ROLE, "PermissionsBoundary")),
}
"""Properties of which each difference has a sentence of its own."""
ROUTING = {"EventPattern", "State", "Targets", "Name"}
"""Properties of a rule whose effect is in what it sends where."""
SCHEDULED = {
    *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate"),
    *("EndDate", "State"),
}
"""Properties of a schedule that say when it starts anything."""

GRANTING = {
    USER: {"UserName", "Groups", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    ROLE: {"RoleName", "ManagedPolicyArns", "Policies", "PermissionsBoundary"},
    GROUP: {"GroupName", "ManagedPolicyArns", "Policies"},
    MANAGED_POLICY: {"ManagedPolicyName", "PolicyDocument", "Users", "Groups", "Roles"},
    **{
        name: TYPES[name].properties
        for name in (
            *("AWS::IAM::Policy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"),
            *("AWS::IAM::RolePolicy", ADDITION),
        )
    },
}
"""By type, the properties whose effect is in the grants of somebody."""

_Trusted = tuple[bool, str, str, tuple[tuple[str, ...], bool], Any]
"""Whether a trust allows, kind and name of a principal, actions, conditions."""
_Part = TypeVar("_Part")


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
        return self.both[0].template.environment.account

    def is_evaluated(self, name: str) -> bool:
        """Whether sentences account for all of a difference of a property."""
        type_ = self.both[0].type
        if (type_, name) in REPORTED:
            return True
        if type_ == RULE and name in ROUTING:
            return not self._is_rerouted()
        if type_ == SCHEDULE and name in SCHEDULED:
            return any(
                self._is_reported(Aspect.SCHEDULE, each.name, each.region) for each in self.both
            )
        if (type_, name) == (ROLE, "AssumeRolePolicyDocument"):
            return all(map(self._is_trust_reported, self._differing(_trust)))
        return name in GRANTING.get(type_, ()) and self._is_iam_reported()

    def is_reported_as_runbook(self) -> bool:
        """Whether sentences account for what a document does."""
        return any(self._is_reported(Aspect.RUNBOOK, each.name) for each in self.both)

    def _is_reported(self, aspect: Aspect, name: str, second: str = "") -> bool:
        return (aspect, name, second) in self.evaluated.get(self.account, ())

    def _differing(self, parts: Callable[[Resource], Iterable[_Part]]) -> set[_Part]:
        """The parts of the resource that are on one side only."""
        old, new = (set() if each is None else {*parts(each)} for each in (self.old, self.new))
        return old ^ new

    def _is_trust_reported(self, part: _Trusted) -> bool:
        """Whether it is reported that somebody is trusted now or no more: by name, or as a
        grant."""
        _, _, value, _, _ = part
        return any(
            self._is_reported(Aspect.TRUST, role.name, value)
            or self._is_reported(
                Aspect.STATEMENT, value.rsplit("/", 1)[-1], f"trust of {role.name}"
            )
            for role in self.both
        )

    def _is_iam_reported(self) -> bool:
        """Whether each statement and each attachment that differs does something that is
        reported."""
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
            and (
                any(label.startswith((f"{policy}/", f"{policy} (")) for label in self._labels(each))
                or self._is_without_effect(each, policy)
            )
            for each, policy in pairs
        )

    def _is_without_effect(self, holder: str, policy: str) -> bool:
        """Whether an attachment does nothing that a sentence could show: the holder has the policy
        on both sides, by other ways; or the policy holds nothing but Deny, and the holder is made
        on one side alone, so that nobody is held back less than before."""
        found: dict[str, list[tuple[Principal, list[Policy]]]] = {}
        for side in (self.was, self.becomes):
            for principal in side.principals(self.account):
                if principal.name == holder:
                    held = [each for each in principal.held if each.name == policy]
                    found.setdefault(principal.arn, []).append((principal, held))
        return bool(found) and all(
            all(held for _, held in sides)
            if len(sides) > 1
            else sides[0][0].is_whole
            and not any(s.allows for each in sides[0][1] for s in each.statements)
            for sides in found.values()
        )

    def _labels(self, holder: str) -> set[str]:
        """The statements that sentences about a principal account for: what they do is reported, or
        they grant all that they allow, and more than before would have been reported."""
        reported = {
            label
            for aspect, name, label in self.evaluated.get(self.account, ())
            if (aspect, name) == (Aspect.STATEMENT, holder)
        }
        sides = (self.was, self.becomes)
        return reported.union(*(side.granting.get((self.account, holder), ()) for side in sides))

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
    documents = [
        (str(i.get("PolicyName")), i.get("PolicyDocument")) for i in inline_policies(resource)
    ]
    if "PolicyDocument" in resource.properties:
        documents.append((next(policies_of(resource)), resource.get("PolicyDocument")))
    return {
        (name, replace(statement, sid="")): statement.sid
        for name, document in documents
        if document is not None
        for statement in read_policy(name, document).statements
    }


def _attached(resource: Resource, side: Side) -> Iterator[tuple[str, str]]:
    """Who holds which policy by a resource; a group without any gives an empty one."""
    if resource.type in (USER, ROLE):
        yield from ((resource.name, policy) for policy in policies_of(resource))
        for group in resource.listed("Groups") if resource.type == USER else ():
            yield from ((resource.name, policy) for policy in side.by_group.get(group, [""]))
    elif resource.type == GROUP:
        yield from product(side.members(resource.name), policies_of(resource))
    elif resource.type == ADDITION:
        policies = side.by_group.get(str(resource.get("GroupName")), [""])
        yield from product(map(str, resource.listed("Users")), policies)
    else:
        holders = [name for key in ("Users", "Roles") for name in listed(resource, key)]
        groups = [*listed(resource, "Groups"), *_named(resource, "GroupName")]
        members = (member for group in groups for member in side.members(group))
        holders += [*_named(resource, "UserName"), *_named(resource, "RoleName"), *members]
        yield from product(holders, policies_of(resource))


def _named(resource: Resource, key: str) -> Iterator[str]:
    if key in resource.properties:
        yield str(resource.get(key))
