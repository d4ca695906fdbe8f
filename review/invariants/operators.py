"""Invariants of those who start runbooks."""

from collections.abc import Iterator, Sequence

from review.access.evaluation import (
    OTHER_ACCOUNT,
    SOMEBODY_ELSES_RUNBOOK,
    Decision,
    Evaluator,
    names,
)
from review.access.grants import Grant
from review.iam.names import (
    ASSUME_ROLE,
    AUTOMATION,
    CALLED_VIA,
    CHANGE_REQUEST,
    CHANGES,
    CLOUDFORMATION,
    OWN_USER,
    PASS_ROLE,
    PASSED_TO,
    SIGNAL,
    START,
    WATCH,
)
from review.iam.patterns import an_example, covers, overlap
from review.iam.statements import Statement
from review.invariants.invariant import (
    Invariant,
    Proof,
    as_findings,
    denied_whatever_else,
    invariant,
    joined,
    of_actions,
)
from review.invariants.own_executions import (
    STOP,
    TAG,
    UNTAG,
    beyond_own,
    is_on_executions,
    may_be_taken_over,
    own_decisions,
    start_context,
    starts_as_another_team,
    tags_of_teams,
)
from review.invariants.schedules import is_seeing_own
from review.model.account import Kind, LimitKind, Persona, Principal

_BY_AUTOMATION = (("ForAnyValue:StringEquals", CALLED_VIA, (AUTOMATION,)),)
"""Of calls that Automation makes in the context of the caller of an execution without a role.
Source: IAM User Guide, AWS global condition context keys, aws:CalledVia."""
_OWN = {
    *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
    *("ssm:DescribeDocument", "ssm:GetAutomationExecution", "ssm:GetDocument"),
    *("ssm:ListDocuments", "ssm:ListDocumentVersions", START),
}
"""Actions that operators call. Source: the guide, Create a Test User."""
_NOT_APART = ", those of other teams as well: IAM keeps neither lists nor executions apart"
_READ = ("ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListDocumentVersions")


def operator_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants of the guide about the restricted operator."""
    operators = evaluator.account.having(Persona.OPERATOR)
    if not operators:
        return
    yield from _of_teams(evaluator, operators)
    who = names(operators)
    for id_, sentence, proof in (
        (
            "operators-touch-nothing",
            f"{who} can only start, read and watch, and cannot do what the runbooks do",
            _touches(evaluator),
        ),
        (
            "operators-hold-no-role",
            f"{who} can neither pass nor assume a role",
            _holds_no_role(evaluator),
        ),
        (
            "operators-write-nothing",
            f"{who} cannot change, share or relabel a runbook",
            _writes_nothing(evaluator),
        ),
        (
            "operators-approve-nothing",
            f"{who} cannot answer an approval, nor run by a change request",
            _approves_nothing(evaluator),
        ),
    ):
        yield invariant(id_, sentence, proof)
    users = [one for one in operators if one.kind is Kind.USER and one.is_whole]
    if users:
        yield invariant(
            "operators-lend-nothing",
            f"a runbook without a role gets nothing of what {names(users)} may do by other "
            f"policies, except in Systems Manager",
            _lends_nothing(evaluator, users),
        )
    if any(
        limit.kind is LimitKind.APPROVAL for r in evaluator.account.runbooks for limit in r.limits
    ):
        yield invariant(
            "operators-approve-nothing-whatever-else",
            f"{who} are denied {SIGNAL}, whatever else grants it",
            denied_whatever_else(evaluator, Persona.OPERATOR, SIGNAL),
        )


def _of_teams(evaluator: Evaluator, operators: Sequence[Principal]) -> Iterator[Invariant]:
    """Which runbooks the operators of each team start and read: their own and no other."""
    by_teams: dict[tuple[str, ...], list[Principal]] = {}
    for operator in operators:
        by_teams.setdefault(operator.teams, []).append(operator)
    for teams, members in by_teams.items():
        of_team = "".join(f"-of-{team}" for team in teams if team)
        who = names(members)
        runbooks = joined(r.name for r in evaluator.account.runbooks_of(members[0])) or "none"
        followed = f"follow the runs of this account{_NOT_APART if len(by_teams) > 1 else ''}"
        if tags_of_teams(evaluator, members[0]):
            followed = (
                "follow and stop the runs alone that they have started, whose tags they cannot "
                "change"
            )
        yield invariant(
            f"operators-start-approved-runbooks{of_team}",
            f"{who} can start exactly these runbooks and no other: {runbooks}",
            _starts(evaluator, members),
        )
        yield invariant(
            f"operators-follow-approved-runbooks{of_team}",
            f"{who} can read these runbooks and no other, and {followed}",
            _follows(evaluator, members),
        )


def _starts(evaluator: Evaluator, operators: Sequence[Principal]) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in map(evaluator.access, operators):
        findings += [
            f"{access.principal.name} may start {_started(grant)} (by {', '.join(grant.by)})"
            for grant in access.on(START)
            if not any(
                covers(allowed, grant.resource)
                for allowed in _approved(evaluator, access.principal)
            )
        ]
        decisions += _start_decisions(evaluator, access.principal)
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


def _arns(evaluator: Evaluator, operator: Principal) -> tuple[str, ...]:
    """The documents of the runbooks of an operator's teams."""
    return tuple(arn for r in evaluator.account.runbooks_of(operator) for arn in r.arns)


