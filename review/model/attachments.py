"""How policies reach principals: every way that CloudFormation has, in one place."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from review.errors import ReviewError
from review.iam.managed_policies import aws_managed_policy
from review.iam.statements import ALLOW_EVERYTHING, Policy, read_policy
from review.templates.resources import Resource

_KINDS = {"Users": "user", "Groups": "group", "Roles": "role"}
_SEPARATE = {
    "AWS::IAM::UserPolicy": ("user", "UserName"),
    "AWS::IAM::GroupPolicy": ("group", "GroupName"),
    "AWS::IAM::RolePolicy": ("role", "RoleName"),
}

Holder = tuple[str, str]
"""``user``, ``group`` or ``role``, and its name."""


class Attachments:
    """Which policies which user, group or role holds, and who is in which group."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.held: dict[Holder, list[Policy]] = defaultdict(list)
        self.groups: dict[str, list[str]] = defaultdict(list)
        """The groups of a user."""
        self.boundaries: dict[Holder, Policy] = {}
        self._managed: dict[str, Policy] = {}
        self._attached: set[str] = set()
        self._inline: set[tuple[Holder, str]] = set()
        resources = tuple(resources)
        for resource in resources:
            if resource.type == "AWS::IAM::ManagedPolicy":
                document = resource.get("PolicyDocument")
                self._managed[resource.arn] = read_policy(resource.name, document)
        for resource in resources:
            self._read(resource)
        made = {resource.name for resource in resources if resource.type == "AWS::IAM::Group"}
        for user, groups in self.groups.items():
            for group in groups:
                if group not in made:
                    raise ReviewError(
                        f"user {user} is in group {group}, which is in none of these templates: "
                        f"the review cannot show what it grants"
                    )

    def unattached(self) -> dict[str, Policy]:
        """Managed policies that no template attaches, by ARN: their holders are reported
        elsewhere."""
        return {arn: p for arn, p in self._managed.items() if arn not in self._attached}

    def _read(self, resource: Resource) -> None:
        if resource.type in ("AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Role"):
            self._read_identity(resource)
        elif resource.type == "AWS::IAM::ManagedPolicy":
            for holder in _named(resource):
                self._attach(holder, resource.arn, resource)
        elif resource.type == "AWS::IAM::Policy":
            policy = _inline(resource, resource.properties)
            for holder in _named(resource):
                self._hold(holder, policy, resource)
        elif resource.type in _SEPARATE:
            kind, key = _SEPARATE[resource.type]
            policy = _inline(resource, resource.properties)
            self._hold((kind, resource.get(key)), policy, resource)
        elif resource.type == "AWS::IAM::UserToGroupAddition":
            for user in resource.listed("Users"):
                self.groups[user].append(resource.get("GroupName"))

    def _read_identity(self, resource: Resource) -> None:
        holder = (resource.type.rsplit("::", 1)[1].lower(), resource.name)
        for inline in resource.listed("Policies"):
            self._hold(holder, _inline(resource, inline), resource)
        for arn in resource.listed("ManagedPolicyArns"):
            self._attach(holder, arn, resource)
        for group in resource.listed("Groups"):
            self.groups[resource.name].append(group)
        if boundary := resource.get("PermissionsBoundary"):
            self._attached.add(boundary)
            self.boundaries[holder] = self._boundary(boundary, resource)

    def _hold(self, holder: Holder, policy: Policy, resource: Resource) -> None:
        """Notes an inline policy; ReviewError for a second one of a name, which replaces it."""
        if (holder, policy.name) in self._inline:
            raise ReviewError(f"{resource.where}: a second policy {policy.name} of {holder[1]}")
        self._inline.add((holder, policy.name))
        self.held[holder].append(policy)

    def _attach(self, holder: Holder, arn: str, resource: Resource) -> None:
        policy = self._policy(arn, resource)
        self._attached.add(arn)
        if policy not in self.held[holder]:
            self.held[holder].append(policy)

    def _boundary(self, arn: str, resource: Resource) -> Policy:
        """A boundary. One of the account that is in none of these templates, such as a company's,
        is taken to allow everything: it can only take away from what the review shows."""
        own = resource.template.environment.iam_arn("policy/")
        if arn in self._managed or not arn.startswith(own):
            return self._policy(arn, resource)
        name = f"{arn.removeprefix(own)}, which is in none of these templates"
        return Policy(name=name, statements=(ALLOW_EVERYTHING,))

    def _policy(self, arn: str, resource: Resource) -> Policy:
        if arn in self._managed:
            return self._managed[arn]
        if arn.startswith("arn:") and arn.split(":")[4] == "aws":
            return aws_managed_policy(arn)
        raise ReviewError(
            f"{resource.where} holds {arn}, which is in none of these templates: "
            f"the review cannot show what it grants"
        )


def _named(resource: Resource) -> list[Holder]:
    return [(kind, name) for key, kind in _KINDS.items() for name in resource.listed(key)]


def _inline(resource: Resource, properties: Mapping[str, Any]) -> Policy:
    if not isinstance(properties, Mapping):
        raise ReviewError(f"{resource.where}: {properties!r} is not an inline policy")
    resolved = resource.resolver.resolve(
        {key: properties.get(key) for key in ("PolicyName", "PolicyDocument")}
    )
    return read_policy(str(resolved["PolicyName"]), resolved["PolicyDocument"])
