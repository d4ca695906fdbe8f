"""Rules that a company has for everything in its accounts: names, tags, a permissions boundary."""

import re
from dataclasses import dataclass

from delegation.deployment.validation import require_bool, require_tag, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.document_tags import (
    DESCRIPTION,
    FLEET,
    INSTANCES,
    OWN_EXECUTIONS,
    SERVICE_ROLE,
    TEAM,
)

_OF_DOCUMENTS = (SERVICE_ROLE, DESCRIPTION, TEAM, FLEET, OWN_EXECUTIONS, INSTANCES)
_MOST_TAGS = 45
"""50 that a resource may have, less the five of a document: it is of a fleet or has own executions.
Source: Systems Manager User Guide, Tagging Systems Manager resources."""
_POLICY = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,128}", re.ASCII)
_PREFIX = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]{0,31})?", re.ASCII)
"""The longest name after it, ``PipelineAdministrationRole``, is a role's, of 64 characters.
Source: IAM User Guide, IAM and STS quotas; CloudFormation API Reference, CreateStack."""
_PATH = re.compile(r"/(?=.{0,127}\Z)(?:[\w+=,.@-]+/)*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyBoundary:
    """A managed policy that the company's rules ask for as the permissions boundary of every IAM
    user and role."""

    policy: str
    """Its name in the account, after its path if it has one: ``OrgBoundary``,
    ``company/OrgBoundary``. It has to exist before the deployment."""
    on_service_roles: bool = False
    """Whether service roles have it too, in place of a boundary of their own. A role has one
    boundary, and ``AmazonSSMAutomationRole`` grants more than runbooks need: it is not attached
    then, and a policy of the role's own grants exactly what its runbooks need."""

    def __post_init__(self) -> None:
        if not isinstance(self.policy, str) or not _POLICY.fullmatch(self.policy):
            is_arn = isinstance(self.policy, str) and self.policy.startswith("arn:")
            hint = "; an ARN names its account, a name holds in each" if is_arn else ""
            raise DelegationError(
                f"policy of the CompanyBoundary {self.policy!r} is not the name of a managed "
                f"policy of the account, after its path if it has one (OrgBoundary, "
                f"company/OrgBoundary){hint} {IN_DEPLOYMENTS}"
            )
        require_bool("on_service_roles of the CompanyBoundary", self.on_service_roles)


def check_naming(prefix: object, path: object) -> None:
    """Raises DelegationError for what is neither a prefix of names nor a path of IAM."""
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise DelegationError(
            f"name_prefix {prefix!r} is not a letter with letters, digits or hyphens after it, 32 "
            f"at most: the names of stacks begin with it {IN_DEPLOYMENTS}"
        )
    check_path("iam_path", path)


def check_path(field: str, path: object) -> None:
    """Raises DelegationError for what is not a path of IAM of a user's own."""
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise DelegationError(
            f"{field} {path!r} is not a path of IAM, at most 128 characters between slashes: "
            f"'/automation/', '/company/automation/' {IN_DEPLOYMENTS}"
        )
    if path.startswith(("/aws-reserved/", "/aws-service-role/")):
        raise DelegationError(
            f"{field} {path!r} is one of AWS's own; choose another {IN_DEPLOYMENTS}"
        )


def check_tags(tags: object) -> None:
    """Raises DelegationError for what are not the tags of a deployment."""
    require_tuple("tags", tags)
    assert isinstance(tags, tuple)
    seen: set[str] = set()
    for tag in tags:
        require_tag("a tag of the deployment", tag)
        key, value = tag
        if not value:
            raise DelegationError(
                f"tag {key!r} of the deployment has no value, which a stack's tag needs "
                f"{IN_DEPLOYMENTS}"
            )
        if key.lower() in map(str.lower, _OF_DOCUMENTS):
            raise DelegationError(
                f"tag {key!r} of the deployment is one that documents have already; choose another "
                f"key {IN_DEPLOYMENTS}"
            )
        if key.lower() in seen:
            raise DelegationError(
                f"tag {key!r} of the deployment is named twice; IAM takes keys that differ in "
                f"letter case only for one {IN_DEPLOYMENTS}"
            )
        seen.add(key.lower())
    if len(tags) > _MOST_TAGS:
        raise DelegationError(
            f"the deployment has {len(tags)} tags; {_MOST_TAGS} at most {IN_DEPLOYMENTS}"
        )
