"""The deployment of the story: the guide's people and runbook, in whichever account."""

from delegation.model import Deployment, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser("AutomationRestrictedOperator"),),
        service_roles=(
            ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
        ),
    ),
)
