"""The deployment of the story: the guide's people and runbook, a fleet and its schedule, in the
account on this machine."""

from delegation.model import Audit, Deployment, Fleet, IamUser, Schedule, ServiceRole

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
        schedules=(
            Schedule(
                name="Weekly",
                starts="Restart-WebTier",
                at="cron(0 3 ? * SUN *)",
                time_zone="Europe/Berlin",
            ),
        ),
    ),
)
