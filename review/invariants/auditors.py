"""Invariants of those who read the audit."""

from collections.abc import Iterator

from review.access.evaluation import OTHER_ACCOUNT, Decision, Evaluator, names
from review.iam.names import OWN_USER, SIGNAL, START, WATCH
from review.invariants.invariant import Invariant, Proof, anything_but, as_findings, invariant
from review.model.account import Persona, Principal

_LOOK_UP, _READ_LOG = "cloudtrail:LookupEvents", "logs:FilterLogEvents"
_LIST_ROLES, _READ_RUNBOOK = "iam:ListRoles", "ssm:GetDocument"
_LOG_GROUP = "/aws/events/{}DelegatedRuns"
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", "ssm:ListDocuments", _READ_RUNBOOK),
    *(_LOOK_UP, _READ_LOG, _LIST_ROLES),
}
"""What an auditor does: reads runs, runbooks, roles, the event history and the log of runs."""


def auditor_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariant about auditors, where there are any."""
    auditors = evaluator.account.having(Persona.AUDITOR)
    if auditors:
        yield invariant(
            "auditors-read-and-change-nothing",
            f"{names(auditors)} can read runs and runbooks of the account, list its roles, read "
            f"the event history and the log of runs, and do nothing else",
            _only_reads(evaluator),
        )


def _only_reads(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.AUDITOR):
        findings += anything_but(access, {*_OWN, *OWN_USER})
        logs = [log for region in evaluator.account.regions for log in _logs(evaluator, region)]
        findings += as_findings(access, (g for g in access.on(_READ_LOG) if g.resource not in logs))
        own = [
            evaluator.ssm_arn("document/*", region=region) for region in evaluator.account.regions
        ]
        findings += as_findings(
            access, (g for g in access.on(_READ_RUNBOOK) if g.resource not in own)
        )
        decisions += _decisions(evaluator, access.principal, logs)
    return Proof(tuple(findings), tuple(decisions))


def _decisions(evaluator: Evaluator, auditor: Principal, logs: list[str]) -> Iterator[Decision]:
    everywhere = ("ssm:DescribeAutomationExecutions", "ssm:ListDocuments", _LOOK_UP, _LIST_ROLES)
    for action in everywhere:
        yield evaluator.evaluate(auditor, action, "*", expected=True)
    foreign = evaluator.execution(account=OTHER_ACCOUNT)
    for action in WATCH:
        for region in evaluator.account.regions:
            yield evaluator.evaluate(
                auditor, action, evaluator.execution(region=region), expected=True
            )
        yield evaluator.evaluate(auditor, action, foreign, expected=False)
    for region in evaluator.account.regions:
        runbook = evaluator.ssm_arn("document/Any-Runbook", region=region)
        yield evaluator.evaluate(auditor, _READ_RUNBOOK, runbook, expected=True)
    foreign_runbook = evaluator.ssm_arn("document/Any-Runbook", account=OTHER_ACCOUNT)
    yield evaluator.evaluate(auditor, _READ_RUNBOOK, foreign_runbook, expected=False)
    for log in logs:
        yield evaluator.evaluate(
            auditor, _READ_LOG, log.replace(":*", ":log-stream:x"), expected=True
        )
    yield evaluator.evaluate(auditor, SIGNAL, evaluator.execution(), expected=False)
    for arn in evaluator.account.runbook_arns:
        yield evaluator.evaluate(auditor, START, arn, expected=False)


def _logs(evaluator: Evaluator, region: str) -> tuple[str, str]:
    """The log of runs in a Region, and its streams."""
    environment = evaluator.account.environment
    group = _LOG_GROUP.format(evaluator.account.prefix)
    arn = f"arn:{environment.partition}:logs:{region}:{environment.account}:log-group:{group}"
    return arn, f"{arn}:*"
