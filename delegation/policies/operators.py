"""The statements of each person, in both profiles, each with its reason.

What a service role needs follows from its runbooks: ``needs`` and ``role_statements``.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from delegation import names
from delegation.deployment.deployment import Deployment, Profile
from delegation.deployment.service_roles import ServiceRole
from delegation.deployment.teams import Team
from delegation.policies import own_executions
from delegation.policies.automation_role import beyond_automation_role
from delegation.policies.quotas import POLICIES_A_PRINCIPAL, portions
from delegation.policies.schedules import seeing_schedules
from delegation.policies.service_roles import boundary_statements, volume_key_statements
from delegation.policies.statements import Conditions, Statement
from delegation.runbooks.permissions import Need

Needs = Sequence[Need]
Policy = tuple[Statement, ...]

_SAR = "Service Authorization Reference, AWS Systems Manager"
_GUIDE = "Running an Automation Workflow by Using Delegated Administration, Create a Test User"

OTHER_POLICIES_OF_USERS = 2
"""How many policies operators who are IAM users hold beside those of runbooks; with MFA two
more."""
_READ_RUNBOOK = ("ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListDocumentVersions")
_WATCH = ("ssm:DescribeAutomationStepExecutions", "ssm:GetAutomationExecution")
_WATCH_TAGGED = ("ssm:GetAutomationExecution",)
"""Reading steps by themselves has no condition key; the execution shows them as well."""
_START = "ssm:StartAutomationExecution"


_LIST_RUNBOOKS_AND_EXECUTIONS = Statement(
    sid="ListRunbooksAndExecutions",
    actions=("ssm:DescribeAutomationExecutions", "ssm:ListDocuments"),
    resources=("*",),
    why="neither list call has a resource-level permission",
    source=_SAR,
)


@cache
def operator_policies(deployment: Deployment, team: Team) -> tuple[tuple[Statement, ...], ...]:
    """What the operators of a team may do, as the statements of one managed policy each.

    IAM limits a policy's size, so many runbooks are split over several, in the order of
    ``deployments.py``: a further runbook fills the last policy or opens a new one.
    """
    if deployment.profile is Profile.GUIDE:
        return ((GUIDE_OPERATOR,),)
    first = _everyones(deployment, team)
    policies: list[tuple[Statement, ...]] = []
    for runbooks in portions(
        team.runbooks,
        lambda runbooks: _runbook_grants(deployment, team, runbooks),
        lambda runbook: _listed_arns(deployment, runbook),
        first=first,
    ):
        statements = (*(() if policies else first), *_runbook_grants(deployment, team, runbooks))
        policies.append(statements)
    return tuple(policies)


GUIDE_OPERATOR = Statement(
    sid="RunAutomationWorkflows",
    actions=(
        "ssm:DescribeAutomationExecutions",
        "ssm:DescribeAutomationStepExecutions",
        "ssm:DescribeDocument",
        "ssm:GetAutomationExecution",
        "ssm:GetDocument",
        "ssm:ListDocuments",
        "ssm:ListDocumentVersions",
        "ssm:StartAutomationExecution",
    ),
    resources=("*",),
    why="the guide grants its eight actions on every resource",
    source=_GUIDE,
)

NEVER_LEND = (
    Statement(
        sid="NeverLendOwnPermissions",
        effect="Deny",
        actions=("ssm:*",),
        all_but_these=True,
        resources=("*",),
        conditions=(("ForAnyValue:StringEquals", "aws:CalledVia", names.AUTOMATION_SERVICE),),
        why="a runbook without a role runs with the permissions of its caller: its steps get none "
        "of them; what a start itself asks of Systems Manager stays as it is",
        source="IAM User Guide, AWS global condition context keys, aws:CalledVia; the AWS managed "
        "policy AWSBudgetsActionsRolePolicyForResourceAdministrationWithSSM relies on the key",
    ),
)


@cache
def approver_policies(deployment: Deployment, team: Team) -> tuple[Policy, ...]:
    """What the approvers of a team may do, as the statements of one managed policy each: read
    executions and the runbooks that ask for an approval, and answer their approval steps."""
    first = _answering(deployment, team)
    asking = [
        document
        for role in team.service_roles
        if role.approval is not None
        for document in role.approved_documents
    ]
    return tuple(
        (*(() if number else first), *_reading_approved(deployment, documents))
        for number, documents in enumerate(
            portions(
                asking,
                lambda documents: _reading_approved(deployment, documents),
                lambda document: _arns(deployment, document)[0],
                first=first,
            )
        )
    )


def _reading_approved(deployment: Deployment, documents: tuple[str, ...]) -> Policy:
    return (
        Statement(
            sid="ReadRunbooksToApprove",
            actions=("ssm:GetDocument",),
            resources=tuple(arn for name in documents for arn in _arns(deployment, name)[0]),
            why="approvers see the steps and limits of what they approve, and what has changed",
            source=_SAR,
        ),
    )


def _answering(deployment: Deployment, team: Team) -> Policy:
    executions = _executions(deployment)
    is_own = deployment.own_executions
    of_team = own_executions.of_team(team) if is_own else ()
    return (
        Statement(
            sid="ListExecutions",
            actions=("ssm:DescribeAutomationExecutions",),
            resources=("*",),
            why="the list call has no resource-level permission",
            source=_SAR,
        ),
        Statement(
            sid="WatchExecutions",
            actions=_WATCH_TAGGED if is_own else _WATCH,
            resources=executions,
            conditions=of_team,
            why="approvers read what they are asked to approve; execution ids are made at run time",
            source=_SAR,
        ),
        Statement(
            sid="AnswerApprovals",
            actions=("ssm:SendAutomationSignal",),
            resources=executions,
            conditions=of_team,
            why="approve or reject; IAM distinguishes neither signals nor future executions",
            source=_SAR,
        ),
        Statement(
            sid="NeverStartRuns",
            effect="Deny",
            actions=(_START, "ssm:StartChangeRequestExecution"),
            resources=("*",),
            why="an approver must start no execution, whatever else grants it",
            source=_SAR,
        ),
    )


def auditor_policy(deployment: Deployment) -> tuple[Statement, ...]:
    """What auditors may do: read runs and their runbooks, roles, the event history and the log of
    runs, and change nothing.

    Reading a run shows its parameters, which the event history hides.
    """
    group = deployment.naming.named(names.RUNS_LOG_GROUP)
    groups = tuple(names.log_group_arn(group, region) for region in deployment.arn_regions)
    return (
        _LIST_RUNBOOKS_AND_EXECUTIONS,
        Statement(
            sid="ReadExecutions",
            actions=_WATCH,
            resources=_executions(deployment),
            why="parameters, steps and outcome of each run; execution ids are made at run time",
            source=_SAR,
        ),
        Statement(
            sid="ReadRunbooks",
            actions=("ssm:GetDocument",),
            resources=tuple(names.ssm_arn("document/*", r) for r in deployment.arn_regions),
            why="whether the version that ran embeds a role; authors may have made it since",
            source=_SAR,
        ),
        Statement(
            sid="ListRoles",
            actions=("iam:ListRoles",),
            resources=("*",),
            why="which roles trust Automation; the list call has no resource-level permission",
            source="Service Authorization Reference, AWS Identity and Access Management (IAM)",
        ),
        Statement(
            sid="ReadEventHistory",
            actions=("cloudtrail:LookupEvents",),
            resources=("*",),
            why="who called what, in the whole account; the call has no resource-level permission",
            source="Service Authorization Reference, AWS CloudTrail",
        ),
        Statement(
            sid="ReadLogOfRuns",
            actions=("logs:FilterLogEvents",),
            resources=(*groups, *(f"{group}:*" for group in groups)),
            why="the events of runs, for as long as the log keeps them; its streams have names "
            "that EventBridge makes",
            source="Service Authorization Reference, Amazon CloudWatch Logs",
        ),
    )


def service_role_trust(deployment: Deployment) -> tuple[str, Conditions]:
    """The one service that may assume a service role, and for which executions."""
    if deployment.profile is Profile.GUIDE:
        return names.AUTOMATION_SERVICE, ()
    return names.AUTOMATION_SERVICE, (
        ("StringEquals", "aws:SourceAccount", "${AWS::AccountId}"),
        ("ArnLike", "aws:SourceArn", _executions(deployment)),
    )


def operator_groups(deployment: Deployment, team: Team) -> tuple[tuple[str, range], ...]:
    """The groups of a team's operators who are IAM users, each with the policies (by index) that it
    holds."""
    others = OTHER_POLICIES_OF_USERS + 2 * deployment.has_own_mfa
    held = group_portions(len(operator_policies(deployment, team)), others)
    group = names.of_team(names.OPERATOR_GROUP, team.name)
    return tuple((names.part(group, number), of) for number, of in enumerate(held, start=1))


def group_portions(policies: int, others: int = OTHER_POLICIES_OF_USERS) -> tuple[range, ...]:
    """Which operator policies (by index) each operator group holds; the first leaves places for
    ``others``: ``OperatorOwnPassword``, ``DenyOwnPermissionsInRunbooks``, those of MFA and of the
    CLI."""
    first = range(min(policies, POLICIES_A_PRINCIPAL - others))
    starts = range(len(first), policies, POLICIES_A_PRINCIPAL)
    return (first, *(range(s, min(s + POLICIES_A_PRINCIPAL, policies)) for s in starts))


def boundary_policy(deployment: Deployment, role: ServiceRole, needs: Needs) -> Policy:
    """The most that a service role may do: what its runbooks need, and its volumes' keys."""
    return (
        *boundary_statements(needs, deployment.arn_regions, role.limit_tags),
        *volume_key_statements(role.volume_keys),
    )


