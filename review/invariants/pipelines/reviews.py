"""What a pipeline's review takes, and that it changes nothing."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Evaluator
from review.access.grants import Allowed, is_among
from review.iam.names import (
    ASSUME_ROLE,
    CLOUDFORMATION,
    CREATE_CHANGE_SET,
    PASS_ROLE,
    PASSED_TO,
    START,
)
from review.invariants.bootstrap import (
    bootstrap_role,
    is_of_a_staging_key,
    reading_the_version,
    roles_that_deploy_administration,
    stack_arn,
    staging_buckets,
)
from review.invariants.invariant import Proof, as_findings
from review.model.account import Principal

COMPARISON = "PipelineComparisonRole"
_NAMED = "cloudformation:ChangeSetName"
_ROLE_KEY = "cloudformation:RoleArn"
_CHANGE_SET = "cdk-diff-change-set-"
_PREFIX = "review/"


def changes_nothing(evaluator: Evaluator, review: Principal, comparison: Principal | None) -> Proof:
    """That a review reads and compares, and neither executes a change nor writes a template that is
    deployed."""
    decisions = list(_review_decisions(evaluator, review))
    allowed = _allowed_to_review(evaluator)
    beyond = [
        grant
        for grant in evaluator.access(review).grants
        if not is_among(grant, allowed) and not is_of_a_staging_key(evaluator, grant)
    ]
    findings = as_findings(evaluator.access(review), beyond)
    if comparison is None:
        findings.append(f"the templates lack {COMPARISON}")
    else:
        decisions += _readings(evaluator, comparison)
        access = evaluator.access(comparison)
        findings += as_findings(
            access,
            (
                g
                for g in access.grants
                if not is_among(g, reading_the_version(evaluator, evaluator.account.stack_regions))
            ),
        )
    return Proof(tuple(findings), tuple(decisions))


def _allowed_to_review(evaluator: Evaluator) -> Allowed:
    stacks = [f"{stack_arn(evaluator, t.stack, t.region)}/*" for t in evaluator.account.templates]
    buckets = staging_buckets(evaluator, evaluator.account.stack_regions)
    comparison = evaluator.account.role_arn(COMPARISON)
    any_form = f"{_NAMED} StringLikeIfExists {_CHANGE_SET}*, arn:*:changeSet/{_CHANGE_SET}*"
    staged = [f"{bucket}/{_PREFIX}*" for bucket in buckets]
    return {
        **reading_the_version(evaluator, evaluator.account.stack_regions),
        "cloudformation:DescribeStacks": (stacks, ()),
        "cloudformation:GetTemplate": (stacks, ()),
        CREATE_CHANGE_SET: (
            stacks,
            (f"{_NAMED} StringLike {_CHANGE_SET}*", f"{_ROLE_KEY} ArnEquals {comparison}"),
        ),
        "cloudformation:DeleteChangeSet": (stacks, (any_form,)),
        "cloudformation:DescribeChangeSet": (stacks, (any_form,)),
        PASS_ROLE: ([comparison], (f"{PASSED_TO} StringEquals {CLOUDFORMATION}",)),
        "s3:GetObject": (staged, ()),
        "s3:PutObject": (staged, ()),
        "s3:ListBucket": (buckets, (f"s3:prefix StringLike {_PREFIX}*",)),
        "s3:GetBucketLocation": (buckets, ()),
        "s3:GetEncryptionConfiguration": (buckets, ()),
    }


def _review_decisions(evaluator: Evaluator, role: Principal) -> Iterator[Decision]:
    """What a review takes, each with twins that would change something."""
    mine = {_NAMED: f"{_CHANGE_SET}0a1b", _ROLE_KEY: evaluator.account.role_arn(COMPARISON)}
    administrators = bootstrap_role(evaluator, "cfn-exec")
    for template in evaluator.account.templates:
        stack = f"{stack_arn(evaluator, template.stack, template.region)}/example"
        yield evaluator.evaluate(role, "cloudformation:DescribeStacks", stack, expected=True)
        yield evaluator.evaluate(role, "cloudformation:GetTemplate", stack, expected=True)
        yield evaluator.evaluate(role, CREATE_CHANGE_SET, stack, expected=True, context=mine)
        for action in ("DescribeChangeSet", "DeleteChangeSet"):
            name = f"cloudformation:{action}"
            yield evaluator.evaluate(
                role, name, stack, expected=True, context={_NAMED: mine[_NAMED]}
            )
            other = {_NAMED: "cdk-deploy-change-set"}
            yield evaluator.evaluate(role, name, stack, expected=False, context=other)
        for twin in ({_ROLE_KEY: administrators}, {_NAMED: "cdk-deploy-change-set"}):
            context = {**mine, **twin}
            yield evaluator.evaluate(
                role, CREATE_CHANGE_SET, stack, expected=False, context=context
            )
        for action in ("ExecuteChangeSet", "UpdateStack", "DeleteStack", "CreateStack"):
            yield evaluator.evaluate(role, f"cloudformation:{action}", stack, expected=False)
        if template.asset:
            yield from _stagings(evaluator, role, template.asset)
    yield from _readings(evaluator, role)
    passed = {PASSED_TO: CLOUDFORMATION}
    yield evaluator.evaluate(role, PASS_ROLE, mine[_ROLE_KEY], expected=True, context=passed)
    for arn in (administrators, *roles_that_deploy_administration(evaluator)):
        yield evaluator.evaluate(role, ASSUME_ROLE, arn, expected=False)
        yield evaluator.evaluate(role, PASS_ROLE, arn, expected=False, context=passed)
    for arn in evaluator.account.runbook_arns:
        yield evaluator.evaluate(role, START, arn, expected=False)


def _stagings(evaluator: Evaluator, role: Principal, asset: str) -> Iterator[Decision]:
    """That a template to compare is uploaded under the prefix of reviews, and none elsewhere."""
    bucket, _, key = asset.partition("/")
    arn = f"arn:{evaluator.account.environment.partition}:s3:::{bucket}"
    for action in ("s3:PutObject", "s3:GetObject"):
        yield evaluator.evaluate(role, action, f"{arn}/{_PREFIX}{key}", expected=True)
        yield evaluator.evaluate(role, action, f"{arn}/{key}", expected=False)
    for prefix, expected in ((f"{_PREFIX}{key}", True), (key, False)):
        context = {"s3:prefix": prefix}
        yield evaluator.evaluate(role, "s3:ListBucket", arn, expected=expected, context=context)
    for action in ("s3:GetBucketLocation", "s3:GetEncryptionConfiguration"):
        yield evaluator.evaluate(role, action, arn, expected=True)


def _readings(evaluator: Evaluator, role: Principal) -> Iterator[Decision]:
    """That the version of the bootstrap is read, and no other parameter."""
    other = evaluator.ssm_arn("parameter/somebody-elses")
    for action, (parameters, _) in reading_the_version(
        evaluator, evaluator.account.stack_regions
    ).items():
        for parameter in parameters:
            yield evaluator.evaluate(role, action, parameter, expected=True)
        yield evaluator.evaluate(role, action, other, expected=False)
