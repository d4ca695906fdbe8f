"""What ``cdk bootstrap`` makes in an account, as policies name it; no template here makes it.

Source: CDK, bootstrap template.
"""

from collections.abc import Iterable
from dataclasses import replace

from review.access.evaluation import Evaluator
from review.access.grants import Allowed
from review.templates.assembly_checks import bucket_qualifier
from review.templates.stack_names import ADMINISTRATION_STACK, AUDIT_STACK, unprefixed

_ADMINISTRATORS = (ADMINISTRATION_STACK, AUDIT_STACK)
_DEPLOYING = ("deploy", "file-publishing")


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
    where = f"{environment.account}-{region or environment.region}"
    return environment.iam_arn(f"role/cdk-{qualifier_of(evaluator)}-{purpose}-role-{where}")


def roles_that_deploy_administration(evaluator: Evaluator) -> list[str]:
    """The roles that deploy what is the administrator's, by an administrator's rights."""
    homes = [
        t.region for t in evaluator.account.templates if unprefixed(t.stack) in _ADMINISTRATORS
    ]
    homes = [*dict.fromkeys(homes)]
    return [bootstrap_role(evaluator, purpose, home) for home in homes for purpose in _DEPLOYING]


def reading_the_version(evaluator: Evaluator, regions: Iterable[str]) -> Allowed:
    """What everything of CDK asks first."""
    parameter = f"parameter/cdk-bootstrap/{qualifier_of(evaluator)}/version"
    places = [replace(evaluator.account.environment, region=region) for region in regions]
    resources = [environment.ssm_arn(parameter) for environment in places]
    return dict.fromkeys(("ssm:GetParameter", "ssm:GetParameters"), (resources, ()))
