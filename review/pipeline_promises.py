"""What is promised of pipelines: these jobs and no others; reviews read, deployments deploy."""

from collections.abc import Iterator
from dataclasses import replace

from review.author_deployment import qualifier_of, stacks_of
from review.aws import ASSUME_ROLE, CLOUDFORMATION, CREATE_CHANGE_SET, PASS_ROLE, PASSED_TO, START
from review.grants import Grant
from review.jobs import Jobs, jobs_of
from review.judge import Decision, Judge, names
from review.model import Part, Principal
from review.promises import Promise, Proof, promise, told

REVIEW, COMPARISON = "PipelineReviewRole", "PipelineComparisonRole"
ADMINISTRATION, RUNBOOKS = "PipelineAdministrationRole", "PipelineRunbooksRole"
_DEPLOYING = (ADMINISTRATION, RUNBOOKS)
_AUTHORS = ("AuthorDeploymentRole", "AuthorPublishingRole")
_GITHUB = "token.actions.githubusercontent.com"
_BOOTSTRAP = ("deploy", "file-publishing")
_NAMED = "cloudformation:ChangeSetName"
_ROLE_KEY = "cloudformation:RoleArn"
_CHANGE_SET = "cdk-diff-change-set-"
_PREFIX = "review/"


def pipeline_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about pipelines, where the templates give them roles."""
    roles = {role.name: role for role in judge.account.having(Part.PIPELINE)}
    if not roles:
        return
    jobs = {name: jobs_of(role) for name, role in roles.items() if name != COMPARISON}
    trusted = (f"{name}: {each or 'no named job'}" for name, each in sorted(jobs.items()))
    yield promise(
        "pipelines-are-these-jobs",
        f"only these jobs can be a pipeline: {'; '.join(trusted) or 'none'}",
        _jobs(judge, roles, jobs),
    )
    if REVIEW in roles:
        yield promise(
            "pipeline-reviews-change-nothing",
            f"{REVIEW} can read these stacks and compare templates with them, as {COMPARISON}, "
            f"which can change nothing; it can neither execute a change nor write a template that "
            f"is deployed",
            _reviews(judge, roles),
        )
    if deploying := [roles[name] for name in _DEPLOYING if name in roles]:
        yield promise(
            "pipelines-deploy-their-stacks",
            f"{names(deploying)} can assume the roles that deploy their stacks and do nothing else",
            _deploys(judge, deploying),
        )


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


def _jobs(judge: Judge, roles: dict[str, Principal], jobs: dict[str, Jobs | None]) -> Proof:
    findings: list[str] = []
    for name, each in jobs.items():
        if each is None:
            findings.append(f"{name} trusts more than jobs that are named in full")
            continue
        if name in _DEPLOYING:
            findings += _of_one_environment(name, each)
        elif any(context.startswith("environment:") for context in each.contexts):
            findings.append(f"{name} trusts jobs of an environment")
    administration, runbooks = (jobs.get(name) for name in _DEPLOYING)
    if administration and runbooks and administration.contexts & runbooks.contexts:
        findings.append("jobs that deploy runbooks can deploy administration as well")
    repositories = [each.repositories for each in jobs.values() if each]
    everyones = set.intersection(*repositories) if repositories else set()
    for stranger in sorted({name for each in repositories for name in each} - everyones):
        findings.append(f"repository {stranger} is trusted by some of the roles alone")
    if len({each.provider for each in jobs.values() if each}) > 1:
        findings.append("the roles trust the tokens of different issuers")
    if COMPARISON in roles and roles[COMPARISON].trusted != (("Service", CLOUDFORMATION),):
        findings.append(f"{COMPARISON} trusts others than CloudFormation")
    decisions = tuple(
        judge.ask(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
        for role in roles.values()
        for other in judge.account.principals
        if other.arn != role.arn
    )
    return Proof(tuple(findings), decisions)


def _of_one_environment(name: str, jobs: Jobs) -> Iterator[str]:
    if len(jobs.contexts) != 1 or not next(iter(jobs.contexts)).startswith("environment:"):
        yield f"{name} trusts jobs that are not of one environment"
    if jobs.issuer == _GITHUB and not jobs.refs:
        yield f"{name} trusts jobs of any branch"


def _reviews(judge: Judge, roles: dict[str, Principal]) -> Proof:
    review, comparison = roles[REVIEW], roles.get(COMPARISON)
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


def _deploys(judge: Judge, roles: list[Principal]) -> Proof:
    authors = [judge.account.place.iam_arn(f"role/{name}") for name in _AUTHORS]
    bootstrap = bootstrap_roles(judge)
    findings: list[str] = []
    decisions: list[Decision] = []
    for role in roles:
        wanted = [*authors, *(bootstrap if role.name == ADMINISTRATION else ())]
        access = judge.access(role)
        findings += told(
            access,
            (g for g in access.grants if g.action != ASSUME_ROLE or g.resource not in wanted),
        )
        reached = {grant.resource for grant in access.on(ASSUME_ROLE)}
        findings += [f"{role.name} may not assume {arn}" for arn in wanted if arn not in reached]
        others = [arn for arn in bootstrap if arn not in wanted]
        others += [each.arn for each in judge.account.having(Part.SERVICE_ROLE)]
        decisions += [judge.ask(role, ASSUME_ROLE, arn, expected=False) for arn in others]
        decisions += [
            judge.ask(role, START, arn, expected=False) for arn in judge.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))


def _stack(judge: Judge, name: str, region: str) -> str:
    return f"{stacks_of(replace(judge.account.place, region=region))}{name}"
