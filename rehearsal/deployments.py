"""The deployment of the story: the guide's people and runbook, in the account on this machine."""

from delegation.model import Audit, Deployment, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser("AutomationRestrictedOperator"),),
        audit=Audit(auditors=(IamUser("Auditor"),)),
        authors=("arn:aws:iam::000000000000:user/RunbookAuthor",),
        service_roles=(
            ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
        ),
    ),
)
