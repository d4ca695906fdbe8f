"""Whether a deployment fits into IAM and CloudFormation, asked before anything is synthesized."""

from collections.abc import Mapping

from delegation.deployment.deployment import Deployment
from delegation.deployment.limits import deployed_content, needs_of_role
from delegation.deployment.people import IamUser, Person, iam_users, never_lending
from delegation.deployment.pipelines import GITHUB_ISSUER, GitHubPipeline
from delegation.deployment.teams import Team
from delegation.errors import DelegationError
from delegation.policies.authors import (
    deployers,
    deployment_permissions,
    execution_policies,
    publishing_permissions,
)
from delegation.policies.operators import (
    OTHER_POLICIES_OF_USERS,
    approver_policies,
    auditor_policy,
    boundary_policy,
    operator_groups,
    operator_policies,
    own_policy,
    service_role_trust,
)
from delegation.policies.pipelines import review_permissions
from delegation.policies.quotas import (
    GROUPS_A_USER,
    POLICIES_A_PRINCIPAL,
    STACK_OUTPUTS,
    TRUST_CHARACTERS,
    check_policy,
    check_stack,
    listed_length,
)
from delegation.policies.schedules import schedule_policies
from delegation.runbooks.runbook import Runbook

_FEWER_REGIONS = "name fewer regions"
_OTHER_ROLE = (
    "it cannot be split: give some of its runbooks a service role of their own, or name "
    "fewer regions"
)


def check_quotas(deployment: Deployment, runbooks: Mapping[str, Runbook]) -> None:
    """Raises DelegationError for what AWS would refuse for its size or number."""
    for person in deployment.approvers:
        _check_approver(deployment, person)
    for team in deployment.teams:
        for statements in operator_policies(deployment, team):
            check_policy("the operators' policy", statements, _FEWER_REGIONS)
        _check_approvers(deployment, team)
    check_policy("the auditors' policy", auditor_policy(deployment), _FEWER_REGIONS)
    _check_schedules(deployment)
    for person in deployment.operators:
        _check_attachable(deployment, person)
    _check_outputs(deployment)
    for role in deployment.service_roles:
        needs = needs_of_role(role, runbooks)
        if deployment.has_own_boundaries:
            boundary = boundary_policy(deployment, role, needs)
            check_policy(f"the boundary of service role {role.name!r}", boundary, _OTHER_ROLE)
        own = own_policy(deployment, role, needs)
        check_policy(f"the policy of service role {role.name!r}", own, _OTHER_ROLE)
    _check_trust(deployment)
    if deployment.has_author_roles:
        _check_author_roles(deployment)
    if deployment.pipeline is not None:
        _check_pipeline(deployment, deployment.pipeline)
    check_stack(
        deployment,
        {
            name: deployed_content(runbooks[name], role, deployment.naming, deployment.partition)
            for role in deployment.service_roles
            for name in role.documents
        },
    )


def _check_approvers(deployment: Deployment, team: Team) -> None:
    """Refuses policies of approvers that are too long, or more than their group can hold."""
    policies = approver_policies(deployment, team) if team.approvers else ()
    for statements in policies:
        check_policy("the approvers' policy", statements, _FEWER_REGIONS)
    room = POLICIES_A_PRINCIPAL - OTHER_POLICIES_OF_USERS - 2 * deployment.has_own_mfa
    if len(policies) > room:
        raise DelegationError(
            f"the runbooks that wait for an approval need {len(policies)} policies of their "
            f"approvers, whose group takes {room}; make teams of the runbooks, or name fewer "
            f"regions (deployments.py)"
        )


def _check_approver(deployment: Deployment, approver: Person) -> None:
    """Refuses more policies than a user or role of an approver can hold, who may be one of several
    teams; users that the deployment makes hold those of a group for each."""
    policies = sum(
        len(approver_policies(deployment, team))
        for team in deployment.teams
        if approver in team.approvers
    )
    if not isinstance(approver, IamUser) and policies > POLICIES_A_PRINCIPAL:
        raise DelegationError(
            f"the runbooks that {approver.name!r} approves need {policies} policies; it takes "
            f"{POLICIES_A_PRINCIPAL} by default; make the approver an IamUser, or name fewer "
            f"runbooks (deployments.py)"
        )


