"""Invariants of pipelines: these jobs and no others; reviews read, deployments deploy."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Evaluator, names
from review.iam.names import ASSUME_ROLE, CLOUDFORMATION, START
from review.invariants.bootstrap import roles_that_deploy_administration
from review.invariants.invariant import Invariant, Proof, as_findings, invariant
from review.invariants.pipelines.doctor import DOCTOR, reads_settings_alone
from review.invariants.pipelines.jobs import Jobs, jobs_of
from review.invariants.pipelines.reviews import COMPARISON, changes_nothing
from review.model.account import Persona, Principal

REVIEW = "PipelineReviewRole"
ADMINISTRATION, RUNBOOKS = "PipelineAdministrationRole", "PipelineRunbooksRole"
_DEPLOYING = (ADMINISTRATION, RUNBOOKS)
_AUTHORS = ("AuthorDeploymentRole", "AuthorPublishingRole")
_GITHUB = "token.actions.githubusercontent.com"


def pipeline_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about pipelines, where the templates give them roles."""
    account = evaluator.account
    roles = {account.named(role): role for role in account.having(Persona.PIPELINE)}
    if not roles:
        return
    jobs = {name: jobs_of(role) for name, role in roles.items() if name != COMPARISON}
    trusted = (f"{name}: {each or 'no named job'}" for name, each in sorted(jobs.items()))
    yield invariant(
        "pipelines-are-these-jobs",
        f"only these jobs can be a pipeline: {'; '.join(trusted) or 'none'}",
        _jobs(evaluator, roles, jobs),
    )
    if REVIEW in roles:
        yield invariant(
            "pipeline-reviews-change-nothing",
            f"{REVIEW} can read these stacks and compare templates with them, as {COMPARISON}, "
            f"which can change nothing; it can neither execute a change nor write a template that "
            f"is deployed",
            changes_nothing(evaluator, roles[REVIEW], roles.get(COMPARISON)),
        )
    if DOCTOR in roles:
        yield invariant(
            "pipeline-doctor-changes-nothing",
            f"{DOCTOR} can read settings and policies of the account, and nothing else",
            reads_settings_alone(evaluator, roles[DOCTOR]),
        )
    if deploying := [roles[name] for name in _DEPLOYING if name in roles]:
        yield invariant(
            "pipelines-deploy-their-stacks",
            f"{names(deploying)} can assume the roles that deploy their stacks and do nothing else",
            _deploys(evaluator, deploying),
        )


def _jobs(evaluator: Evaluator, roles: dict[str, Principal], jobs: dict[str, Jobs | None]) -> Proof:
    findings: list[str] = []
    for name, each in jobs.items():
        if each is None:
            findings.append(f"{name} trusts more than jobs that are named in full")
            continue
        if name in _DEPLOYING:
            findings += _of_one_environment(name, each)
        elif any(context.startswith("environment:") for context in each.contexts):
            findings.append(f"{name} trusts jobs of an environment")
        if name == DOCTOR and "pull_request" in each.contexts:
            findings.append(f"{name} trusts jobs of pull requests")
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
        evaluator.evaluate(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
        for role in roles.values()
        for other in evaluator.account.principals
        if other.arn != role.arn
    )
    return Proof(tuple(findings), decisions)


def _of_one_environment(name: str, jobs: Jobs) -> Iterator[str]:
    if len(jobs.contexts) != 1 or not next(iter(jobs.contexts)).startswith("environment:"):
        yield f"{name} trusts jobs that are not of one environment"
    if jobs.issuer == _GITHUB and not jobs.refs:
        yield f"{name} trusts jobs of any branch"


def _deploys(evaluator: Evaluator, roles: list[Principal]) -> Proof:
    authors = [evaluator.account.role_arn(name) for name in _AUTHORS]
    bootstrap = roles_that_deploy_administration(evaluator)
    findings: list[str] = []
    decisions: list[Decision] = []
    for role in roles:
        wanted = [*authors, *(bootstrap if evaluator.account.named(role) == ADMINISTRATION else ())]
        access = evaluator.access(role)
        findings += as_findings(
            access,
            (g for g in access.grants if g.action != ASSUME_ROLE or g.resource not in wanted),
        )
        reached = {grant.resource for grant in access.on(ASSUME_ROLE)}
        findings += [f"{role.name} may not assume {arn}" for arn in wanted if arn not in reached]
        others = [arn for arn in bootstrap if arn not in wanted]
        others += [each.arn for each in evaluator.account.having(Persona.SERVICE_ROLE)]
        decisions += [evaluator.evaluate(role, ASSUME_ROLE, arn, expected=False) for arn in others]
        decisions += [
            evaluator.evaluate(role, START, arn, expected=False)
            for arn in evaluator.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))
