"""The deployment's own users, groups, roles and policies, compared with the templates."""

from collections.abc import Iterator

from account.aws import Aws
from account.expected import Expected, canonical
from account.findings import Finding, Harm
from account.live_iam import Identity, LiveIam
from review.templates.resource_types import GROUP, MANAGED_POLICY, PROVIDER, ROLE, USER
from review.templates.resources import Resource

_BY_HAND = "somebody changed it by hand, or by another deployment"
_REVERT = "revert it in IAM, or deploy the stack again after a change of the template"
_PERMISSION_SETS = ":role/aws-reserved/sso.amazonaws.com/"
"""How the ARNs of roles begin that Identity Center makes.
Source: IAM Identity Center User Guide, Referencing permission sets in resource policies."""


def check_identities(live: LiveIam, expected: Expected) -> Iterator[Finding]:
    """A finding for each difference between IAM and the templates."""
    attached = expected.attached
    for resource in expected.of_type(USER, GROUP, ROLE):
        found = live.identities.get((resource.kind, resource.name))
        if found is None:
            yield Finding(
                Harm.FUNCTION,
                f"{resource.kind} {resource.name} does not exist",
                "it was deleted, or never deployed",
                "make diff, then make deploy",
            )
            continue
        yield from _compare(found, resource, attached.get((resource.kind, resource.name), set()))
    for resource in expected.of_type(MANAGED_POLICY):
        yield from _check_policy(live, resource)
    yield from _check_holders(live, expected)
    yield from _check_members(live, expected)


def _compare(found: Identity, resource: Resource, attached: set[str]) -> Iterator[Finding]:
    if found.arn != resource.arn:
        yield Finding(
            Harm.FUNCTION,
            f"{found.title} has the ARN {found.arn}, not {resource.arn}",
            "somebody made it again under another path; what names it does not reach it",
            "delete it and deploy the stack again",
        )
    for policy in sorted(found.attached - attached):
        yield Finding(
            Harm.ACCESS,
            f"{found.title} holds {policy}, which no template gives it",
            _BY_HAND,
            _REVERT,
        )
    inline = {each["PolicyName"]: each["PolicyDocument"] for each in resource.listed("Policies")}
    for name, document in sorted(found.inline.items()):
        if name not in inline or canonical(document) != canonical(inline[name]):
            yield Finding(
                Harm.ACCESS,
                f"{found.title} holds the inline policy {name}, which no template gives it",
                _BY_HAND,
                _REVERT,
            )
    for name in sorted(inline.keys() - found.inline.keys()):
        yield Finding(
            Harm.ACCESS,
            f"{found.title} does not hold the inline policy {name}",
            f"{_BY_HAND}; what it denies is not denied, what it grants is missing",
            _REVERT,
        )
    boundary = resource.get("PermissionsBoundary")
    if found.boundary != boundary:
        yield Finding(
            Harm.ACCESS,
            f"{found.title} has the permissions boundary {found.boundary or 'none'}, not "
            f"{boundary or 'none'}",
            _BY_HAND,
            _REVERT,
        )
    if resource.type == ROLE:
        wanted = resource.get("AssumeRolePolicyDocument")
        if canonical(found.trust) != canonical(wanted):
            yield Finding(
                Harm.ACCESS,
                f"the trust policy of {found.title} is not the one that was synthesized",
                f"{_BY_HAND}; or a principal that it names was deleted, whose id stands there now",
                _REVERT,
            )


def _check_policy(live: LiveIam, resource: Resource) -> Iterator[Finding]:
    found = live.policies.get(resource.arn)
    if found is None:
        yield Finding(
            Harm.ACCESS,
            f"policy {resource.name} does not exist",
            "it was deleted, or never deployed; what it denies is not denied",
            "make diff, then make deploy",
        )
    elif canonical(found.document) != canonical(resource.get("PolicyDocument")):
        yield Finding(
            Harm.ACCESS,
            f"policy {resource.name}, version {found.version}, is not the one that was synthesized",
            _BY_HAND,
            _REVERT,
        )


def _check_holders(live: LiveIam, expected: Expected) -> Iterator[Finding]:
    """Who holds the deployment's policies beside those of the templates, and who lost them."""
    own = {policy.arn: policy.name for policy in expected.of_type(MANAGED_POLICY)}
    attached = expected.attached
    made = expected.made
    for holder, found in live.identities.items():
        beyond = (found.attached & own.keys()) - attached.get(holder, set())
        for arn in sorted(beyond if holder not in made else ()):
            is_permission_set = _PERMISSION_SETS in found.arn
            yield Finding(
                Harm.NOTE if is_permission_set else Harm.ACCESS,
                f"{found.title} holds {own[arn]}, which no template gives it",
                "a permission set of IAM Identity Center names it"
                if is_permission_set
                else "somebody attached it by hand: it is an operator, approver or auditor now",
                "compare with deployments.py"
                if is_permission_set
                else "detach it, or name it in deployments.py",
            )
    for holder, policies in attached.items():
        holding = live.identities.get(holder)
        if holding is None and holder not in made:
            yield Finding(
                Harm.FUNCTION,
                f"{' '.join(holder)} does not exist, and the templates give it policies",
                "it was deleted",
                "take it from deployments.py, or make it again",
            )
        elif holding is not None:
            for arn in sorted(policies - holding.attached):
                yield Finding(
                    Harm.ACCESS,
                    f"{holding.title} does not hold {arn.rsplit('/', 1)[-1]}",
                    "somebody detached it: what it denies is not denied, what it grants is missing",
                    _REVERT,
                )


def check_providers(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each identity provider that is missing, or serves other clients."""
    for provider in expected.of_type(PROVIDER):
        arn = provider.attribute("Arn")
        what = f"identity provider {arn}"
        found = aws.read("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
        if found is None:
            yield Finding(
                Harm.FUNCTION,
                f"{what} does not exist",
                "it was deleted, or never deployed; no job signs in",
                "make diff, then make deploy",
            )
            continue
        clients, wanted = sorted(found["ClientIDList"]), sorted(provider.listed("ClientIdList"))
        if clients != wanted:
            yield Finding(
                Harm.ACCESS,
                f"{what} serves the clients {', '.join(clients)}, not {', '.join(wanted)}",
                _BY_HAND,
                _REVERT,
            )


def _check_members(live: LiveIam, expected: Expected) -> Iterator[Finding]:
    members = expected.members
    for (kind, name), found in live.identities.items():
        if kind != "user":
            continue
        for group in found.groups:
            if group in members and name not in members[group]:
                yield Finding(
                    Harm.ACCESS,
                    f"user {name} is in group {group}, and no template puts them there",
                    "somebody added them by hand",
                    "remove them from the group, or name them in deployments.py",
                )
    for group, names in members.items():
        for name in sorted(names):
            member = live.identities.get(("user", name))
            if member is not None and group not in member.groups:
                yield Finding(
                    Harm.ACCESS,
                    f"user {name} is not in group {group}",
                    "somebody removed them: what the group denies is not denied to them",
                    _REVERT,
                )
    own_users = {user.name: set(user.listed("Groups")) for user in expected.of_type(USER)}
    for name, groups in own_users.items():
        member = live.identities.get(("user", name))
        for group in sorted(set(member.groups if member else ()) - groups - members.keys()):
            yield Finding(
                Harm.ACCESS,
                f"user {name} is in group {group}, and no template puts them there",
                "somebody added them by hand",
                "remove them from the group",
            )