def _approved(evaluator: Evaluator, operator: Principal) -> Iterator[str]:
    """What a start of an operator's runbooks is authorized on."""
    for arn in _arns(evaluator, operator):
        yield arn
        yield f"{arn.replace(':document/', ':automation-definition/')}:*"
        yield f"{arn.split(':document/')[0]}:automation-execution/*"


def _start_decisions(evaluator: Evaluator, operator: Principal) -> Iterator[Decision]:
    mine = _arns(evaluator, operator)
    any_execution = not tags_of_teams(evaluator, operator)
    for arn in evaluator.account.runbook_arns:
        runbook, region = arn.rsplit("/", 1)[1], arn.split(":")[3]
        tagged = start_context(evaluator, operator, arn)
        yield evaluator.evaluate(operator, START, arn, expected=arn in mine, context=tagged)
        execution = evaluator.execution(region=region)
        yield evaluator.evaluate(operator, START, execution, expected=any_execution)
        elsewhere = evaluator.ssm_arn(f"document/{runbook}", region=evaluator.other_region())
        yield evaluator.evaluate(operator, START, elsewhere, expected=False)
        foreign = evaluator.ssm_arn(f"document/{runbook}", account=OTHER_ACCOUNT)
        yield evaluator.evaluate(operator, START, foreign, expected=False)
    for other in (
        f"document/{SOMEBODY_ELSES_RUNBOOK}",
        f"automation-definition/{SOMEBODY_ELSES_RUNBOOK}:1",
    ):
        yield evaluator.evaluate(operator, START, evaluator.ssm_arn(other), expected=False)


def _lends_nothing(evaluator: Evaluator, users: list[Principal]) -> Proof:
    """As an execution without a role calls: in the caller's context, by way of Automation."""
    findings = [
        f"{user.name} is not denied all but ssm:* where {CALLED_VIA} is {AUTOMATION}"
        for user in users
        if not any(_denies_lending(s) for policy in user.policies for s in policy.statements)
    ]
    decisions = [
        evaluator.evaluate(
            user,
            action,
            resource,
            expected=False,
            context={CALLED_VIA: chain},
            whatever_else=True,
        )
        for user in users
        for action, resource in (
            ("ec2:DescribeInstances", "*"),
            ("iam:CreateUser", evaluator.account.environment.iam_arn("user/SomebodyElse")),
        )
        for chain in ([AUTOMATION], [AUTOMATION, CLOUDFORMATION])
    ]
    return Proof(tuple(findings), tuple(decisions))


def _denies_lending(statement: Statement) -> bool:
    return (
        not statement.allows
        and statement.but_actions
        and statement.actions == ("ssm:*",)
        and statement.resources == ("*",)
        and not statement.but_resources
        and statement.conditions == _BY_AUTOMATION
    )


