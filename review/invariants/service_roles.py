"""Invariants of the service roles: their power, and who can take it."""

from collections.abc import Iterator
from dataclasses import replace

from review.access.evaluation import OTHER_ACCOUNT, Decision, Evaluator
from review.iam.names import ASSUME_ROLE, AUTOMATION, CLOUDFORMATION, PASS_ROLE
from review.iam.patterns import an_example, covers, overlap
from review.iam.statements import Statement
from review.invariants.invariant import Invariant, Proof, invariant, joined
from review.invariants.tag_limit import acts_on_tagged, an_instance, limiting_tags, tagged
from review.model.account import Persona, Principal, Runbook

_ON_EVERYTHING_ALONE = ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms")
"""Reading calls that the data has judged on alarms, and whose permission has to be on ``*``.
Source: CloudWatch API Reference, DescribeAlarms."""
_OTHER_SERVICES = ("ec2.amazonaws.com", "lambda.amazonaws.com", CLOUDFORMATION)


def service_role_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """Two invariants of each service role."""
    for role in evaluator.account.having(Persona.SERVICE_ROLE):
        runbooks = [runbook for runbook in evaluator.account.runbooks if runbook.role == role.arn]
        shown = joined(runbook.name for runbook in runbooks)
        yield invariant(
            f"{role.name}-does-what-runbooks-need",
            f"{role.name} can do what its runbooks need and nothing else: {shown}",
            _needs(evaluator, role, runbooks),
        )
        tags = limiting_tags(role)
        for key, values in tags.items():
            of_key = f"-{key}" if len(tags) > 1 else ""
            yield invariant(
                f"{role.name}-acts-on-tagged-instances{of_key}",
                f"{role.name} acts on instances tagged {key}={' or '.join(values)} alone, and can "
                "neither set nor remove that tag",
                acts_on_tagged(evaluator, role, key),
            )
        yield invariant(
            f"{role.name}-is-assumed-by-automation",
            f"only Automation executions of this account can assume {role.name}",
            _assumed(evaluator, role),
        )


def _needs(evaluator: Evaluator, role: Principal, runbooks: list[Runbook]) -> Proof:
    """The role's actions against those of its runbooks' steps, derived by the review itself."""
    actions = evaluator.engine.actions()
    needed: dict[str, str] = {}
    optional: set[str] = set()
    undetermined: list[str] = []
    for runbook in runbooks:
        for call in runbook.calls:
            step = f"step {call.step} of {runbook.name}"
            unknown = [name for name in call.actions if actions.get(name) is None]
            if unknown or not call.is_known:
                undetermined.append(
                    f"what {step} calls" + (f": {joined(unknown)}" if unknown else "")
                )
            for name in call.actions:
                found = actions.get(name)
                if found is not None:
                    needed.setdefault(found.name, step)
                    optional |= set(found.dependents)
            optional |= set(call.optional)
    access = evaluator.access(role)
    allowed = set(access.allowed_actions)
    beyond = sorted(allowed - needed.keys() - optional)
    as_findings = [
        f"{role.name} may {_on(evaluator, role, name)}, which no step needs" for name in beyond
    ]
    lacking = [
        f"{role.name} may not {name}, which {step} needs"
        for name, step in sorted(needed.items())
        if name not in allowed
    ]
    decisions = [
        evaluator.evaluate(role, name, _probe(evaluator, role, name), expected=False)
        for name in (PASS_ROLE, "iam:AttachRolePolicy", "ssm:UpdateDocument")
        if name not in needed
    ]
    decisions += _elsewhere(evaluator, role, sorted(allowed & needed.keys()))
    if undetermined:
        grave = [
            text
            for name, text in zip(beyond, as_findings, strict=True)
            if _is_grave(evaluator, name)
        ]
        return Proof((*lacking, *grave), tuple(decisions), (*undetermined, *as_findings))
    return Proof((*lacking, *as_findings), tuple(decisions))


def _is_grave(evaluator: Evaluator, name: str) -> bool:
    """Whether an action gives power over others, which no script of a runbook may hide."""
    found = evaluator.engine.actions().get(name)
    manages = found is not None and found.manages_permissions
    return manages or name in (ASSUME_ROLE, PASS_ROLE) or name.startswith("iam:")


