"""What deployments.py is written with: the one import path that stays from release to release."""

from delegation.deployment.approvals import Approval
from delegation.deployment.audit import Audit
from delegation.deployment.bootstrap import Bootstrap
from delegation.deployment.company import CompanyBoundary
from delegation.deployment.deployment import Deployment, Profile
from delegation.deployment.fleets import Fleet
from delegation.deployment.people import (
    ExistingGroup,
    ExistingRole,
    ExistingUser,
    IamUser,
    PermissionSet,
)
from delegation.deployment.pipelines import GitHubPipeline
from delegation.deployment.schedules import Schedule
from delegation.deployment.service_roles import ServiceRole
from delegation.deployment.teams import Team

__all__ = [
    "Approval",
    "Audit",
    "Bootstrap",
    "CompanyBoundary",
    "Deployment",
    "ExistingGroup",
    "ExistingRole",
    "ExistingUser",
    "Fleet",
    "GitHubPipeline",
    "IamUser",
    "PermissionSet",
    "Profile",
    "Schedule",
    "ServiceRole",
    "Team",
]