def _follows(evaluator: Evaluator, operators: Sequence[Principal]) -> Proof:
    executions = tuple(
        evaluator.ssm_arn("automation-execution/*", region=r) for r in evaluator.account.regions
    )
    findings = [
        finding
        for access in map(evaluator.access, operators)
        for action, resources in (
            *((action, _arns(evaluator, access.principal)) for action in _READ),
            *((action, executions) for action in (*WATCH, STOP)),
        )
        for finding in as_findings(
            access,
            (
                grant
                for grant in access.on(action)
                if not any(covers(resource, grant.resource) for resource in resources)
            ),
        )
    ]
    for access in map(evaluator.access, operators):
        if tags_of_teams(evaluator, access.principal):
            on_executions = (
                grant
                for action in (*WATCH, STOP, TAG, UNTAG, START)
                for grant in access.on(action)
                if is_on_executions(evaluator, grant)
            )
            others = beyond_own(evaluator, access.principal, on_executions)
            others += starts_as_another_team(evaluator, access.principal)
            findings += as_findings(access, others)
            findings += may_be_taken_over(evaluator, access.principal)
    return Proof(
        tuple(findings),
        tuple(
            decision
            for operator in operators
            for decision in _follow_decisions(evaluator, operator)
        ),
    )


def _follow_decisions(evaluator: Evaluator, operator: Principal) -> Iterator[Decision]:
    for action in ("ssm:ListDocuments", "ssm:DescribeAutomationExecutions"):
        yield evaluator.evaluate(operator, action, "*", expected=True)
    other = evaluator.ssm_arn(f"document/{SOMEBODY_ELSES_RUNBOOK}")
    mine = _arns(evaluator, operator)
    for action in _READ:
        for arn in evaluator.account.runbook_arns:
            yield evaluator.evaluate(operator, action, arn, expected=arn in mine)
        yield evaluator.evaluate(operator, action, other, expected=False)
    foreign = evaluator.execution(account=OTHER_ACCOUNT)
    any_execution = not tags_of_teams(evaluator, operator)
    yield from own_decisions(evaluator, operator)
    for action in WATCH:
        for region in evaluator.account.regions:
            yield evaluator.evaluate(
                operator, action, evaluator.execution(region=region), expected=any_execution
            )
        yield evaluator.evaluate(operator, action, foreign, expected=False)


def _touches(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.OPERATOR):
        more = [
            grant
            for grant in access.grants
            if grant.action not in {*_OWN, *OWN_USER}
            and not is_seeing_own(evaluator, access.principal, grant)
        ]
        findings += as_findings(access, beyond_own(evaluator, access.principal, more))
        for role in evaluator.accesses_of(Persona.SERVICE_ROLE):
            touched = [grant for grant in role.grants if grant.action not in _OWN]
            for grant in touched:
                mine = (g for g in access.on(grant.action) if overlap(g.resource, grant.resource))
                findings += as_findings(access, mine)
            decisions += [
                evaluator.evaluate(
                    access.principal, g.action, an_example(g.resource), expected=False
                )
                for g in touched
            ]
    return Proof(tuple(findings), tuple(dict.fromkeys(decisions)))


def _holds_no_role(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.OPERATOR):
        findings += of_actions(access, PASS_ROLE, ASSUME_ROLE)
        for role in evaluator.account.principals:
            if role.trust is None:
                continue
            decisions += [
                evaluator.evaluate(
                    access.principal,
                    PASS_ROLE,
                    role.arn,
                    expected=False,
                    context={PASSED_TO: service},
                )
                for service in (AUTOMATION, "ec2.amazonaws.com")
            ]
            decisions.append(
                evaluator.evaluate(
                    access.principal, ASSUME_ROLE, role.arn, expected=False, trust=role.trust
                )
            )
    return Proof(tuple(findings), tuple(decisions))


def _writes_nothing(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.OPERATOR):
        changes = (grant for action in CHANGES for grant in access.on(action))
        findings += as_findings(access, beyond_own(evaluator, access.principal, changes))
        decisions += [
            evaluator.evaluate(access.principal, action, arn, expected=False)
            for arn in evaluator.account.runbook_arns
            for action in CHANGES
        ]
    return Proof(tuple(findings), tuple(decisions))


def _approves_nothing(evaluator: Evaluator) -> Proof:
    decisions: list[Decision] = []
    findings: list[str] = []
    for access in evaluator.accesses_of(Persona.OPERATOR):
        findings += of_actions(access, SIGNAL, CHANGE_REQUEST)
        decisions.append(
            evaluator.evaluate(access.principal, SIGNAL, evaluator.execution(), expected=False)
        )
    return Proof(tuple(findings), tuple(decisions))
