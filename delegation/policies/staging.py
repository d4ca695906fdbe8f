"""The statements by which templates reach CDK's staging bucket, under a prefix of one's own.

``qualifier`` is that of ``cdk bootstrap``.
"""

from collections.abc import Iterable

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.keys import key_region
from delegation.policies.statements import Statement

_CDK = "CDK, what its CLI 2.1148.1 calls, and its bootstrap template"


def staged(regions: Iterable[str], qualifier: str, prefix: str) -> tuple[str, ...]:
    """The ARNs of every object under a prefix, in each Region's bucket."""
    return tuple(f"{names.staging_bucket_arn(qualifier, region)}/{prefix}*" for region in regions)


def find_templates(
    regions: Iterable[str], qualifier: str, prefix: str
) -> tuple[Statement, Statement]:
    """What the CDK CLI asks of a bucket before it uploads under a prefix."""
    buckets = tuple(names.staging_bucket_arn(qualifier, region) for region in regions)
    return (
        Statement(
            sid="FindTemplates",
            actions=("s3:ListBucket",),
            resources=buckets,
            conditions=(("StringLike", "s3:prefix", (f"{prefix}*",)),),
            why="the CDK CLI uploads what is not there yet",
            source=_CDK,
        ),
        Statement(
            sid="ReadBucketSettings",
            actions=("s3:GetBucketLocation", "s3:GetEncryptionConfiguration"),
            resources=buckets,
            why="the CDK CLI uploads as the bucket is encrypted",
            source=_CDK,
        ),
    )


def use_keys(deployment: Deployment, *actions: str) -> tuple[Statement, ...]:
    """What reading (``kms:Decrypt``) and writing (``kms:GenerateDataKey`` as well) take of the keys
    of the company's own that encrypt the buckets; nothing without such keys."""
    keys = deployment.bootstrap.keys
    services = tuple(f"s3.{key_region(key)}.${{AWS::URLSuffix}}" for key in keys)
    statement = Statement(
        sid="UseStagingKeys",
        actions=actions,
        resources=keys,
        conditions=(("StringEquals", "kms:ViaService", services),),
        why="templates are encrypted in the bucket, with a key of the company's own",
        source="AWS KMS Developer Guide, kms:ViaService; Amazon S3 User Guide, Using server-side "
        "encryption with AWS KMS keys",
    )
    return (statement,) if keys else ()


def read_bootstrap_version(regions: Iterable[str], qualifier: str) -> Statement:
    """What everything of CDK asks first."""
    return Statement(
        sid="ReadBootstrapVersion",
        actions=("ssm:GetParameter", "ssm:GetParameters"),
        resources=tuple(
            names.ssm_arn(f"parameter/cdk-bootstrap/{qualifier}/version", region)
            for region in regions
        ),
        why="the CDK CLI and the template ask whether the account is bootstrapped",
        source=_CDK,
    )
