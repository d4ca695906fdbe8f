"""Invariants of schedules: what starts by itself, by which role, and who can change that."""

from collections.abc import Iterator
from dataclasses import replace

from review.access.evaluation import OTHER_ACCOUNT, Decision, Evaluator
from review.access.grants import Access, Grant
from review.iam.names import ASSUME_ROLE, PASS_ROLE, PASSED_TO, SCHEDULER, START
from review.iam.patterns import covers, overlap
from review.invariants.invariant import Invariant, Proof, as_findings, invariant, joined
from review.model.account import LimitKind, Persona, Principal
from review.model.schedules import Schedule

_READING = {"List", "Read"}
_REPORT = "sqs:SendMessage"
_CHANGES = (
    *("scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"),
    "scheduler:DeleteScheduleGroup",
)


def schedule_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about schedules, where there is one, or a role for them."""
    schedules = evaluator.account.schedules
    roles = evaluator.account.having(Persona.SCHEDULE_ROLE)
    if not schedules and not roles:
        return
    shown = joined(dict.fromkeys(each.starts for each in schedules))
    yield invariant(
        "schedules-start-what-takes-nothing",
        f"a schedule starts runbooks that take nothing from their start and run once however often "
        f"they are started: {shown}",
        Proof(tuple(_started(evaluator, schedules)), ()),
    )
    yield invariant(
        "schedule-role-starts-these-alone",
        f"the role of schedules can start these runbooks, report what was not started, and do "
        f"nothing else: {shown}",
        _role(evaluator, schedules, roles),
    )
    yield invariant(
        "schedules-are-the-administrators",
        "nobody can change a schedule, or pass or assume the role of schedules",
        _changed(evaluator, schedules, roles),
    )


def _started(evaluator: Evaluator, schedules: tuple[Schedule, ...]) -> Iterator[str]:
    runbooks = {runbook.name: runbook for runbook in evaluator.account.runbooks}
    roles = {role.arn for role in evaluator.account.having(Persona.SCHEDULE_ROLE)}
    for each in schedules:
        runbook = runbooks.get(each.starts)
        if runbook is None:
            yield f"{each.title} starts {each.starts}, which these templates do not make"
            continue
        if runbook.fleet:
            yield f"{each.title} starts {each.starts}, which runs for a target of a fleet"
        if not any(arn.split(":")[3] == each.region for arn in runbook.arns):
            yield f"{each.title} starts {each.starts}, which is not made there"
        if runbook.parameters:
            yield f"{each.title} starts {each.starts}, which takes {joined(runbook.parameters)}"
        if not any(limit.kind is LimitKind.ONE_AT_A_TIME for limit in runbook.limits):
            yield f"{each.title} starts {each.starts}, which can run twice at the same time"
        if each.role not in roles:
            yield f"{each.title} starts as {each.role}, which is no role of schedules"
        if not each.undelivered:
            yield f"{each.title} reports nothing of what was not started"


def _role(
    evaluator: Evaluator, schedules: tuple[Schedule, ...], roles: tuple[Principal, ...]
) -> Proof:
    findings: list[str] = []
    decisions: list[Decision] = []
    for role in roles:
        mine = [each for each in schedules if each.role == role.arn]
        access = evaluator.access(role)
        allowed = {START: list(_starts(evaluator, mine)), _REPORT: [e.undelivered for e in mine]}
        findings += as_findings(
            access,
            (
                grant
                for grant in access.grants
                if not any(covers(arn, grant.resource) for arn in allowed.get(grant.action, ()))
            ),
        )
        if role.boundary is None and len(role.policies) == 0:
            findings.append(f"{role.name} holds no policy")
        groups = dict.fromkeys((each.region, each.group) for each in mine)
        decisions += _trust_decisions(evaluator, role, list(groups))
        findings += [
            f"{role.name} trusts {kind} {value}"
            for kind, value in role.trusted
            if (kind, value) != ("Service", SCHEDULER)
        ]
        for each in mine:
            document = evaluator.ssm_arn(f"document/{each.starts}", region=each.region)
            decisions.append(evaluator.evaluate(role, START, document, expected=True))
    return Proof(tuple(findings), tuple(decisions))


def _starts(evaluator: Evaluator, schedules: list[Schedule]) -> Iterator[str]:
    for each in schedules:
        for resource in (
            f"document/{each.starts}",
            f"automation-definition/{each.starts}:*",
            "automation-execution/*",
        ):
            yield evaluator.ssm_arn(resource, region=each.region)


def _trust_decisions(
    evaluator: Evaluator, role: Principal, groups: list[tuple[str, str]]
) -> Iterator[Decision]:
    """That Scheduler assumes the role for these groups, and neither for another nor for one of
    another account: the deputy that somebody else confuses."""
    environment = evaluator.account.environment
    for region, group in groups:
        for account, named, expected in (
            (environment.account, group, True),
            (environment.account, f"{group}-of-somebody-else", False),
            (OTHER_ACCOUNT, group, False),
        ):
            source = replace(environment, account=account).scheduler_arn(
                f"schedule-group/{named}", region
            )
            yield evaluator.evaluate_trust(
                SCHEDULER,
                role,
                expected=expected,
                context={"aws:SourceArn": source, "aws:SourceAccount": account},
            )


def _changed(
    evaluator: Evaluator, schedules: tuple[Schedule, ...], roles: tuple[Principal, ...]
) -> Proof:
    findings: list[str] = []
    decisions: list[Decision] = []
    environment = evaluator.account.environment
    for access in evaluator.accesses:
        findings += as_findings(access, _changing(evaluator, access))
        for role in roles:
            taken = (
                grant
                for action in (PASS_ROLE, ASSUME_ROLE)
                for grant in access.on(action)
                if overlap(grant.resource, role.arn)
            )
            findings += as_findings(access, taken)
            decisions += [
                evaluator.evaluate(
                    access.principal,
                    PASS_ROLE,
                    role.arn,
                    expected=False,
                    context={PASSED_TO: SCHEDULER},
                ),
                evaluator.evaluate(
                    access.principal, ASSUME_ROLE, role.arn, expected=False, trust=role.trust
                ),
            ]
        for each in schedules:
            group, schedule = (
                environment.scheduler_arn(resource, each.region)
                for resource in (f"schedule-group/{each.group}", each.resource)
            )
            decisions += [
                evaluator.evaluate(
                    access.principal,
                    action,
                    group if action.endswith("Group") else schedule,
                    expected=False,
                )
                for action in _CHANGES
            ]
    return Proof(tuple(findings), tuple(dict.fromkeys(decisions)))


def _changing(evaluator: Evaluator, access: Access) -> Iterator[Grant]:
    """What somebody may do to schedules, beside reading them."""
    actions = evaluator.engine.actions()
    for grant in access.grants:
        if grant.action.startswith("scheduler:"):
            found = actions.get(grant.action)
            if found is None or not set(found.levels) <= _READING:
                yield grant


def is_seeing_own(evaluator: Evaluator, operator: Principal, grant: Grant) -> bool:
    """Whether a grant shows an operator the schedules of their own runbooks: the list has no
    resource-level permission, and names schedules alone."""
    if grant.action == "scheduler:ListSchedules":
        return bool(evaluator.account.schedules)
    environment = evaluator.account.environment
    mine = {runbook.name for runbook in evaluator.account.runbooks_of(operator)}
    return grant.action == "scheduler:GetSchedule" and any(
        grant.resource == environment.scheduler_arn(each.resource, each.region)
        for each in evaluator.account.schedules
        if each.starts in mine
    )
