"""AdministrationStack: everything IAM of a deployment, one per account, the administrator's."""

from collections.abc import Iterator, Mapping

from aws_cdk import Aws, CfnMapping, CfnOutput, Environment, Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.limits import needs_of_role
from delegation.policies.operators import approver_policies, auditor_policy
from delegation.policies.own_user import CLI_SIGN_IN, own_mfa, own_password, require_mfa
from delegation.policies.schedules import schedule_policies, schedule_trust
from delegation.policies.statements import Statement
from delegation.runbooks.runbook import Runbook
from stacks.access.author_access import AuthorAccess
from stacks.access.deployment_role import deployment_role
from stacks.access.group_access import GroupAccess, own_group
from stacks.access.managed_policy import managed_policy
from stacks.access.operator_access import OperatorAccess
from stacks.access.service_role import AutomationServiceRole
from stacks.deployment_stack import DeploymentStack

SIGN_IN_HOSTS = {
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
}
"""Host of an account's console sign-in by partition. Source: IAM User Guide, How IAM users sign in
(each partition's edition)."""


class AdministrationStack(DeploymentStack):
    """The operators, the service roles with their boundaries, and the outputs of the guide."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        runbooks: Mapping[str, Runbook],
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=names.ADMINISTRATION_STACK,
            purpose="people and service roles",
            deployment=deployment,
            env=env,
        )
        self._cli_group = self._build_cli_group(deployment)
        operators = OperatorAccess(
            self, "OperatorAccess", deployment=deployment, cli_group=self._cli_group
        )
        groups = (
            operators.groups + self._build_approvers(deployment) + self._build_auditors(deployment)
        )
        ungrouped = () if operators.groups else operators.users
        if groups or ungrouped:
            for name, description, statements in _policies_of_users(deployment):
                managed_policy(
                    self,
                    name,
                    deployment=deployment,
                    description=description,
                    statements=statements,
                    groups=groups,
                    users=ungrouped,
                )
            self._build_sign_in_link()
        if deployment.has_author_roles:
            AuthorAccess(self, "AuthorAccess", deployment=deployment)
        roles = Construct(self, "ServiceRoles")
        for role in deployment.service_roles:
            AutomationServiceRole(
                roles,
                names.construct_id(role.name),
                deployment=deployment,
                role=role,
                needs=needs_of_role(role, runbooks),
            )
        if deployment.schedules:
            deployment_role(
                roles,
                names.SCHEDULE_ROLE,
                deployment=deployment,
                description="Assumed by EventBridge Scheduler to start runbooks when they are due",
                trust=schedule_trust(deployment),
                policies=schedule_policies(deployment),
            )

    def _build_cli_group(self, deployment: Deployment) -> iam.CfnGroup | None:
        """Who may sign in to the AWS CLI, whatever else they may do."""
        if not deployment.cli_users:
            return None
        group = own_group(self, "CliUsers", names.CLI_GROUP, deployment)
        managed_policy(
            self,
            names.CLI_SIGN_IN_POLICY,
            deployment=deployment,
            description="Sign in to the AWS CLI without access keys",
            statements=CLI_SIGN_IN,
            groups=[group],
        )
        return group

    def _build_approvers(self, deployment: Deployment) -> tuple[iam.CfnGroup, ...]:
        """Who answers approval steps; their group, where there is one."""
        teams = {team.name: team for team in deployment.teams if team.approvers}
        if not teams:
            return ()
        return GroupAccess(
            self,
            "ApproverAccess",
            deployment=deployment,
            cli_group=self._cli_group,
            people={name: team.approvers for name, team in teams.items()},
            group_name=names.APPROVER_GROUP,
            policy_name=names.APPROVER_POLICY,
            description="Answer the approval steps of the runbooks of this deployment",
            policies=lambda team: approver_policies(deployment, teams[team]),
        ).groups

    def _build_auditors(self, deployment: Deployment) -> tuple[iam.CfnGroup, ...]:
        """Who reads the audit; their group, where there is one."""
        if not deployment.auditors:
            return ()
        return GroupAccess(
            self,
            "AuditorAccess",
            deployment=deployment,
            cli_group=self._cli_group,
            people={"": deployment.auditors},
            group_name=names.AUDITOR_GROUP,
            policy_name=names.AUDITOR_POLICY,
            description="Read the runs and the event history of this account",
            policies=lambda _: (auditor_policy(deployment),),
        ).groups

    def _build_sign_in_link(self) -> None:
        hosts = CfnMapping(
            self,
            "ConsoleSignIn",
            mapping={partition: {"Host": host} for partition, host in SIGN_IN_HOSTS.items()},
        )
        host = hosts.find_in_map(Aws.PARTITION, "Host")
        CfnOutput(
            self,
            "ConsoleSignInLink",
            value=Fn.join("", ["https://", Aws.ACCOUNT_ID, ".", host, "/console"]),
            description="Where operators with an IAM user sign in",
        )


def _policies_of_users(
    deployment: Deployment,
) -> Iterator[tuple[str, str, tuple[Statement, ...]]]:
    """The name, description and statements of each policy about people's own IAM users."""
    naming = deployment.naming
    yield names.OPERATOR_PASSWORD_POLICY, "Change one's own console password", own_password(naming)
    if deployment.has_own_mfa:
        yield names.OWN_MFA_POLICY, "Enrol an MFA device of one's own", own_mfa(naming)
    if deployment.require_mfa:
        yield (
            names.REQUIRE_MFA_POLICY,
            "Nothing but to enrol a device without MFA",
            require_mfa(naming),
        )
