"""What is promised of pipelines: these jobs and no others; reviews read, deployments deploy."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Judge, names
from review.iam.names import ASSUME_ROLE, CLOUDFORMATION, START
from review.invariants.bootstrap import roles_that_deploy_administration
from review.invariants.invariant import Promise, Proof, promise, told
from review.invariants.jobs import Jobs, jobs_of
from review.invariants.pipeline_reviews import COMPARISON, changes_nothing
from review.model.account import Part, Principal

REVIEW = "PipelineReviewRole"
ADMINISTRATION, RUNBOOKS = "PipelineAdministrationRole", "PipelineRunbooksRole"
_DEPLOYING = (ADMINISTRATION, RUNBOOKS)
_AUTHORS = ("AuthorDeploymentRole", "AuthorPublishingRole")
_GITHUB = "token.actions.githubusercontent.com"


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
            changes_nothing(judge, roles[REVIEW], roles.get(COMPARISON)),
        )
    if deploying := [roles[name] for name in _DEPLOYING if name in roles]:
        yield promise(
            "pipelines-deploy-their-stacks",
            f"{names(deploying)} can assume the roles that deploy their stacks and do nothing else",
            _deploys(judge, deploying),
        )


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


def _deploys(judge: Judge, roles: list[Principal]) -> Proof:
    authors = [judge.account.place.iam_arn(f"role/{name}") for name in _AUTHORS]
    bootstrap = roles_that_deploy_administration(judge)
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
