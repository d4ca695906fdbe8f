"""Who may run which runbooks, where: the one file an administrator edits."""

from delegation.model import Deployment, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser("AutomationRestrictedOperator"),),
        service_roles=(
            ServiceRole(
                name="AutomationServiceRole",
                runbooks=("Restart-EC2InstanceDemo",),
            ),
        ),
    ),
)
