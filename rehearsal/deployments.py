"""The deployment of the story: the guide's people and runbook, and a fleet, in the account on this
machine."""

from delegation.model import Audit, Deployment, Fleet, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser("AutomationRestrictedOperator"),),
        audit=Audit(auditors=(IamUser("Auditor"),)),
        authors=("arn:aws:iam::000000000000:user/RunbookAuthor",),
        service_roles=(
            ServiceRole(name="AutomationServiceRole", runbooks=("Restart-EC2InstanceDemo",)),
            ServiceRole(
                name="WebTierServiceRole",
                only_instances_tagged=("RunbookAccess", "restart"),
                fleets=(
                    Fleet(
                        name="Restart-WebTier",
                        runbook="Restart-EC2InstanceDemo",
                        instances_tagged=("Tier", "web"),
                        at_once=2,
                        errors_allowed=1,
                    ),
                ),
            ),
        ),
    ),
)
