"""Invariants of those who write runbooks: these and no others, and they run nothing."""

from collections.abc import Iterator

from review.access.evaluation import SOMEBODY_ELSES_RUNBOOK, Decision, Evaluator, names
from review.access.grants import Access, Grant
from review.iam.names import (
    ASSUME_ROLE,
    AUTOMATION,
    CLOUDFORMATION,
    PASS_ROLE,
    PASSED_TO,
    START,
    WRITES,
)
from review.invariants.author_deployment import deploys, is_of_deployment
from review.invariants.invariant import Invariant, Proof, as_findings, invariant, joined
from review.model.account import Persona, Principal
from review.templates.stack_names import RUNBOOKS_STACK

_ON_RUNBOOKS = {
    *(*WRITES, "ssm:AddTagsToResource", "ssm:DescribeDocument", "ssm:GetDocument"),
    *("ssm:ListTagsForResource", "ssm:RemoveTagsFromResource"),
}
"""What CloudFormation calls for a document. Source: resource type AWS::SSM::Document."""
_ASSUMED = ("AuthorDeploymentRole", "AuthorPublishingRole")
_PIPELINES = ("PipelineAdministrationRole", "PipelineRunbooksRole")


def author_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about authors, where the templates give them roles of their own."""
    if not evaluator.account.having(Persona.AUTHOR_ROLE):
        return
    authors = evaluator.account.having(Persona.AUTHOR)
    who = names(authors) or "the authors"
    yield invariant(
        "authors-run-nothing",
        f"{who} cannot start or stop a run, nor do anything but deploy runbooks",
        _runs(evaluator),
    )
    yield invariant(
        "authors-write-these-runbooks",
        f"{who} can change this deployment's runbooks and no other document",
        _writes(evaluator),
    )
    yield invariant(
        "authors-pass-service-roles-to-automation",
        f"{who} can pass this deployment's service roles to Automation and no other role",
        _passes(evaluator),
    )
    yield invariant(
        "authors-deploy-runbooks-stack",
        f"{who} can deploy {RUNBOOKS_STACK} and no other stack, nor replace its template",
        deploys(evaluator),
    )
    trusted = joined(each.arn for each in (*authors, *_pipelines(evaluator)))
    yield invariant(
        "author-roles-are-the-authors",
        f"only {trusted} and CloudFormation can assume the author's roles",
        _assumed(evaluator),
    )


def _runs(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.AUTHOR, Persona.AUTHOR_ROLE):
        findings += as_findings(
            access, (g for g in access.grants if not _is_an_authors(evaluator, access, g))
        )
        decisions += [
            evaluator.evaluate(access.principal, START, arn, expected=False)
            for arn in evaluator.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))


def _is_an_authors(evaluator: Evaluator, access: Access, grant: Grant) -> bool:
    """Whether an author, or a role of the authors, takes a grant for what authors do."""
    if access.principal.persona is Persona.AUTHOR:
        roles = [evaluator.account.role_arn(name) for name in _ASSUMED]
        return grant.action == ASSUME_ROLE and grant.resource in roles
    if grant.action == PASS_ROLE:
        return _is_of(grant, _passable(evaluator))
    if grant.action in _ON_RUNBOOKS:
        return grant.resource in evaluator.account.runbook_arns
    return is_of_deployment(evaluator, grant)


def _writes(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    other = evaluator.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    for role in _execution_roles(evaluator):
        for action in WRITES[:2]:
            decisions.append(evaluator.evaluate(role, action, other, expected=False))
            decisions += [
                evaluator.evaluate(role, action, arn, expected=True)
                for arn in evaluator.account.runbook_arns
            ]
        decisions += [
            evaluator.evaluate(role, "ssm:ModifyDocumentPermission", arn, expected=False)
            for arn in evaluator.account.runbook_arns
        ]
    return Proof((), tuple(decisions))


def _passes(evaluator: Evaluator) -> Proof:
    executions = _execution_roles(evaluator)
    services = evaluator.account.having(Persona.SERVICE_ROLE)
    decisions = [
        evaluator.evaluate(role, PASS_ROLE, arn, expected=expected, context={PASSED_TO: service})
        for role in executions
        for arn, service, expected in (
            *((each.arn, AUTOMATION, True) for each in services),
            *((each.arn, "ec2.amazonaws.com", False) for each in services),
            *((each.arn, CLOUDFORMATION, False) for each in services),
            (evaluator.account.environment.iam_arn("role/SomebodyElsesRole"), AUTOMATION, False),
        )
    ]
    return Proof((), tuple(decisions))


def _passable(evaluator: Evaluator) -> list[tuple[str, str]]:
    """The roles that authors hand on, each with the service that takes it."""
    services = evaluator.account.having(Persona.SERVICE_ROLE)
    return [
        *((role.arn, AUTOMATION) for role in services),
        *((role.arn, CLOUDFORMATION) for role in _execution_roles(evaluator)),
    ]


def _is_of(grant: Grant, allowed: list[tuple[str, str]]) -> bool:
    """Whether a grant passes one of these roles to its service alone."""
    return any(
        grant.resource == arn and f"{PASSED_TO} StringEquals {service}" in grant.conditions
        for arn, service in allowed
    )


def _assumed(evaluator: Evaluator) -> Proof:
    account = evaluator.account
    authors = {each.arn: each for each in (*account.having(Persona.AUTHOR), *_pipelines(evaluator))}
    people = account.having(
        Persona.OPERATOR, Persona.APPROVER, Persona.SERVICE_ROLE, Persona.PIPELINE
    )
    others = [each for each in people if each.arn not in authors]
    decisions: list[Decision] = []
    findings: list[str] = []
    for role in account.having(Persona.AUTHOR_ROLE):
        for _, value in role.trusted:
            same = [each for each in others if each.is_named_as(value)]
            if same or (value != CLOUDFORMATION and value not in authors):
                findings.append(f"{role.name} trusts {value}{_who(same)}")
        missing = authors.keys() - {value for _, value in role.trusted}
        if account.named(role) in _ASSUMED and missing:
            findings.append(f"{role.name} does not trust {joined(sorted(missing))}")
        decisions += [
            evaluator.evaluate(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            for other in others
        ]
        decisions.append(
            evaluator.evaluate_trust(account.environment.iam_arn("root"), role, expected=False)
        )
    return Proof(tuple(findings), tuple(decisions))


def _pipelines(evaluator: Evaluator) -> tuple[Principal, ...]:
    """The roles of pipelines that deploy as authors do."""
    account = evaluator.account
    return tuple(r for r in account.having(Persona.PIPELINE) if account.named(r) in _PIPELINES)


def _who(same: list[Principal]) -> str:
    return f", who is {same[0].title}" if same else ""


def _execution_roles(evaluator: Evaluator) -> tuple[Principal, ...]:
    """The author roles that CloudFormation takes."""
    roles = evaluator.account.having(Persona.AUTHOR_ROLE)
    return tuple(role for role in roles if ("Service", CLOUDFORMATION) in role.trusted)