def own_policy(deployment: Deployment, role: ServiceRole, needs: Needs) -> Policy:
    """What a service role's runbooks need beyond ``AmazonSSMAutomationRole``, mostly nothing; all
    that they need where a company's boundary takes the place of the role's own."""
    company = deployment.permissions_boundary
    if company and company.on_service_roles:
        return boundary_policy(deployment, role, needs)
    beyond = beyond_automation_role(needs)
    return (
        *(boundary_statements(beyond, deployment.arn_regions) if beyond else ()),
        *volume_key_statements(role.volume_keys),
    )


def _everyones(deployment: Deployment, team: Team) -> tuple[Statement, ...]:
    """What an operator needs however many runbooks there are."""
    executions = _executions(deployment)
    on_executions = (
        own_executions.statements(executions, team)
        if deployment.own_executions
        else _on_any_execution(executions)
    )
    seeing = seeing_schedules(deployment, team)
    statements = (_LIST_RUNBOOKS_AND_EXECUTIONS, *on_executions, *seeing)
    if not deployment.approvers:
        return statements
    never = Statement(
        sid="NeverAnswerApprovals",
        effect="Deny",
        actions=("ssm:SendAutomationSignal",),
        resources=("*",),
        why="anyone who starts a run must not approve it, whatever else grants it",
        source=_SAR,
    )
    return (*statements, never)


