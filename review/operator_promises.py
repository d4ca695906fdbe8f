"""What is promised of those who start runbooks, and of those who approve them."""

from collections.abc import Collection, Iterator

from review.grants import ASSUME_ROLE, Access, Grant
from review.judge import EXECUTION, OTHER_ACCOUNT, SOMEBODY_ELSES_RUNBOOK, Decision, Judge, names
from review.patterns import covers, is_pattern, overlap
from review.principals import Kind, Part, Principal
from review.promises import Promise, Proof, joined, of_actions, promise

START = "ssm:StartAutomationExecution"
SIGNAL = "ssm:SendAutomationSignal"
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:DescribeDocument", "ssm:GetAutomationExecution", "ssm:GetDocument"),
    *("ssm:ListDocuments", "ssm:ListDocumentVersions", START),
}
"""What an operator does himself. Source: the guide, Create a Test User."""
_PASSWORD = ("iam:ChangePassword", "iam:GetAccountPasswordPolicy")
_APPROVERS_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:GetAutomationExecution", SIGNAL),
}
"""What an approver does: reads what he is asked to approve, and answers."""
CHANGES = (
    *("ssm:CreateDocument", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion"),
    *("ssm:DeleteDocument", "ssm:ModifyDocumentPermission", "ssm:UpdateDocumentMetadata"),
    *("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"),
)
"""What changes, shares or relabels a document. Source: Service Authorization Reference."""
_PASSED_TO = "iam:PassedToService"


def operator_promises(judge: Judge) -> Iterator[Promise]:
    """The promises of the guide about the restricted operator."""
    operators = judge.account.having(Part.OPERATOR)
    if not operators:
        return
    who = names(operators)
    runbooks = joined(runbook.name for runbook in judge.account.runbooks)
    yield promise(
        "operators-start-approved-runbooks",
        f"{who} can start exactly these runbooks and no other: {runbooks}",
        _starts(judge),
    )
    yield promise(
        "operators-follow-approved-runbooks",
        f"{who} can find these runbooks, read them and follow every run",
        _follows(judge),
    )
    yield from _own_password(judge)
    yield promise(
        "operators-touch-nothing",
        f"{who} cannot do what the runbooks do, nor anything else but this",
        _touches(judge),
    )
    yield promise(
        "operators-hold-no-role",
        f"{who} can neither pass nor assume a role",
        _holds_no_role(judge),
    )
    yield promise(
        "operators-write-nothing",
        f"{who} cannot change, share or relabel a runbook",
        _writes_nothing(judge),
    )
    yield promise(
        "operators-approve-nothing",
        f"{who} cannot answer an approval, nor run by a change request",
        _approves_nothing(judge),
    )
    if asks_for_approval(judge):
        yield promise(
            "operators-approve-nothing-whatever-else",
            f"{who} cannot answer an approval, whatever else grants it",
            _denied_whatever_else(judge, Part.OPERATOR, SIGNAL),
        )


def approver_promises(judge: Judge) -> Iterator[Promise]:
    """The promises about those who answer approvals."""
    approvers = judge.account.having(Part.APPROVER)
    if not approvers:
        return
    yield promise(
        "approvers-approve-and-start-nothing",
        f"{names(approvers)} can answer approvals and do nothing else",
        _only_approves(judge),
    )
    yield promise(
        "approvers-start-nothing-whatever-else",
        f"{names(approvers)} cannot start a run, whatever else grants it",
        _denied_whatever_else(judge, Part.APPROVER, START),
    )


def asks_for_approval(judge: Judge) -> bool:
    """Whether any runbook waits for an approval."""
    return any(limit.what == "approval" for r in judge.account.runbooks for limit in r.limits)


def _denied_whatever_else(judge: Judge, part: Part, action: str) -> Proof:
    execution = judge.ssm_arn(f"automation-execution/{EXECUTION}")
    decisions = [
        judge.ask(principal, action, execution, expected=False, whatever_else=True)
        for principal in judge.account.having(part)
    ]
    return Proof((), tuple(decisions))


def _follows(judge: Judge) -> Proof:
    return Proof(
        (),
        tuple(
            decision
            for operator in judge.account.having(Part.OPERATOR)
            for decision in _follow_decisions(judge, operator)
        ),
    )


def _follow_decisions(judge: Judge, operator: Principal) -> Iterator[Decision]:
    for action in ("ssm:ListDocuments", "ssm:DescribeAutomationExecutions"):
        yield judge.ask(operator, action, "*", expected=True)
    other = judge.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    foreign = judge.ssm_arn(f"automation-execution/{EXECUTION}", account=OTHER_ACCOUNT)
    for action in ("ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListDocumentVersions"):
        for runbook in judge.account.runbooks:
            for arn in runbook.arns:
                yield judge.ask(operator, action, arn, expected=True)
        yield judge.ask(operator, action, other, expected=False)
    for action in ("ssm:GetAutomationExecution", "ssm:DescribeAutomationStepExecutions"):
        for region in judge.account.regions:
            execution = judge.ssm_arn(f"automation-execution/{EXECUTION}", region=region)
            yield judge.ask(operator, action, execution, expected=True)
        yield judge.ask(operator, action, foreign, expected=False)


def _own_password(judge: Judge) -> Iterator[Promise]:
    """The promise about those whom these templates make as IAM users."""
    users = [
        person
        for person in judge.account.having(Part.OPERATOR, Part.APPROVER)
        if person.kind is Kind.USER and person.is_whole
    ]
    if not users:
        return
    decisions: list[Decision] = []
    for user in users:
        other = user.arn.replace(f":user/{user.name}", ":user/SomebodyElse")
        for arn in (user.arn, other):
            decisions.append(judge.ask(user, "iam:ChangePassword", arn, expected=arn == user.arn))
        decisions.append(judge.ask(user, "iam:GetAccountPasswordPolicy", "*", expected=True))
    yield promise(
        "users-change-own-password",
        f"{names(users)} can change the own password and nobody else's",
        Proof((), tuple(decisions)),
    )


def _starts(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.OPERATOR):
        findings += [
            f"{access.principal.name} may start {_started(grant)} (by {', '.join(grant.by)})"
            for grant in access.on(START)
            if not _is_approved(judge, grant)
        ]
        decisions += _start_decisions(judge, access.principal)
    return Proof(tuple(findings), tuple(decisions))


def _started(grant: Grant) -> str:
    """What a start on a pattern comes to, in words."""
    if grant.resource == "*":
        return (
            "every runbook of this account in every Region, AWS's own, and those that other "
            "accounts share with it, each under whichever role is embedded in it"
        )
    if overlap(grant.resource, f"arn:*:ssm:*:*:document/{SOMEBODY_ELSES_RUNBOOK}"):
        return f"every runbook of {grant.resource}, each under whichever role is embedded in it"
    return grant.resource


def _is_approved(judge: Judge, grant: Grant) -> bool:
    """Whether a start is on an approved runbook, or on the execution that it becomes."""
    return any(covers(allowed, grant.resource) for allowed in _approved(judge))


def _approved(judge: Judge) -> Iterator[str]:
    for runbook in judge.account.runbooks:
        for arn in runbook.arns:
            yield arn
            yield f"{arn.replace(':document/', ':automation-definition/')}:*"
            yield f"{arn.split(':document/')[0]}:automation-execution/*"


def _start_decisions(judge: Judge, operator: Principal) -> Iterator[Decision]:
    for runbook in judge.account.runbooks:
        for arn in runbook.arns:
            region = arn.split(":")[3]
            execution = judge.ssm_arn(f"automation-execution/{EXECUTION}", region=region)
            yield judge.ask(operator, START, arn, expected=True)
            yield judge.ask(operator, START, execution, expected=True)
            elsewhere = judge.ssm_arn(f"document/{runbook.name}", region=judge.other_region())
            yield judge.ask(operator, START, elsewhere, expected=False)
            foreign = judge.ssm_arn(f"document/{runbook.name}", account=OTHER_ACCOUNT)
            yield judge.ask(operator, START, foreign, expected=False)
    other = judge.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    yield judge.ask(operator, START, other, expected=False)
    definition = judge.ssm_arn(f"automation-definition/{SOMEBODY_ELSES_RUNBOOK}:1")
    yield judge.ask(operator, START, definition, expected=False)


def _touches(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.OPERATOR):
        findings += anything_but(access, {*_OWN, *_PASSWORD})
        for role in judge.accesses_of(Part.SERVICE_ROLE):
            touched = [grant for grant in role.grants if grant.action not in _OWN]
            findings += [
                f"{access.principal.name} may {mine.action} on {mine.resource}, as "
                f"{role.principal.name} does (by {', '.join(mine.by)})"
                for grant in touched
                for mine in access.on(grant.action)
                if overlap(mine.resource, grant.resource)
            ]
            decisions += [
                judge.ask(
                    access.principal, grant.action, an_example(grant.resource), expected=False
                )
                for grant in touched
            ]
    return Proof(tuple(findings), tuple(dict.fromkeys(decisions)))


def anything_but(access: Access, actions: Collection[str]) -> list[str]:
    """What a principal may do beside these actions, as findings."""
    return of_actions(access, *(name for name in access.allowed_actions if name not in actions))


def an_example(pattern: str) -> str:
    """One resource that a pattern stands for; ``*`` alone stays."""
    if pattern == "*":
        return pattern
    example = pattern.replace(":instance/*", ":instance/i-0123456789abcdef0")
    return example.replace("*", "example").replace("?", "x") if is_pattern(example) else example


def _holds_no_role(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    roles = [principal for principal in judge.account.principals if principal.trust]
    for access in judge.accesses_of(Part.OPERATOR):
        findings += of_actions(access, "iam:PassRole", ASSUME_ROLE)
        for role in roles:
            for service in ("ssm.amazonaws.com", "ec2.amazonaws.com"):
                decisions.append(
                    judge.ask(
                        access.principal,
                        "iam:PassRole",
                        role.arn,
                        expected=False,
                        context={_PASSED_TO: service},
                    )
                )
            decisions.append(
                judge.ask(access.principal, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            )
    return Proof(tuple(findings), tuple(decisions))


def _writes_nothing(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    arns = [arn for runbook in judge.account.runbooks for arn in runbook.arns]
    for access in judge.accesses_of(Part.OPERATOR):
        findings += of_actions(access, *CHANGES)
        decisions += [
            judge.ask(access.principal, action, arn, expected=False)
            for arn in arns
            for action in CHANGES
        ]
    return Proof(tuple(findings), tuple(decisions))


def _approves_nothing(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in judge.accesses_of(Part.OPERATOR):
        findings += of_actions(access, SIGNAL, "ssm:StartChangeRequestExecution")
        execution = judge.ssm_arn(f"automation-execution/{EXECUTION}")
        decisions.append(judge.ask(access.principal, SIGNAL, execution, expected=False))
    return Proof(tuple(findings), tuple(decisions))


def _only_approves(judge: Judge) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    execution = judge.ssm_arn(f"automation-execution/{EXECUTION}")
    for access in judge.accesses_of(Part.APPROVER):
        findings += anything_but(access, {*_APPROVERS_OWN, *_PASSWORD})
        decisions.append(judge.ask(access.principal, SIGNAL, execution, expected=True))
        decisions += [
            judge.ask(access.principal, START, arn, expected=False)
            for runbook in judge.account.runbooks
            for arn in runbook.arns
        ]
    return Proof(tuple(findings), tuple(decisions))
