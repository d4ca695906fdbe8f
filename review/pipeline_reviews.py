"""What a pipeline's review takes, and that it changes nothing."""

from collections.abc import Iterator
from dataclasses import replace

from review.author_deployment import qualifier_of, stacks_of
from review.aws import ASSUME_ROLE, CLOUDFORMATION, CREATE_CHANGE_SET, PASS_ROLE, PASSED_TO, START
from review.grants import Grant
from review.judge import Decision, Judge
from review.model import Principal
from review.promises import Proof, told

COMPARISON = "PipelineComparisonRole"
_BOOTSTRAP = ("deploy", "file-publishing")
_NAMED = "cloudformation:ChangeSetName"
_ROLE_KEY = "cloudformation:RoleArn"
_CHANGE_SET = "cdk-diff-change-set-"
_PREFIX = "review/"


def bootstrap_roles(judge: Judge) -> list[str]:
    """The roles of ``cdk bootstrap`` that deploy AdministrationStack, one of them with the rights
    of an administrator; no template here makes them."""
    place = judge.account.place
    homes = [t.region for t in judge.account.templates if t.stack == "AdministrationStack"]
    return [
        place.iam_arn(f"role/cdk-{qualifier_of(judge)}-{kind}-role-{place.account}-{home}")
        for home in homes
        for kind in _BOOTSTRAP
    ]


def changes_nothing(judge: Judge, review: Principal, comparison: Principal | None) -> Proof:
    """That a review reads and compares, and neither executes a change nor writes a template that is
    deployed."""
    decisions = list(_review_decisions(judge, review))
    allowed = _allowed_to_review(judge)
    beyond = [g for g in judge.access(review).grants if not _is_of(g, allowed)]
    findings = told(judge.access(review), beyond)
    if comparison is None:
        findings.append(f"the templates lack {COMPARISON}")
    else:
        decisions += _readings(judge, comparison)
        access = judge.access(comparison)
        findings += told(access, (g for g in access.grants if not _is_of(g, _versions(judge))))
    return Proof(tuple(findings), tuple(decisions))


_Allowed = dict[str, tuple[list[str], tuple[str, ...]]]
"""Of each action, the resources and what every grant has to ask for besides."""


def _is_of(grant: Grant, allowed: _Allowed) -> bool:
    resources, conditions = allowed.get(grant.action, ([], ()))
    return grant.resource in resources and set(conditions) <= set(grant.conditions)


def _versions(judge: Judge) -> _Allowed:
    parameter = f"parameter/cdk-bootstrap/{qualifier_of(judge)}/version"
    resources = [judge.ssm_arn(parameter, region=region) for region in judge.account.regions]
    return dict.fromkeys(("ssm:GetParameter", "ssm:GetParameters"), (resources, ()))


def _allowed_to_review(judge: Judge) -> _Allowed:
    place = judge.account.place
    stacks = [f"{_stack(judge, t.stack, t.region)}/*" for t in judge.account.templates]
    bucket = f"arn:{place.partition}:s3:::cdk-{qualifier_of(judge)}-assets-{place.account}"
    buckets = [f"{bucket}-{region}" for region in judge.account.regions]
    comparison = place.iam_arn(f"role/{COMPARISON}")
    any_form = f"{_NAMED} StringLikeIfExists {_CHANGE_SET}*, arn:*:changeSet/{_CHANGE_SET}*"
    staged = [f"{bucket}/{_PREFIX}*" for bucket in buckets]
    return {
        **_versions(judge),
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


def _review_decisions(judge: Judge, role: Principal) -> Iterator[Decision]:
    """What a review takes, each with twins that would change something."""
    place = judge.account.place
    mine = {_NAMED: f"{_CHANGE_SET}0a1b", _ROLE_KEY: place.iam_arn(f"role/{COMPARISON}")}
    administrators = place.iam_arn(
        f"role/cdk-{qualifier_of(judge)}-cfn-exec-role-{place.account}-{place.region}"
    )
    for template in judge.account.templates:
        stack = f"{_stack(judge, template.stack, template.region)}/example"
        yield judge.ask(role, "cloudformation:DescribeStacks", stack, expected=True)
        yield judge.ask(role, "cloudformation:GetTemplate", stack, expected=True)
        yield judge.ask(role, CREATE_CHANGE_SET, stack, expected=True, context=mine)
        for action in ("DescribeChangeSet", "DeleteChangeSet"):
            name = f"cloudformation:{action}"
            yield judge.ask(role, name, stack, expected=True, context={_NAMED: mine[_NAMED]})
            other = {_NAMED: "cdk-deploy-change-set"}
            yield judge.ask(role, name, stack, expected=False, context=other)
        for twin in ({_ROLE_KEY: administrators}, {_NAMED: "cdk-deploy-change-set"}):
            context = {**mine, **twin}
            yield judge.ask(role, CREATE_CHANGE_SET, stack, expected=False, context=context)
        for action in ("ExecuteChangeSet", "UpdateStack", "DeleteStack", "CreateStack"):
            yield judge.ask(role, f"cloudformation:{action}", stack, expected=False)
        if template.asset:
            yield from _stagings(judge, role, template.asset)
    yield from _readings(judge, role)
    passed = {PASSED_TO: CLOUDFORMATION}
    yield judge.ask(role, PASS_ROLE, mine[_ROLE_KEY], expected=True, context=passed)
    for arn in (administrators, *bootstrap_roles(judge)):
        yield judge.ask(role, ASSUME_ROLE, arn, expected=False)
        yield judge.ask(role, PASS_ROLE, arn, expected=False, context=passed)
    for arn in judge.account.runbook_arns:
        yield judge.ask(role, START, arn, expected=False)


def _stagings(judge: Judge, role: Principal, asset: str) -> Iterator[Decision]:
    """That a template to compare is uploaded under the prefix of reviews, and none elsewhere."""
    bucket, _, key = asset.partition("/")
    arn = f"arn:{judge.account.place.partition}:s3:::{bucket}"
    for action in ("s3:PutObject", "s3:GetObject"):
        yield judge.ask(role, action, f"{arn}/{_PREFIX}{key}", expected=True)
        yield judge.ask(role, action, f"{arn}/{key}", expected=False)
    for prefix, expected in ((f"{_PREFIX}{key}", True), (key, False)):
        context = {"s3:prefix": prefix}
        yield judge.ask(role, "s3:ListBucket", arn, expected=expected, context=context)
    for action in ("s3:GetBucketLocation", "s3:GetEncryptionConfiguration"):
        yield judge.ask(role, action, arn, expected=True)


def _readings(judge: Judge, role: Principal) -> Iterator[Decision]:
    """That the version of the bootstrap is read, and no other parameter."""
    other = judge.ssm_arn("parameter/somebody-elses")
    for action, (parameters, _) in _versions(judge).items():
        for parameter in parameters:
            yield judge.ask(role, action, parameter, expected=True)
        yield judge.ask(role, action, other, expected=False)


def _stack(judge: Judge, name: str, region: str) -> str:
    return f"{stacks_of(replace(judge.account.place, region=region))}{name}"
