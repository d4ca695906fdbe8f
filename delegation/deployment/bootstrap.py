"""What ``cdk bootstrap`` made under other names than CDK's own, by a template of the company's."""

import re
from dataclasses import dataclass

from delegation.deployment.keys import is_key_arn
from delegation.deployment.validation import require_texts
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*|\$\{AWS::Partition\}):iam::"
    r"(?P<account>\d{12}|\$\{AWS::AccountId\}):role/"
    r"(?:[\w+=,.@-]+/)*(?P<name>(?:[\w+=,.@-]|\$\{AWS::(?:AccountId|Region)\})+)",
    re.ASCII,
)
_LONGEST = {"${AWS::AccountId}": "123456789012", "${AWS::Region}": "us-east-1"}
_ROLES = ("deployment_role", "publishing_role", "execution_role")


def _is_role(arn: object) -> bool:
    """Whether a value is the ARN of a role, its name no longer than IAM takes."""
    match = _ROLE_ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None:
        return False
    name = match["name"]
    for placeholder, value in _LONGEST.items():
        name = name.replace(placeholder, value)
    return len(name) <= 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """Roles and keys by which the CDK deploys, where they are not those that ``cdk bootstrap``
    makes by itself. The placeholders ``${AWS::Partition}``, ``${AWS::AccountId}`` and
    ``${AWS::Region}`` may be in the ARN of a role.

    Source: AWS CDK Developer Guide, Customize AWS CDK bootstrapping.
    """

    deployment_role: str | None = None
    """ARN of the role that creates and executes change sets; None for CDK's."""
    publishing_role: str | None = None
    """ARN of the role that uploads templates to the staging bucket; None for CDK's."""
    execution_role: str | None = None
    """ARN of the role that CloudFormation takes to make resources; None for CDK's."""
    keys: tuple[str, ...] = ()
    """ARNs of the KMS keys that encrypt the staging buckets, one a Region, where the keys' own
    policies do not let this project's roles use them. A key that ``cdk bootstrap`` makes lets
    everybody in the account use it by way of S3."""

    def __post_init__(self) -> None:
        for field in _ROLES:
            arn = getattr(self, field)
            if arn is not None and not _is_role(arn):
                raise DelegationError(
                    f"{field} of the Bootstrap {arn!r} is not the ARN of a role, its name of at "
                    f"most 64 characters "
                    f"(arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/NAME-${{AWS::Region}})"
                    f" {IN_DEPLOYMENTS}"
                )
        require_texts("keys of the Bootstrap", self.keys)
        for key in self.keys:
            if not is_key_arn(key):
                raise DelegationError(
                    f"key {key!r} of the Bootstrap is not a KMS key ARN "
                    f"(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) "
                    f"{IN_DEPLOYMENTS}"
                )

    @property
    def has_roles(self) -> bool:
        """Whether any role is another than CDK's."""
        return any(getattr(self, field) for field in _ROLES)

    def check_account(self, account: str | None, partition: str) -> None:
        """Raises DelegationError for a role or key of another account than the deployment's, which
        may be any (None), or of another partition, which may be unknown (empty)."""
        for arn in (*(getattr(self, field) for field in _ROLES), *self.keys):
            if arn is None:
                continue
            _, of_partition, _, _, of_account, _ = arn.replace("AWS::", "").split(":", 5)
            if ("{" not in of_account and of_account != account) or (
                partition and "{" not in of_partition and of_partition != partition
            ):
                raise DelegationError(
                    f"{arn!r} of the Bootstrap is not of the deployment's account and partition "
                    f"{IN_DEPLOYMENTS}"
                )
