"""What is promised of those who read the trail."""

from collections.abc import Iterator

from review.access.evaluation import OTHER_ACCOUNT, Decision, Judge, names
from review.iam.names import OWN_PASSWORD, SIGNAL, START, WATCH
from review.invariants.invariant import Promise, Proof, anything_but, promise, told
from review.model.account import Part, Principal

_LOOK_UP, _READ_LOG = "cloudtrail:LookupEvents", "logs:FilterLogEvents"
_LIST_ROLES, _READ_RUNBOOK = "iam:ListRoles", "ssm:GetDocument"
_LOG_GROUP = "/aws/events/DelegatedRuns"
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", "ssm:ListDocuments", _READ_RUNBOOK),
    *(_LOOK_UP, _READ_LOG, _LIST_ROLES),
}
"""What an auditor does: reads runs, runbooks, roles, the event history and the log of runs."""


def auditor_promises(judge: Judge) -> Iterator[Promise]:
    """The promise about auditors, where there are any."""
    auditors = judge.account.having(Part.AUDITOR)
    if auditors:
        yield promise(
            "auditors-read-and-change-nothing",
            f"{names(auditors)} can read runs and runbooks of the account, list its roles, read "
            f"the event history and the log of runs, and do nothing else",
            _only_reads(judge),
        )


def _only_reads(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.AUDITOR):
        findings += anything_but(access, {*_OWN, *OWN_PASSWORD})
        logs = [log for region in judge.account.regions for log in _logs(judge, region)]
        findings += told(access, (g for g in access.on(_READ_LOG) if g.resource not in logs))
        own = [judge.ssm_arn("document/*", region=region) for region in judge.account.regions]
        findings += told(access, (g for g in access.on(_READ_RUNBOOK) if g.resource not in own))
        decisions += _decisions(judge, access.principal, logs)
    return Proof(tuple(findings), tuple(decisions))


def _decisions(judge: Judge, auditor: Principal, logs: list[str]) -> Iterator[Decision]:
    everywhere = ("ssm:DescribeAutomationExecutions", "ssm:ListDocuments", _LOOK_UP, _LIST_ROLES)
    for action in everywhere:
        yield judge.ask(auditor, action, "*", expected=True)
    foreign = judge.execution(account=OTHER_ACCOUNT)
    for action in WATCH:
        for region in judge.account.regions:
            yield judge.ask(auditor, action, judge.execution(region=region), expected=True)
        yield judge.ask(auditor, action, foreign, expected=False)
    for region in judge.account.regions:
        runbook = judge.ssm_arn("document/Any-Runbook", region=region)
        yield judge.ask(auditor, _READ_RUNBOOK, runbook, expected=True)
    foreign_runbook = judge.ssm_arn("document/Any-Runbook", account=OTHER_ACCOUNT)
    yield judge.ask(auditor, _READ_RUNBOOK, foreign_runbook, expected=False)
    for log in logs:
        yield judge.ask(auditor, _READ_LOG, log.replace(":*", ":log-stream:x"), expected=True)
    yield judge.ask(auditor, SIGNAL, judge.execution(), expected=False)
    for arn in judge.account.runbook_arns:
        yield judge.ask(auditor, START, arn, expected=False)


def _logs(judge: Judge, region: str) -> tuple[str, str]:
    """The log of runs in a Region, and its streams."""
    place = judge.account.place
    group = f"arn:{place.partition}:logs:{region}:{place.account}:log-group:{_LOG_GROUP}"
    return group, f"{group}:*"
