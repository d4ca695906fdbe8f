"""AutomationServiceRole: the role that holds the power of a deployment's runbooks."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.service_roles import ServiceRole
from delegation.policies.operators import boundary_policy, own_policy, service_role_trust
from delegation.policies.statements import trust_policy
from delegation.runbooks.permissions import Need
from stacks.access.managed_policy import managed_policy, own_path
from stacks.acknowledgement import acknowledge

_DESCRIPTION = "Assumed by SSM Automation to run the approved runbooks of this deployment"
_BOUNDARY_DESCRIPTION = "The most that the service role may do: what its runbooks need"
_FURTHER_NEEDS = "What the runbooks of the service role need beyond AmazonSSMAutomationRole"

_MANAGED_POLICY_REASON = (
    "the guide attaches AmazonSSMAutomationRole; the permissions boundary leaves of it only what "
    "the role's runbooks need (guide, Create an IAM Service Role for Automation)"
)
_ALL_NEEDS = "What the runbooks of the service role need"
_GUIDE_REASON = "the guide attaches AmazonSSMAutomationRole (Create an IAM Service Role)"


class AutomationServiceRole(Construct):
    """A role that only SSM Automation assumes, for executions of this account.

    ``AmazonSSMAutomationRole`` is attached as in the guide; the boundary cuts it to the needs of
    the role's runbooks, as the administrator accepted them. Under a company's boundary the role
    holds a policy with those needs instead.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        role: ServiceRole,
        needs: Sequence[Need],
    ) -> None:
        super().__init__(scope, id_)
        self.resource = self._build_role(deployment, role, needs)
        CfnOutput(
            Stack.of(self),
            f"{names.construct_id(role.name)}Arn",
            value=self.resource.attr_arn,
            description="ARN of the service role that the runbooks embed",
        )

    def _build_role(
        self, deployment: Deployment, role: ServiceRole, needs: Sequence[Need]
    ) -> iam.CfnRole:
        service, conditions = service_role_trust(deployment)
        company = deployment.permissions_boundary
        is_bounded_by_company = bool(company and company.on_service_roles)
        attached = [] if is_bounded_by_company else [Fn.sub(names.AUTOMATION_MANAGED_POLICY)]
        if own := own_policy(deployment, role, needs):
            policy = managed_policy(
                self,
                names.own_policy(role.name),
                deployment=deployment,
                description=_ALL_NEEDS if is_bounded_by_company else _FURTHER_NEEDS,
                statements=own,
            )
            attached.append(policy.ref)
        boundary = self._build_boundary(deployment, role, needs)
        # IAM's default session length (1 hour) stays: Automation renews the role's session for as
        # long as an execution runs. A run over 12 hours needs the role because the session of the
        # person who started it would end; a longer session of the role changes nothing.
        # Source: the guide's note on workflows that run longer than 12 hours.
        resource = iam.CfnRole(
            self,
            "Resource",
            role_name=deployment.naming.named(role.name),
            path=own_path(deployment),
            description=_DESCRIPTION,
            assume_role_policy_document=trust_policy(
                "LetAutomationAssume", {"Service": service}, conditions=conditions
            ),
            managed_policy_arns=attached or None,
            permissions_boundary=boundary,
        )
        if not is_bounded_by_company:
            shown = names.AUTOMATION_MANAGED_POLICY.replace("${", "<").replace("}", ">")
            reason = _MANAGED_POLICY_REASON if boundary else _GUIDE_REASON
            acknowledge(resource, {f"AwsSolutions-IAM4[Policy::{shown}]": reason})
        return resource

    def _build_boundary(
        self, deployment: Deployment, role: ServiceRole, needs: Sequence[Need]
    ) -> str | None:
        """The ARN of the role's boundary: its own, the company's, or the guide's none."""
        if not deployment.has_own_boundaries:
            company = deployment.company_boundary
            return Fn.sub(company) if company else None
        return managed_policy(
            self,
            names.boundary(role.name),
            deployment=deployment,
            description=_BOUNDARY_DESCRIPTION,
            statements=boundary_policy(deployment, role, needs),
        ).ref