def _elsewhere(evaluator: Evaluator, role: Principal, names: list[str]) -> Iterator[Decision]:
    """The twins of what a role does: the same in another Region, and in another account."""
    environment, actions = evaluator.account.environment, evaluator.engine.actions()
    tags = tagged(limiting_tags(role))
    for name in names:
        found = actions.get(name)
        assert found is not None
        if name in _ON_EVERYTHING_ALONE:
            continue
        for arn in found.arns:
            parts = arn.split(":", 5)
            if not any(overlap(arn, grant.resource) for grant in evaluator.access(role).on(name)):
                continue
            if parts[2] != name.split(":")[0] or parts[3] != "*" or parts[4] != "*":
                continue
            for region, account in (
                (evaluator.other_region(), environment.account),
                (environment.region, OTHER_ACCOUNT),
            ):
                where = ":".join(
                    ["arn", environment.partition, parts[2], region, account, parts[5]]
                )
                is_instance = overlap(an_instance(evaluator, region, account), where)
                yield evaluator.evaluate(
                    role,
                    name,
                    an_example(where),
                    expected=False,
                    context=tags if is_instance else {},
                )


def _on(evaluator: Evaluator, role: Principal, name: str) -> str:
    resources = joined(grant.resource for grant in evaluator.access(role).on(name))
    return f"{name} on {resources}"


def _probe(evaluator: Evaluator, role: Principal, action: str) -> str:
    if action.startswith("iam:"):
        return role.arn
    runbooks = evaluator.account.runbooks
    return runbooks[0].arns[0] if runbooks else evaluator.ssm_arn("document/Example")


def _assumed(evaluator: Evaluator, role: Principal) -> Proof:
    environment = evaluator.account.environment
    execution = evaluator.execution()
    foreign = evaluator.execution(account=OTHER_ACCOUNT)
    mine = {"aws:SourceAccount": environment.account, "aws:SourceArn": execution}
    document = evaluator.ssm_arn("document/Example")
    decisions: list[Decision] = [
        evaluator.evaluate_trust(AUTOMATION, role, expected=True, context=mine),
        evaluator.evaluate_trust(AUTOMATION, role, expected=False),
        evaluator.evaluate_trust(
            AUTOMATION,
            role,
            expected=False,
            context={**mine, "aws:SourceAccount": OTHER_ACCOUNT},
        ),
        evaluator.evaluate_trust(
            AUTOMATION, role, expected=False, context={**mine, "aws:SourceArn": foreign}
        ),
        evaluator.evaluate_trust(
            AUTOMATION, role, expected=False, context={**mine, "aws:SourceArn": document}
        ),
        *(
            evaluator.evaluate_trust(service, role, expected=False, context=mine)
            for service in _OTHER_SERVICES
        ),
        evaluator.evaluate_trust(
            replace(environment, account=OTHER_ACCOUNT).iam_arn("role/Example"),
            role,
            expected=False,
        ),
        *(
            evaluator.evaluate(other, ASSUME_ROLE, role.arn, expected=False, trust=role.trust)
            for other in evaluator.account.principals
            if other.arn != role.arn
        ),
    ]
    others = [value for _, value in role.trusted if value != AUTOMATION]
    findings = [f"{role.name} trusts {joined(others)} as well"] if others else []
    findings += [
        f"{role.name} trusts executions of other accounts (statement {statement.sid} of its trust)"
        for statement in (role.trust.statements if role.trust else ())
        if statement.allows and not _is_of_this_account(evaluator, statement)
    ]
    return Proof(tuple(findings), tuple(decisions))


def _is_of_this_account(evaluator: Evaluator, statement: Statement) -> bool:
    """Whether a statement lets in executions of this account alone."""
    executions = evaluator.ssm_arn("automation-execution/*", region="*")
    accounts, sources = False, False
    for operator, key, values in statement.conditions:
        if (operator, key.lower()) == ("StringEquals", "aws:sourceaccount"):
            accounts = set(values) == {evaluator.account.environment.account}
        if operator in ("ArnLike", "ArnEquals") and key.lower() == "aws:sourcearn":
            sources = all(covers(executions, value) for value in values)
    return accounts and sources
