"""What is promised of those who read the trail."""

from collections.abc import Iterator

from review.aws import OWN_PASSWORD, SIGNAL, START
from review.judge import OTHER_ACCOUNT, Decision, Judge, names
from review.model import Part, Principal
from review.promises import Promise, Proof, anything_but, promise, told

_LOOK_UP, _READ_LOG = "cloudtrail:LookupEvents", "logs:FilterLogEvents"
_LOG_GROUP = "/aws/events/DelegatedRuns"
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", "ssm:ListDocuments", _LOOK_UP, _READ_LOG),
}
"""What an auditor does: reads runs, the event history and the log of runs."""


def auditor_promises(judge: Judge) -> Iterator[Promise]:
    """The promise about auditors, where there are any."""
    auditors = judge.account.having(Part.AUDITOR)
    if auditors:
        yield promise(
            "auditors-read-and-change-nothing",
            f"{names(auditors)} can read runs, the event history and the log of runs, and do "
            f"nothing else",
            _only_reads(judge),
        )


def _only_reads(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.AUDITOR):
        findings += anything_but(access, {*_OWN, *OWN_PASSWORD})
        logs = [log for region in judge.account.regions for log in _logs(judge, region)]
        findings += told(access, (g for g in access.on(_READ_LOG) if g.resource not in logs))
        decisions += _decisions(judge, access.principal, logs)
    return Proof(tuple(findings), tuple(decisions))


def _decisions(judge: Judge, auditor: Principal, logs: list[str]) -> Iterator[Decision]:
    for action in ("ssm:DescribeAutomationExecutions", "ssm:ListDocuments", _LOOK_UP):
        yield judge.ask(auditor, action, "*", expected=True)
    foreign = judge.execution(account=OTHER_ACCOUNT)
    for action in ("ssm:GetAutomationExecution", "ssm:DescribeAutomationStepExecutions"):
        for region in judge.account.regions:
            yield judge.ask(auditor, action, judge.execution(region=region), expected=True)
        yield judge.ask(auditor, action, foreign, expected=False)
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
