"""What is promised of those who write runbooks: these and no others, and they run nothing."""

from collections.abc import Iterator

from review.author_deployment import DEPLOYMENT_ACTIONS, RUNBOOKS_STACK, deploys
from review.aws import (
    ASSUME_ROLE,
    AUTOMATION,
    CLOUDFORMATION,
    PASS_ROLE,
    PASSED_TO,
    START,
    WRITES,
)
from review.grants import Grant
from review.judge import SOMEBODY_ELSES_RUNBOOK, Decision, Judge, names
from review.model import Part, Principal
from review.promises import Promise, Proof, anything_but, joined, promise, told

_OWN = {
    *DEPLOYMENT_ACTIONS,
    *WRITES,
    *(ASSUME_ROLE, PASS_ROLE, "ssm:AddTagsToResource", "ssm:DescribeDocument", "ssm:GetDocument"),
    *("ssm:ListTagsForResource", "ssm:RemoveTagsFromResource"),
}
"""What an author does, by one of his roles or another."""
_WRITING_LEVELS = {"Write", "Tagging", "Permissions management"}


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
    trusted = joined(author.arn for author in authors)
    yield promise(
        "author-roles-are-the-authors",
        f"only {trusted} and CloudFormation can assume the author's roles",
        _assumed(judge),
    )


def _runs(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE):
        findings += anything_but(access, _OWN)
        decisions += [
            judge.ask(access.principal, START, arn, expected=False)
            for arn in judge.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))


def _writes(judge: Judge) -> Proof:
    findings = [
        finding
        for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE)
        for finding in told(access, (g for g in access.grants if _writes_another(judge, g)))
    ]
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
    return Proof(tuple(findings), tuple(decisions))


def _writes_another(judge: Judge, grant: Grant) -> bool:
    """Whether a grant writes anything of Systems Manager but this deployment's runbooks."""
    found = judge.engine.actions().get(grant.action)
    return (
        grant.action.startswith("ssm:")
        and found is not None
        and bool(_WRITING_LEVELS & set(found.levels))
        and grant.resource not in judge.account.runbook_arns
    )


def _passes(judge: Judge) -> Proof:
    executions = _execution_roles(judge)
    services = judge.account.having(Part.SERVICE_ROLE)
    allowed = [(role.arn, AUTOMATION) for role in services]
    allowed += [(role.arn, CLOUDFORMATION) for role in executions]
    findings = [
        finding
        for access in judge.accesses_of(Part.AUTHOR, Part.AUTHOR_ROLE)
        for finding in told(access, (g for g in access.on(PASS_ROLE) if not _is_of(g, allowed)))
    ]
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
    return Proof(tuple(findings), tuple(decisions))


def _is_of(grant: Grant, allowed: list[tuple[str, str]]) -> bool:
    """Whether a grant passes one of these roles to its service alone."""
    return any(
        grant.resource == arn and f"{PASSED_TO} StringEquals {service}" in grant.conditions
        for arn, service in allowed
    )


def _assumed(judge: Judge) -> Proof:
    account = judge.account
    authors = {author.arn for author in account.having(Part.AUTHOR)}
    decisions: list[Decision] = []
    findings: list[str] = []
    for role in account.having(Part.AUTHOR_ROLE):
        findings += [
            f"{role.name} trusts {value}"
            for _, value in role.trusted
            if value != CLOUDFORMATION and value not in authors
        ]
        decisions += [
            judge.ask(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            for other in account.having(Part.OPERATOR, Part.APPROVER, Part.SERVICE_ROLE)
        ]
        decisions.append(judge.ask_trust(account.place.iam_arn("root"), role, expected=False))
    return Proof(tuple(findings), tuple(decisions))


def _execution_roles(judge: Judge) -> tuple[Principal, ...]:
    """The author roles that CloudFormation takes."""
    roles = judge.account.having(Part.AUTHOR_ROLE)
    return tuple(role for role in roles if ("Service", CLOUDFORMATION) in role.trusted)
