"""Invariants of fleets: their role alone runs anything for a target, at their rate."""

from collections.abc import Iterator

from review.access.evaluation import Evaluator
from review.iam.names import START
from review.iam.patterns import covers
from review.invariants.invariant import Invariant, Proof, as_findings, invariant, joined
from review.model.account import Persona, Runbook


def fleet_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about fleets, where a document is one of a target."""
    targets = [runbook for runbook in evaluator.account.runbooks if runbook.fleet]
    names = {runbook.name for runbook in targets}
    fleets = [each for each in evaluator.account.runbooks if names.intersection(each.starts)]
    if not targets:
        return
    shown = joined(runbook.name for runbook in fleets) or "nothing"
    yield invariant(
        "fleets-alone-start-their-targets",
        f"what runs for a target is started by the role of its fleet alone: {shown}",
        _started_by_fleets(evaluator, targets, fleets),
    )
    yield invariant(
        "fleets-take-no-parameters",
        f"nobody who starts a fleet can choose its targets or rate, or multiply it: {shown}",
        Proof(tuple(_chosen(fleets)), ()),
    )
    yield invariant(
        "fleets-run-their-targets-once",
        f"a fleet runs its targets by one step, at one rate, and holds its lock meanwhile: {shown}",
        Proof(tuple(f"{each.name}: {d}" for each in fleets for d in each.deviations), ()),
    )
    yield invariant(
        "fleet-roles-start-their-targets-alone",
        "the role of a fleet can start the document of its targets and no other",
        _starting_nothing_else(evaluator, fleets),
    )


def _started_by_fleets(
    evaluator: Evaluator, targets: list[Runbook], fleets: list[Runbook]
) -> Proof:
    findings: list[str] = []
    decisions = []
    for target in targets:
        mine = [fleet for fleet in fleets if target.name in fleet.starts]
        roles = {fleet.role for fleet in mine}
        if [fleet.name for fleet in mine] != [target.fleet]:
            starting = joined(fleet.name for fleet in mine) or "nothing"
            findings.append(f"{target.name} is started by {starting}, not by {target.fleet} alone")
        for principal in evaluator.account.principals:
            is_fleet = principal.arn in roles
            if not is_fleet:
                grants = evaluator.access(principal).on(START)
                findings += as_findings(
                    evaluator.access(principal),
                    (g for g in grants if any(covers(g.resource, arn) for arn in target.arns)),
                )
            decisions += [
                evaluator.evaluate(principal, START, arn, expected=is_fleet) for arn in target.arns
            ]
    return Proof(tuple(findings), tuple(decisions))


def _chosen(fleets: list[Runbook]) -> Iterator[str]:
    for fleet in fleets:
        if fleet.parameters:
            yield f"{fleet.name} takes {joined(fleet.parameters)} of anyone who starts it"


def _starting_nothing_else(evaluator: Evaluator, fleets: list[Runbook]) -> Proof:
    findings: list[str] = []
    for role in evaluator.account.having(Persona.SERVICE_ROLE):
        mine = [fleet for fleet in fleets if fleet.role == role.arn]
        names = {name for fleet in mine for name in fleet.starts}
        if not names:
            continue
        allowed = [
            evaluator.ssm_arn(f"{kind}/{resource}", region=region)
            for region in evaluator.account.regions
            for name in names
            for kind, resource in (
                ("document", name),
                ("automation-definition", f"{name}:*"),
                ("automation-execution", "*"),
            )
        ]
        access = evaluator.access(role)
        findings += as_findings(
            access,
            (g for g in access.on(START) if not any(covers(a, g.resource) for a in allowed)),
        )
        findings += [
            f"{other.name} runs as {role.name}, which is of a fleet"
            for other in evaluator.account.runbooks
            if other.role == role.arn and other not in mine
        ]
    return Proof(tuple(findings), ())
