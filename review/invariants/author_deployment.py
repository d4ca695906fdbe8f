"""What an author's deployment takes, and that it is of RunbooksStack alone."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Evaluator
from review.access.grants import Allowed, Grant, is_among
from review.iam.names import CREATE_CHANGE_SET
from review.invariants.bootstrap import (
    bootstrap_role,
    is_of_a_staging_key,
    reading_the_version,
    stack_arn,
    staging_buckets,
)
from review.invariants.invariant import Proof
from review.model.account import Persona, Principal
from review.templates.stack_names import ADMINISTRATION_STACK, RUNBOOKS_STACK, unprefixed

_DEPLOYMENT_ROLE, _PUBLISHING_ROLE = "AuthorDeploymentRole", "AuthorPublishingRole"
_EXECUTION_ROLE = "AuthorExecutionRole"
_ROLE_KEY, _PREFIX = "cloudformation:RoleArn", "runbooks/"

_ON_STACK = tuple(
    f"cloudformation:{call}"
    for call in (
        *("DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents"),
        *("DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate"),
    )
)
_AS_EXECUTION_ROLE = (
    *(CREATE_CHANGE_SET, "cloudformation:ContinueUpdateRollback"),
    "cloudformation:RollbackStack",
)
_ON_TEMPLATES = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject")
_ON_BUCKET = ("s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:ListBucket")
"""What the CDK CLI calls for a deployment. Source: CDK CLI 2.1148.1."""


def is_of_deployment(evaluator: Evaluator, grant: Grant) -> bool:
    """Whether a grant is what a deployment of RunbooksStack takes, and no wider."""
    execution = f"{_ROLE_KEY} ArnEquals {evaluator.account.role_arn(_EXECUTION_ROLE)}"
    stack = evaluator.account.prefix + RUNBOOKS_STACK
    stacks = [f"{stack_arn(evaluator, stack, region)}/*" for region in evaluator.account.regions]
    buckets = staging_buckets(evaluator, evaluator.account.regions)
    allowed: Allowed = {
        **dict.fromkeys((*_ON_STACK, "cloudformation:UpdateTerminationProtection"), (stacks, ())),
        **dict.fromkeys(_AS_EXECUTION_ROLE, (stacks, (execution,))),
        **dict.fromkeys(_ON_TEMPLATES, ([f"{b}/{_PREFIX}*" for b in buckets], ())),
        **dict.fromkeys(_ON_BUCKET, (buckets, ())),
        **reading_the_version(evaluator, evaluator.account.regions),
    }
    return is_among(grant, allowed) or is_of_a_staging_key(evaluator, grant)


def deploys(evaluator: Evaluator) -> Proof:
    """That authors can deploy RunbooksStack, no other stack, and replace no other's template."""
    decisions: list[Decision] = []
    others = _templates(evaluator, of_runbooks=False)
    for access in evaluator.accesses_of(Persona.AUTHOR, Persona.AUTHOR_ROLE):
        decisions += [
            evaluator.evaluate(access.principal, "s3:PutObject", template, expected=False)
            for template in others
        ]
        stack = _stack(evaluator, ADMINISTRATION_STACK)
        execute = "cloudformation:ExecuteChangeSet"
        decisions.append(evaluator.evaluate(access.principal, execute, stack, expected=False))
        if access.principal.arn == evaluator.account.role_arn(_DEPLOYMENT_ROLE):
            decisions += _changes(evaluator, access.principal)
        if access.principal.arn == evaluator.account.role_arn(_PUBLISHING_ROLE):
            decisions += _uploads(evaluator, access.principal)
    return Proof((), tuple(dict.fromkeys(decisions)))


def _changes(evaluator: Evaluator, role: Principal) -> Iterator[Decision]:
    """What a deployment takes of the deployment role, each with a twin that it does not."""
    own, other = _stack(evaluator, RUNBOOKS_STACK), _stack(evaluator, ADMINISTRATION_STACK)
    for action in _ON_STACK:
        yield evaluator.evaluate(role, action, own, expected=True)
        yield evaluator.evaluate(role, action, other, expected=False)
    for template in _templates(evaluator, of_runbooks=True):
        yield evaluator.evaluate(role, "s3:GetObject", template, expected=True)
    execution = {_ROLE_KEY: evaluator.account.role_arn(_EXECUTION_ROLE)}
    yield evaluator.evaluate(role, CREATE_CHANGE_SET, own, expected=True, context=execution)
    yield evaluator.evaluate(role, CREATE_CHANGE_SET, own, expected=False)
    yield evaluator.evaluate(role, CREATE_CHANGE_SET, other, expected=False, context=execution)
    administrator = {_ROLE_KEY: bootstrap_role(evaluator, "cfn-exec")}
    yield evaluator.evaluate(role, CREATE_CHANGE_SET, own, expected=False, context=administrator)


def _uploads(evaluator: Evaluator, role: Principal) -> Iterator[Decision]:
    """What a deployment takes of the publishing role, with twins."""
    for template in _templates(evaluator, of_runbooks=True):
        bucket, _, key = template.partition("/")
        yield evaluator.evaluate(role, "s3:PutObject", template, expected=True)
        yield evaluator.evaluate(role, "s3:AbortMultipartUpload", template, expected=True)
        for prefix, expected in ((key, True), ("", False)):
            context = {"s3:prefix": prefix}
            yield evaluator.evaluate(
                role, "s3:ListBucket", bucket, expected=expected, context=context
            )
        yield evaluator.evaluate(role, "s3:GetBucketLocation", bucket, expected=True)
        yield evaluator.evaluate(role, "s3:GetEncryptionConfiguration", bucket, expected=True)


def _templates(evaluator: Evaluator, *, of_runbooks: bool) -> list[str]:
    """The ARNs of the staged templates of RunbooksStack, or of every other stack."""
    return [
        f"arn:{evaluator.account.environment.partition}:s3:::{template.asset}"
        for template in evaluator.account.templates
        if template.asset and (unprefixed(template.stack) == RUNBOOKS_STACK) == of_runbooks
    ]


def _stack(evaluator: Evaluator, name: str) -> str:
    return f"{stack_arn(evaluator, evaluator.account.prefix + name)}/example"
