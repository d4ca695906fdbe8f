"""The fleet of these tests, and the deployment that has it."""

from dataclasses import replace
from typing import Any

from delegation.model import Deployment, Fleet, IamUser, ServiceRole
from tests.stacks.synthesis import RUNBOOK, deployment

NAME, TARGET, ROLE = "WebTier", "WebTier-Target", "WebTier-FleetRole"
LOCK = "/delegation/fleets/WebTier"
FLEET = Fleet(
    name=NAME,
    runbook=RUNBOOK,
    instances_tagged=("Tier", "web"),
    at_once=2,
    errors_allowed=1,
    alarm="web-5xx",
)
WANTED: Deployment = deployment(
    operators=(IamUser("alice"),),
    service_roles=(ServiceRole(name="AutomationServiceRole", fleets=(FLEET,)),),
)


def fleet_with(**changes: Any) -> Deployment:
    """The deployment with a fleet of other fields."""
    role = ServiceRole(name="AutomationServiceRole", fleets=(replace(FLEET, **changes),))
    return deployment(operators=(IamUser("alice"),), service_roles=(role,))
