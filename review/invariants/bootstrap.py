"""What ``cdk bootstrap`` makes in an account, as policies name it; no template here makes it.

Source: CDK, bootstrap template.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from review.access.evaluation import Evaluator
from review.access.grants import Allowed, Grant
from review.templates.assembly_checks import bucket_qualifier
from review.templates.stack_names import ADMINISTRATORS, unprefixed

_DEPLOYING = ("deploy", "file-publishing")
_PURPOSES = ("deploy", "cfn-exec", "file-publishing")
"""What the roles of a template's ``deployers`` are for."""
_STAGING_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
_BY_S3 = re.compile(r"kms:ViaService StringEquals s3\.[a-z0-9.-]+(?:, s3\.[a-z0-9.-]+)*")
_KEY = re.compile(r"arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/[0-9a-zA-Z-]+")


def qualifier_of(evaluator: Evaluator) -> str:
    """The qualifier of ``cdk bootstrap``, from the staging bucket's name, else CDK's own."""
    assets = (template.asset or "" for template in evaluator.account.templates)
    named = (bucket_qualifier(asset.split("/")[0]) for asset in assets)
    return next(filter(None, named), "hnb659fds")


def stack_arn(evaluator: Evaluator, name: str, region: str = "") -> str:
    """The ARN of a stack, without what makes it one of those that have its name."""
    environment = evaluator.account.environment
    where = f"{region or environment.region}:{environment.account}"
    return f"arn:{environment.partition}:cloudformation:{where}:stack/{name}"


def staging_buckets(evaluator: Evaluator, regions: Iterable[str]) -> list[str]:
    """The ARNs of the buckets that templates are uploaded to, one a Region."""
    environment = evaluator.account.environment
    bucket = f"cdk-{qualifier_of(evaluator)}-assets-{environment.account}"
    return [f"arn:{environment.partition}:s3:::{bucket}-{region}" for region in regions]


def bootstrap_role(evaluator: Evaluator, purpose: str, region: str = "") -> str:
    """The ARN of a role: ``deploy``, ``file-publishing``, ``cfn-exec``, an administrator."""
    environment = evaluator.account.environment
    for template in evaluator.account.templates:
        is_there = template.region == (region or environment.region)
        if template.deployers and is_there and unprefixed(template.stack) in ADMINISTRATORS:
            return template.deployers[_PURPOSES.index(purpose)]
    where = f"{environment.account}-{region or environment.region}"
    return environment.iam_arn(f"role/cdk-{qualifier_of(evaluator)}-{purpose}-role-{where}")


def roles_that_deploy_administration(evaluator: Evaluator) -> list[str]:
    """The roles that deploy what is the administrator's, by an administrator's rights."""
    homes = [t.region for t in evaluator.account.templates if unprefixed(t.stack) in ADMINISTRATORS]
    homes = [*dict.fromkeys(homes)]
    return [bootstrap_role(evaluator, purpose, home) for home in homes for purpose in _DEPLOYING]


def is_of_a_staging_key(evaluator: Evaluator, grant: Grant) -> bool:
    """Whether a grant is the use of a key that encrypts a staging bucket, by way of S3 alone. The
    templates do not show which key that is: the lock file shows which they name."""
    match = _KEY.fullmatch(grant.resource)
    return (
        grant.action in _STAGING_KEY_ACTIONS
        and match is not None
        and match["account"] == evaluator.account.environment.account
        and any(_BY_S3.fullmatch(condition) for condition in grant.conditions)
    )


def reading_the_version(evaluator: Evaluator, regions: Iterable[str]) -> Allowed:
    """What everything of CDK asks first."""
    parameter = f"parameter/cdk-bootstrap/{qualifier_of(evaluator)}/version"
    places = [replace(evaluator.account.environment, region=region) for region in regions]
    resources = [environment.ssm_arn(parameter) for environment in places]
    return dict.fromkeys(("ssm:GetParameter", "ssm:GetParameters"), (resources, ()))
