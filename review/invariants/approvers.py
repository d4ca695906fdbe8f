"""Invariants of those who answer approvals."""

from collections.abc import Iterator

from review.access.evaluation import SOMEBODY_ELSES_RUNBOOK, Decision, Evaluator, names
from review.iam.engine import Context
from review.iam.names import CHANGE_REQUEST, OWN_USER, SIGNAL, START, WATCH
from review.invariants.invariant import (
    Invariant,
    Proof,
    anything_but,
    as_findings,
    denied_whatever_else,
    invariant,
)
from review.invariants.own_executions import of_team, tags_of_teams, team_context
from review.model.account import LimitKind, Persona, Principal

_READ = "ssm:GetDocument"
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", SIGNAL, _READ),
}
"""What an approver does: reads what they are asked to approve, and answers."""


def approver_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about approvers, where there are any."""
    approvers = evaluator.account.having(Persona.APPROVER)
    if not approvers:
        return
    are_apart = all(tags_of_teams(evaluator, approver) for approver in approvers)
    which = "the executions of their own team" if are_apart else "every execution of this account"
    yield invariant(
        "approvers-approve-and-start-nothing",
        f"{names(approvers)} can read executions and the runbooks that wait for an approval of "
        f"their team, send every signal of the API (Approve, Reject, StartStep, StopStep, Resume, "
        f"Revoke) to {which}, and do nothing else",
        _only_approves(evaluator),
    )
    yield invariant(
        "approvers-start-nothing-whatever-else",
        f"{names(approvers)} are denied {START} and {CHANGE_REQUEST}, whatever else grants them; "
        "nothing denies them what starts a runbook by another service",
        denied_whatever_else(evaluator, Persona.APPROVER, START, CHANGE_REQUEST),
    )


def _only_approves(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.APPROVER):
        findings += anything_but(access, {*_OWN, *OWN_USER})
        asking = _asking(evaluator, access.principal)
        findings += as_findings(
            access, (grant for grant in access.on(_READ) if grant.resource not in asking)
        )
        tags = tags_of_teams(evaluator, access.principal)
        contexts: list[tuple[Context, bool]] = [({}, not tags)]
        if tags:
            contexts += [(team_context(tag), True) for tag in tags]
            contexts.append((team_context("another-team"), False))
            others = (
                grant
                for action in (*WATCH, SIGNAL)
                for grant in access.on(action)
                if not of_team(grant, tags)
            )
            findings += as_findings(access, others)
        decisions += [
            evaluator.evaluate(
                access.principal, SIGNAL, evaluator.execution(), expected=expected, context=context
            )
            for context, expected in contexts
        ]
        decisions += [
            evaluator.evaluate(access.principal, START, arn, expected=False)
            for arn in evaluator.account.runbook_arns
        ]
        elsewhere = [
            evaluator.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}", region=region)
            for region in evaluator.account.regions
        ]
        decisions += [
            evaluator.evaluate(access.principal, _READ, arn, expected=arn in asking)
            for arn in (*evaluator.account.runbook_arns, *elsewhere)
        ]
    return Proof(tuple(findings), tuple(decisions))


def _asking(evaluator: Evaluator, approver: Principal) -> set[str]:
    """The documents of an approver's team that wait for an approval, with those that they start for
    targets."""
    runbooks = {runbook.name: runbook for runbook in evaluator.account.runbooks}
    asking = [
        runbook
        for runbook in evaluator.account.runbooks_of(approver)
        if any(limit.kind is LimitKind.APPROVAL for limit in runbook.limits)
    ]
    started = (runbooks[name] for each in asking for name in each.starts if name in runbooks)
    return {arn for runbook in (*asking, *started) for arn in runbook.arns}
