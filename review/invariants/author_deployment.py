"""What an author's deployment takes, and that it is of RunbooksStack alone."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Judge
from review.access.grants import Allowed, Grant, is_among
from review.iam.names import CREATE_CHANGE_SET
from review.invariants.bootstrap import (
    bootstrap_role,
    reading_the_version,
    stack_arn,
    staging_buckets,
)
from review.invariants.invariant import Proof
from review.model.account import Part, Principal
from review.templates.assembly_checks import ADMINISTRATION_STACK, RUNBOOKS_STACK

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


def is_of_deployment(judge: Judge, grant: Grant) -> bool:
    """Whether a grant is what a deployment of RunbooksStack takes, and no wider."""
    execution = f"{_ROLE_KEY} ArnEquals {judge.account.place.iam_arn(f'role/{_EXECUTION_ROLE}')}"
    stacks = [f"{stack_arn(judge, RUNBOOKS_STACK, region)}/*" for region in judge.account.regions]
    buckets = staging_buckets(judge, judge.account.regions)
    allowed: Allowed = {
        **dict.fromkeys((*_ON_STACK, "cloudformation:UpdateTerminationProtection"), (stacks, ())),
        **dict.fromkeys(_AS_EXECUTION_ROLE, (stacks, (execution,))),
        **dict.fromkeys(_ON_TEMPLATES, ([f"{b}/{_PREFIX}*" for b in buckets], ())),
        **dict.fromkeys(_ON_BUCKET, (buckets, ())),
        **reading_the_version(judge, judge.account.regions),
    }
    return is_among(grant, allowed)


def deploys(judge: Judge) -> Proof:
    """That authors can deploy RunbooksStack, no other stack, and replace no other's template."""
    decisions: list[Decision] = []
    others = _templates(judge, of_runbooks=False)
    for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE):
        decisions += [
            judge.ask(access.principal, "s3:PutObject", template, expected=False)
            for template in others
        ]
        stack = _stack(judge, ADMINISTRATION_STACK)
        execute = "cloudformation:ExecuteChangeSet"
        decisions.append(judge.ask(access.principal, execute, stack, expected=False))
        if access.principal.name == _DEPLOYMENT_ROLE:
            decisions += _changes(judge, access.principal)
        if access.principal.name == _PUBLISHING_ROLE:
            decisions += _uploads(judge, access.principal)
    return Proof((), tuple(dict.fromkeys(decisions)))


def _changes(judge: Judge, role: Principal) -> Iterator[Decision]:
    """What a deployment takes of the deployment role, each with a twin that it does not."""
    own, other = _stack(judge, RUNBOOKS_STACK), _stack(judge, ADMINISTRATION_STACK)
    for action in _ON_STACK:
        yield judge.ask(role, action, own, expected=True)
        yield judge.ask(role, action, other, expected=False)
    for template in _templates(judge, of_runbooks=True):
        yield judge.ask(role, "s3:GetObject", template, expected=True)
    place = judge.account.place
    execution = {_ROLE_KEY: place.iam_arn(f"role/{_EXECUTION_ROLE}")}
    yield judge.ask(role, CREATE_CHANGE_SET, own, expected=True, context=execution)
    yield judge.ask(role, CREATE_CHANGE_SET, own, expected=False)
    yield judge.ask(role, CREATE_CHANGE_SET, other, expected=False, context=execution)
    administrator = {_ROLE_KEY: bootstrap_role(judge, "cfn-exec")}
    yield judge.ask(role, CREATE_CHANGE_SET, own, expected=False, context=administrator)


def _uploads(judge: Judge, role: Principal) -> Iterator[Decision]:
    """What a deployment takes of the publishing role, with twins."""
    for template in _templates(judge, of_runbooks=True):
        bucket, _, key = template.partition("/")
        yield judge.ask(role, "s3:PutObject", template, expected=True)
        yield judge.ask(role, "s3:AbortMultipartUpload", template, expected=True)
        for prefix, expected in ((key, True), ("", False)):
            context = {"s3:prefix": prefix}
            yield judge.ask(role, "s3:ListBucket", bucket, expected=expected, context=context)
        yield judge.ask(role, "s3:GetBucketLocation", bucket, expected=True)
        yield judge.ask(role, "s3:GetEncryptionConfiguration", bucket, expected=True)


def _templates(judge: Judge, *, of_runbooks: bool) -> list[str]:
    """The ARNs of the staged templates of RunbooksStack, or of every other stack."""
    return [
        f"arn:{judge.account.place.partition}:s3:::{template.asset}"
        for template in judge.account.templates
        if template.asset and (template.stack == RUNBOOKS_STACK) == of_runbooks
    ]


def _stack(judge: Judge, name: str) -> str:
    return f"{stack_arn(judge, name)}/example"
