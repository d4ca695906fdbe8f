"""What ``cdk bootstrap`` makes in an account, as policies name it; no template here makes it.

Source: CDK, bootstrap template.
"""

from collections.abc import Iterable
from dataclasses import replace

from review.access.evaluation import Judge
from review.access.grants import Allowed
from review.templates.assembly_checks import ADMINISTRATION_STACK, AUDIT_STACK

_ADMINISTRATORS = (ADMINISTRATION_STACK, AUDIT_STACK)
_DEPLOYING = ("deploy", "file-publishing")


def qualifier_of(judge: Judge) -> str:
    """The qualifier of ``cdk bootstrap``, from the staging bucket's name."""
    assets = (template.asset for template in judge.account.templates if template.asset)
    return next((asset.split("-")[1] for asset in assets), "hnb659fds")


def stack_arn(judge: Judge, name: str, region: str = "") -> str:
    """The ARN of a stack, without what makes it one of those that have its name."""
    place = judge.account.place
    where = f"{region or place.region}:{place.account}"
    return f"arn:{place.partition}:cloudformation:{where}:stack/{name}"


def staging_buckets(judge: Judge, regions: Iterable[str]) -> list[str]:
    """The ARNs of the buckets that templates are uploaded to, one a Region."""
    place = judge.account.place
    bucket = f"arn:{place.partition}:s3:::cdk-{qualifier_of(judge)}-assets-{place.account}"
    return [f"{bucket}-{region}" for region in regions]


def bootstrap_role(judge: Judge, purpose: str, region: str = "") -> str:
    """The ARN of a role: ``deploy``, ``file-publishing``, ``cfn-exec``, an administrator."""
    place = judge.account.place
    where = f"{place.account}-{region or place.region}"
    return place.iam_arn(f"role/cdk-{qualifier_of(judge)}-{purpose}-role-{where}")


def roles_that_deploy_administration(judge: Judge) -> list[str]:
    """The roles that deploy what is the administrator's, by an administrator's rights."""
    homes = [t.region for t in judge.account.templates if t.stack in _ADMINISTRATORS]
    homes = [*dict.fromkeys(homes)]
    return [bootstrap_role(judge, purpose, home) for home in homes for purpose in _DEPLOYING]


def reading_the_version(judge: Judge, regions: Iterable[str]) -> Allowed:
    """What everything of CDK asks first."""
    parameter = f"parameter/cdk-bootstrap/{qualifier_of(judge)}/version"
    places = [replace(judge.account.place, region=region) for region in regions]
    resources = [place.ssm_arn(parameter) for place in places]
    return dict.fromkeys(("ssm:GetParameter", "ssm:GetParameters"), (resources, ()))
