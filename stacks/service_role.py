"""AutomationServiceRole: the role that holds the power of a deployment's runbooks."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.model import Deployment, Profile, ServiceRole
from delegation.needs import Need, boundary_statements, volume_key_statements
from delegation.permissions import service_role_trust
from delegation.quotas import check_boundary
from delegation.statements import render_conditions
from stacks.acknowledgement import acknowledge
from stacks.managed_policy import managed_policy

_DESCRIPTION = "Assumed by SSM Automation to run the approved runbooks of this deployment"
_BOUNDARY_DESCRIPTION = "The most that the service role may do: what its runbooks need"
_KEYS_DESCRIPTION = "Lets EC2 use the keys of encrypted volumes when a runbook starts instances"

_MANAGED_POLICY_REASON = (
    "the guide attaches AmazonSSMAutomationRole; the permissions boundary leaves of it only what "
    "the role's runbooks need (guide, Create an IAM Service Role for Automation)"
)
_GUIDE_REASON = "the guide attaches AmazonSSMAutomationRole (Create an IAM Service Role)"


class AutomationServiceRole(Construct):
    """A role that only SSM Automation assumes, for executions of this account.

    ``AmazonSSMAutomationRole`` is attached as in the guide; the boundary cuts it to the needs of
    the role's runbooks, as the administrator accepted them.
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
        bounded = deployment.profile is Profile.LEAST_PRIVILEGE
        boundary = self._build_boundary(deployment, role, needs) if bounded else None
        self.resource = self._build_role(deployment, role, boundary)
        CfnOutput(
            Stack.of(self),
            f"{names.construct_id(role.name)}Arn",
            value=self.resource.attr_arn,
            description="ARN of the service role that the runbooks embed",
        )

    def _build_boundary(
        self, deployment: Deployment, role: ServiceRole, needs: Sequence[Need]
    ) -> iam.CfnManagedPolicy:
        statements = (
            *boundary_statements(needs, deployment.arn_regions),
            *volume_key_statements(role.volume_keys),
        )
        check_boundary(role.name, statements)
        return managed_policy(
            self,
            names.boundary(role.name),
            description=_BOUNDARY_DESCRIPTION,
            statements=statements,
        )

    def _build_role(
        self, deployment: Deployment, role: ServiceRole, boundary: iam.CfnManagedPolicy | None
    ) -> iam.CfnRole:
        service, conditions = service_role_trust(deployment)
        managed_policies = [Fn.sub(names.AUTOMATION_MANAGED_POLICY)]
        if role.volume_keys:
            keys = managed_policy(
                self,
                names.volume_key_policy(role.name),
                description=_KEYS_DESCRIPTION,
                statements=volume_key_statements(role.volume_keys),
            )
            managed_policies.append(keys.ref)
        # IAM's default session length (1 hour) stays: Automation renews the role's session for as
        # long as an execution runs. A run over 12 hours needs the role because the session of the
        # person who started it would end; a longer session of the role changes nothing.
        # Source: the guide's note on workflows that run longer than 12 hours.
        resource = iam.CfnRole(
            self,
            "Resource",
            role_name=role.name,
            description=_DESCRIPTION,
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "LetAutomationAssume",
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                        **({"Condition": render_conditions(conditions)} if conditions else {}),
                    }
                ],
            },
            managed_policy_arns=managed_policies,
            permissions_boundary=boundary.ref if boundary else None,
        )
        shown = names.AUTOMATION_MANAGED_POLICY.replace("${", "<").replace("}", ">")
        reason = _MANAGED_POLICY_REASON if boundary else _GUIDE_REASON
        acknowledge(resource, {f"AwsSolutions-IAM4[Policy::{shown}]": reason})
        return resource
