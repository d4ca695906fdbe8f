"""What is promised of those who answer approvals."""

from collections.abc import Iterator

from review.access.evaluation import Decision, Judge, names
from review.iam.names import CHANGE_REQUEST, OWN_PASSWORD, SIGNAL, START
from review.invariants.invariant import Promise, Proof, anything_but, denied_whatever_else, promise
from review.model.account import Part

_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", SIGNAL),
}
"""What an approver does: reads what he is asked to approve, and answers."""


def approver_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about approvers, where there are any."""
    approvers = judge.account.having(Part.APPROVER)
    if not approvers:
        return
    yield promise(
        "approvers-approve-and-start-nothing",
        f"{names(approvers)} can read executions, send every signal of the API (Approve, Reject, "
        "StartStep, StopStep, Resume, Revoke) to every execution of this account, and do nothing "
        "else",
        _only_approves(judge),
    )
    yield promise(
        "approvers-start-nothing-whatever-else",
        f"{names(approvers)} are denied {START} and {CHANGE_REQUEST}, whatever else grants them; "
        "nothing denies them what starts a runbook by another service",
        denied_whatever_else(judge, Part.APPROVER, START, CHANGE_REQUEST),
    )


def _only_approves(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.APPROVER):
        findings += anything_but(access, {*_OWN, *OWN_PASSWORD})
        decisions.append(judge.ask(access.principal, SIGNAL, judge.execution(), expected=True))
        decisions += [
            judge.ask(access.principal, START, arn, expected=False)
            for arn in judge.account.runbook_arns
        ]
    return Proof(tuple(findings), tuple(decisions))