def _on_any_execution(executions: tuple[str, ...]) -> tuple[Statement, ...]:
    return (
        Statement(
            sid="WatchExecutions",
            actions=_WATCH,
            resources=executions,
            why="follow a run step by step; execution ids are made at run time",
            source=_SAR,
        ),
        Statement(
            sid="StartExecutions",
            actions=(_START,),
            resources=executions,
            why="a start needs the execution as well as the document; its id is made at the start",
            source=_SAR,
        ),
    )


def _runbook_grants(
    deployment: Deployment, team: Team, runbooks: tuple[str, ...]
) -> tuple[Statement, ...]:
    documents = tuple(arn for runbook in runbooks for arn in _arns(deployment, runbook)[0])
    definitions = tuple(arn for runbook in runbooks for arn in _arns(deployment, runbook)[1])
    start = Statement(
        sid="StartApprovedRunbooks",
        actions=(_START,),
        resources=definitions,
        why="the older form of a start's resource, still asked for; every version of the runbook",
        source=_SAR,
    )
    read = replace(
        start,
        sid="ReadAndStartApprovedRunbooks",
        actions=(*_READ_RUNBOOK, _START),
        resources=documents,
        why="this deployment's runbooks and no other",
    )
    if not deployment.own_executions:
        return read, start
    return (
        replace(read, sid="ReadApprovedRunbooks", actions=_READ_RUNBOOK),
        replace(
            start,
            resources=(*documents, *definitions),
            conditions=own_executions.started_by(team),
            why="a runbook of the team as one of its executions alone, also for those in two teams",
            source=own_executions.SOURCE,
        ),
    )


def _listed_arns(deployment: Deployment, runbook: str) -> tuple[str, ...]:
    """The ARNs that a runbook adds to a policy, each as often as it stands there."""
    documents, definitions = _arns(deployment, runbook)
    return (*documents, *definitions, *(documents if deployment.own_executions else ()))


def _arns(deployment: Deployment, runbook: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A runbook's document ARNs and automation-definition ARNs, one of each a Region."""
    regions = deployment.arn_regions
    return (
        tuple(names.ssm_arn(f"document/{runbook}", region) for region in regions),
        tuple(names.ssm_arn(f"automation-definition/{runbook}:*", region) for region in regions),
    )


def _executions(deployment: Deployment) -> tuple[str, ...]:
    return tuple(names.ssm_arn("automation-execution/*", r) for r in deployment.arn_regions)