def _check_attachable(deployment: Deployment, operator: Person) -> None:
    """Refuses more policies than the groups of an operator, or their role, can hold."""
    teams = [team for team in deployment.teams if operator in team.operators]
    policies = sum(len(operator_policies(deployment, team)) for team in teams)
    count = (
        f"{sum(len(team.runbooks) for team in teams)} runbooks need {policies} operator policies"
    )
    if isinstance(operator, IamUser):
        groups = sum(len(operator_groups(deployment, team)) for team in teams)
        groups += operator.cli_sign_in
        if groups > GROUPS_A_USER:
            raise DelegationError(
                f"{count} in {groups} groups for {operator.name!r}; an IAM user is in "
                f"{GROUPS_A_USER} at most; name fewer runbooks or teams (deployments.py)"
            )
        return
    room = POLICIES_A_PRINCIPAL - bool(never_lending([operator]))
    if policies > room:
        raise DelegationError(
            f"{count}; {operator.name!r} takes {room} by default; make the operator an "
            f"IamUser, whose groups hold more, or name fewer runbooks (deployments.py)"
        )


def _check_outputs(deployment: Deployment) -> None:
    """Refuses more people and roles than AdministrationStack can have outputs for."""
    users = len(iam_users((*deployment.operators, *deployment.approvers, *deployment.auditors)))
    outputs = 2 * users + len(deployment.service_roles) + 1
    if outputs > STACK_OUTPUTS:
        raise DelegationError(
            f"the deployment for {deployment.label} has {users} IAM users and "
            f"{len(deployment.service_roles)} service roles, {outputs} outputs of a stack; "
            f"CloudFormation takes {STACK_OUTPUTS}; name fewer (deployments.py)"
        )


def _check_schedules(deployment: Deployment) -> None:
    """Refuses schedules of more runbooks than their role can start."""
    policies = schedule_policies(deployment)
    for statements in policies:
        check_policy("the policy of schedules", statements, _FEWER_REGIONS)
    if len(policies) > POLICIES_A_PRINCIPAL:
        raise DelegationError(
            f"{len(deployment.schedules)} schedules in {len(deployment.arn_regions)} regions need "
            f"{len(policies)} policies of their role, IAM takes {POLICIES_A_PRINCIPAL}; name fewer "
            f"schedules or regions (deployments.py)"
        )


def _check_author_roles(deployment: Deployment) -> None:
    for statements in (
        deployment_permissions(deployment, _LONGEST_QUALIFIER),
        publishing_permissions(deployment, _LONGEST_QUALIFIER),
    ):
        check_policy("a policy of the author's roles", statements, _FEWER_REGIONS)
    policies = len(execution_policies(deployment))
    if policies > POLICIES_A_PRINCIPAL:
        raise DelegationError(
            f"{len(deployment.documents)} runbooks in {len(deployment.arn_regions)} regions need "
            f"{policies} policies of the author's execution role, IAM takes "
            f"{POLICIES_A_PRINCIPAL}; name fewer runbooks or regions (deployments.py)"
        )
    size = _TRUST_WITHOUT_ARNS + sum(map(listed_length, deployers(deployment)))
    if size > TRUST_CHARACTERS:
        raise DelegationError(
            f"{len(deployment.authors)} authors need a trust policy of {size:,} characters, IAM "
            f"takes {TRUST_CHARACTERS:,}; name a role that they share (deployments.py)"
        )


def _check_pipeline(deployment: Deployment, pipeline: GitHubPipeline) -> None:
    review = review_permissions(deployment, _LONGEST_QUALIFIER)
    check_policy("the policy of the pipeline's review role", review, _FEWER_REGIONS)
    size = _TRUST_WITHOUT_ARNS + 3 * len(GITHUB_ISSUER)
    size += sum(map(listed_length, pipeline.review_subjects))
    if size > TRUST_CHARACTERS:
        raise DelegationError(
            f"the pipeline's {len(pipeline.repositories)} repositories and "
            f"{len(pipeline.branches)} branches need a trust policy of {size:,} characters, IAM "
            f"takes {TRUST_CHARACTERS:,}; name fewer (deployments.py)"
        )


_LONGEST_QUALIFIER = "0123456789"
"""As long as a qualifier of ``cdk bootstrap`` can be. Source: CDK, bootstrap template."""


def _check_trust(deployment: Deployment) -> None:
    _, conditions = service_role_trust(deployment)
    arns = [arn for _, _, value in conditions if not isinstance(value, str) for arn in value]
    size = _TRUST_WITHOUT_ARNS + sum(map(listed_length, arns))
    if size > TRUST_CHARACTERS:
        raise DelegationError(
            f"the trust policy of the service roles needs {size:,} characters for "
            f"{len(deployment.regions)} regions, IAM takes {TRUST_CHARACTERS:,}; {_FEWER_REGIONS} "
            f"(deployments.py)"
        )


_TRUST_WITHOUT_ARNS = 300
"""Characters of a trust policy beside the ARNs of its executions."""
