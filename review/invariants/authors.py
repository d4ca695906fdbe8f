"""What is promised of those who write runbooks: these and no others, and they run nothing."""

from collections.abc import Iterator

from review.access.evaluation import SOMEBODY_ELSES_RUNBOOK, Decision, Judge, names
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
from review.invariants.invariant import Promise, Proof, joined, promise, told
from review.model.account import Part, Principal
from review.templates.assembly_checks import RUNBOOKS_STACK

_ON_RUNBOOKS = {
    *(*WRITES, "ssm:AddTagsToResource", "ssm:DescribeDocument", "ssm:GetDocument"),
    *("ssm:ListTagsForResource", "ssm:RemoveTagsFromResource"),
}
"""What CloudFormation calls for a document. Source: resource type AWS::SSM::Document."""
_ASSUMED = ("AuthorDeploymentRole", "AuthorPublishingRole")
_PIPELINES = ("PipelineAdministrationRole", "PipelineRunbooksRole")


def author_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about authors, where the templates give them roles of their own."""
    if not judge.account.having(Part.AUTHOR_ROLE):
        return
    authors = judge.account.having(Part.AUTHOR)
    who = names(authors) or "the authors"
    yield promise(
        "authors-run-nothing",
        f"{who} cannot start or stop a run, nor do anything but deploy runbooks",
        _runs(judge),
    )
    yield promise(
        "authors-write-these-runbooks",
        f"{who} can change this deployment's runbooks and no other document",
        _writes(judge),
    )
    yield promise(
        "authors-pass-service-roles-to-automation",
        f"{who} can pass this deployment's service roles to Automation and no other role",
        _passes(judge),
    )
    yield promise(
        "authors-deploy-runbooks-stack",
        f"{who} can deploy {RUNBOOKS_STACK} and no other stack, nor replace its template",
        deploys(judge),
    )
    trusted = joined(each.arn for each in (*authors, *_pipelines(judge)))
    yield promise(
        "author-roles-are-the-authors",
        f"only {trusted} and CloudFormation can assume the author's roles",
        _assumed(judge),
    )


def _runs(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE):
        findings += told(access, (g for g in access.grants if not _is_an_authors(judge, access, g)))
        decisions += [
            judge.ask(access.principal, START, arn, expected=False)
            for arn in judge.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))


def _is_an_authors(judge: Judge, access: Access, grant: Grant) -> bool:
    """Whether an author, or a role of the authors, takes a grant for what authors do."""
    if access.principal.part is Part.AUTHOR:
        roles = [judge.account.place.iam_arn(f"role/{name}") for name in _ASSUMED]
        return grant.action == ASSUME_ROLE and grant.resource in roles
    if grant.action == PASS_ROLE:
        return _is_of(grant, _passable(judge))
    if grant.action in _ON_RUNBOOKS:
        return grant.resource in judge.account.runbook_arns
    return is_of_deployment(judge, grant)


def _writes(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    other = judge.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    for role in _execution_roles(judge):
        for action in WRITES[:2]:
            decisions.append(judge.ask(role, action, other, expected=False))
            decisions += [
                judge.ask(role, action, arn, expected=True) for arn in judge.account.runbook_arns
            ]
        decisions += [
            judge.ask(role, "ssm:ModifyDocumentPermission", arn, expected=False)
            for arn in judge.account.runbook_arns
        ]
    return Proof((), tuple(decisions))


def _passes(judge: Judge) -> Proof:
    executions = _execution_roles(judge)
    services = judge.account.having(Part.SERVICE_ROLE)
    decisions = [
        judge.ask(role, PASS_ROLE, arn, expected=expected, context={PASSED_TO: service})
        for role in executions
        for arn, service, expected in (
            *((each.arn, AUTOMATION, True) for each in services),
            *((each.arn, "ec2.amazonaws.com", False) for each in services),
            *((each.arn, CLOUDFORMATION, False) for each in services),
            (judge.account.place.iam_arn("role/SomebodyElsesRole"), AUTOMATION, False),
        )
    ]
    return Proof((), tuple(decisions))


def _passable(judge: Judge) -> list[tuple[str, str]]:
    """The roles that authors hand on, each with the service that takes it."""
    services = judge.account.having(Part.SERVICE_ROLE)
    return [
        *((role.arn, AUTOMATION) for role in services),
        *((role.arn, CLOUDFORMATION) for role in _execution_roles(judge)),
    ]


def _is_of(grant: Grant, allowed: list[tuple[str, str]]) -> bool:
    """Whether a grant passes one of these roles to its service alone."""
    return any(
        grant.resource == arn and f"{PASSED_TO} StringEquals {service}" in grant.conditions
        for arn, service in allowed
    )


def _assumed(judge: Judge) -> Proof:
    account = judge.account
    authors = {each.arn: each for each in (*account.having(Part.AUTHOR), *_pipelines(judge))}
    people = account.having(Part.OPERATOR, Part.APPROVER, Part.SERVICE_ROLE, Part.PIPELINE)
    others = [each for each in people if each.arn not in authors]
    decisions: list[Decision] = []
    findings: list[str] = []
    for role in account.having(Part.AUTHOR_ROLE):
        for _, value in role.trusted:
            same = [each for each in others if each.is_named_as(value)]
            if same or (value != CLOUDFORMATION and value not in authors):
                findings.append(f"{role.name} trusts {value}{_who(same)}")
        missing = authors.keys() - {value for _, value in role.trusted}
        if role.name in _ASSUMED and missing:
            findings.append(f"{role.name} does not trust {joined(sorted(missing))}")
        decisions += [
            judge.ask(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            for other in others
        ]
        decisions.append(judge.ask_trust(account.place.iam_arn("root"), role, expected=False))
    return Proof(tuple(findings), tuple(decisions))


def _pipelines(judge: Judge) -> tuple[Principal, ...]:
    """The roles of pipelines that deploy as authors do."""
    return tuple(r for r in judge.account.having(Part.PIPELINE) if r.name in _PIPELINES)


def _who(same: list[Principal]) -> str:
    return f", who is {same[0].title}" if same else ""


def _execution_roles(judge: Judge) -> tuple[Principal, ...]:
    """The author roles that CloudFormation takes."""
    roles = judge.account.having(Part.AUTHOR_ROLE)
    return tuple(role for role in roles if ("Service", CLOUDFORMATION) in role.trusted)
