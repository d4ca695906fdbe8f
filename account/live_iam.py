"""IAM as it is: every user, group, role and policy of the account, by one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from account.aws import Aws
from account.errors import Unreadable
from account.expected import Holder
from review.model.account import Kind, Principal

_KINDS = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A user, group or role."""

    kind: str
    name: str
    arn: str
    attached: frozenset[str]
    """ARNs of its managed policies."""
    inline: Mapping[str, Any]
    """Its inline policies by name."""
    groups: tuple[str, ...] = ()
    boundary: str | None = None
    trust: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """``role NAME``."""
        return f"{self.kind} {self.name}"

    @property
    def principal(self) -> Principal:
        """A user or role as the review knows callers, without what it holds."""
        return Principal(name=self.name, arn=self.arn, kind=Kind(self.kind))


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedPolicy:
    """A managed policy with its default version."""

    arn: str
    version: str
    document: Any


@dataclass(frozen=True, slots=True)
class LiveIam:
    """What the account holds."""

    identities: Mapping[Holder, Identity]
    policies: Mapping[str, ManagedPolicy]
    """By ARN; AWS's own as far as anybody holds them."""


def read_iam(aws: Aws) -> LiveIam:
    """Everything in IAM. Source: IAM API Reference, GetAccountAuthorizationDetails."""
    identities: dict[Holder, Identity] = {}
    policies: dict[str, ManagedPolicy] = {}
    for page in aws.pages("iam", "get_account_authorization_details"):
        for key, kind in _KINDS.items():
            for detail in page.get(key, ()):
                found = _identity(kind, detail)
                identities[kind, found.name] = found
        for detail in page.get("Policies", ()):
            versions = detail.get("PolicyVersionList", ())
            default = next((v for v in versions if v["IsDefaultVersion"]), None)
            if default is None:
                raise Unreadable(f"iam: the default version of {detail['Arn']} is in no answer")
            policies[detail["Arn"]] = ManagedPolicy(
                arn=detail["Arn"], version=default["VersionId"], document=default["Document"]
            )
    return LiveIam(identities, policies)


def _identity(kind: str, detail: Mapping[str, Any]) -> Identity:
    title = kind.capitalize()
    boundary = detail.get("PermissionsBoundary") or {}
    return Identity(
        kind=kind,
        name=detail[f"{title}Name"],
        arn=detail["Arn"],
        attached=frozenset(each["PolicyArn"] for each in detail.get("AttachedManagedPolicies", ())),
        inline={
            each["PolicyName"]: each["PolicyDocument"]
            for each in detail.get(f"{title}PolicyList", ())
        },
        groups=tuple(detail.get("GroupList", ())),
        boundary=boundary.get("PermissionsBoundaryArn"),
        trust=detail.get("AssumeRolePolicyDocument") or {},
    )
