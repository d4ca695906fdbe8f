"""What an author's deployment takes, and that it is of RunbooksStack alone."""

from collections.abc import Iterator

from review.aws import CREATE_CHANGE_SET
from review.grants import Access, Grant
from review.judge import Decision, Judge
from review.model import Part, Principal
from review.patterns import overlap
from review.promises import Proof, told

RUNBOOKS_STACK, _ADMINISTRATION_STACK = "RunbooksStack", "AdministrationStack"
_DEPLOYMENT_ROLE, _PUBLISHING_ROLE = "AuthorDeploymentRole", "AuthorPublishingRole"
_EXECUTION_ROLE = "AuthorExecutionRole"
_ROLE_KEY = "cloudformation:RoleArn"

_ON_STACK = tuple(
    f"cloudformation:{call}"
    for call in (
        *("DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents"),
        *("DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate"),
    )
)
DEPLOYMENT_ACTIONS = {
    *_ON_STACK,
    *(CREATE_CHANGE_SET, "cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack"),
    *("cloudformation:UpdateTerminationProtection", "ssm:GetParameter", "ssm:GetParameters"),
    *("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration"),
    *("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
}
"""What the CDK CLI calls for a deployment. Source: CDK CLI 2.1148.1."""


def deploys(judge: Judge) -> Proof:
    """That authors can deploy RunbooksStack, no other stack, and replace no other's template."""
    decisions: list[Decision] = []
    findings: list[str] = []
    others = _templates(judge, of_runbooks=False)
    for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE):
        findings += told(access, _beyond(access, others))
        decisions += [
            judge.ask(access.principal, "s3:PutObject", template, expected=False)
            for template in others
        ]
        stack = _stack(judge, _ADMINISTRATION_STACK)
        execute = "cloudformation:ExecuteChangeSet"
        decisions.append(judge.ask(access.principal, execute, stack, expected=False))
        if access.principal.name == _DEPLOYMENT_ROLE:
            decisions += _changes(judge, access.principal)
        if access.principal.name == _PUBLISHING_ROLE:
            decisions += _uploads(judge, access.principal)
    return Proof(tuple(findings), tuple(dict.fromkeys(decisions)))


def _beyond(access: Access, templates: list[str]) -> Iterator[Grant]:
    """The grants on other stacks than RunbooksStack, and those that write other templates."""
    for grant in access.grants:
        if grant.action.startswith("cloudformation:") and _stack_of(grant) != RUNBOOKS_STACK:
            yield grant
        if grant.action == "s3:PutObject" and any(overlap(grant.resource, t) for t in templates):
            yield grant


def _stack_of(grant: Grant) -> str:
    """The stack that a grant is on, by its whole name; empty where that is a pattern's."""
    return grant.resource.partition(":stack/")[2].split("/")[0]


def _changes(judge: Judge, role: Principal) -> Iterator[Decision]:
    """What a deployment takes of the deployment role, each with a twin that it does not."""
    own, other = _stack(judge, RUNBOOKS_STACK), _stack(judge, _ADMINISTRATION_STACK)
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
    name = f"cdk-{_qualifier(judge)}-cfn-exec-role-{place.account}-{place.region}"
    administrator = {_ROLE_KEY: place.iam_arn(f"role/{name}")}
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
        f"arn:{judge.account.place.partition}:s3:::{asset}"
        for stack, asset in judge.account.templates
        if (stack == RUNBOOKS_STACK) == of_runbooks
    ]


def _qualifier(judge: Judge) -> str:
    """The qualifier of ``cdk bootstrap``, from the staging bucket's name."""
    return next((asset.split("-")[1] for _, asset in judge.account.templates), "hnb659fds")


def _stack(judge: Judge, name: str) -> str:
    place = judge.account.place
    return (
        f"arn:{place.partition}:cloudformation:{place.region}:{place.account}:stack/{name}/example"
    )
