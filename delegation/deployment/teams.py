"""Teams that share an account: who runs which runbooks, apart from the others."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from delegation.deployment.people import KINDS, Person
from delegation.deployment.service_roles import FleetRole, ServiceRole, fleet_roles
from delegation.deployment.validation import alike, refuse_duplicates, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError

_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,30}[A-Za-z]")
"""A number at its end would be taken for the part of a policy that IAM's limits split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """Operators, and the service roles whose runbooks they may run; no other team may run or read
    these runbooks."""

    name: str
    """A capital, then letters and digits, a letter at the end, 2 to 32 in all: the names of the
    team's policies and groups end in it. Empty for the team of a Deployment's own ``operators``."""
    operators: tuple[Person, ...]
    """Who may run every runbook of the team and watch it; at least one."""
    service_roles: tuple[ServiceRole, ...]
    """The roles that hold the power, each with its runbooks, limits and approvers; at least one.
    Once the team is made, those of its fleets as well."""

    def __post_init__(self) -> None:
        if self.name and not (isinstance(self.name, str) and _NAME.fullmatch(self.name)):
            raise DelegationError(
                f"team {self.name!r} is not a capital with letters and digits after it and a "
                f"letter at the end, 2 to 32 in all {IN_DEPLOYMENTS}"
            )
        shown = f"team {self.name!r}" if self.name else "a deployment"
        for field in ("operators", "service_roles"):
            require_tuple(field, getattr(self, field))
        if not self.operators:
            raise DelegationError(f"{shown} needs at least one operator {IN_DEPLOYMENTS}")
        for kind in KINDS:
            refuse_duplicates(
                "operator", [p.name for p in self.operators if getattr(p, "kind", "") == kind]
            )
        if not self.service_roles:
            raise DelegationError(f"{shown} needs at least one service role {IN_DEPLOYMENTS}")
        for role in self.service_roles:
            if not isinstance(role, ServiceRole):
                raise DelegationError(
                    f"service role {role!r} is not a ServiceRole {IN_DEPLOYMENTS}"
                )
        own = [role for role in self.service_roles if not isinstance(role, FleetRole)]
        of_fleets = (each for role in own for each in fleet_roles(role))
        object.__setattr__(self, "service_roles", (*own, *of_fleets))

    @property
    def execution_tag(self) -> str:
        """The value of the tag by which the executions of its operators are known. No team with a
        name is called as the one without."""
        return self.name or "default"

    @property
    def runbooks(self) -> tuple[str, ...]:
        """The names of its runbooks, in the order of ``deployments.py``."""
        return tuple(name for role in self.service_roles for name in role.runbooks)

    @property
    def approvers(self) -> tuple[Person, ...]:
        """Who approves executions of any of its service roles."""
        approvals = [role.approval for role in self.service_roles if role.approval is not None]
        return tuple(dict.fromkeys(person for approval in approvals for person in approval.by))


def joined_teams(
    operators: tuple[Person, ...], service_roles: tuple[ServiceRole, ...], teams: tuple[Team, ...]
) -> tuple[Team, ...]:
    """The teams of a deployment, that of its own operators and service roles as the first; given
    the fields of a deployment whose teams are joined already, these teams."""
    require_tuple("teams", teams)
    for team in teams:
        if not isinstance(team, Team):
            raise DelegationError(f"team {team!r} is not a Team {IN_DEPLOYMENTS}")
    is_joined = (operators, service_roles) == (operators_of(teams), service_roles_of(teams))
    if not teams or (not is_joined and (operators or service_roles)):
        named = [team for team in teams if team.name]
        if len(named) < len(teams) and named:
            raise DelegationError(
                "a deployment with teams is made again with other operators or service_roles; give "
                f"it other teams as well {IN_DEPLOYMENTS}"
            )
        teams = (Team(name="", operators=operators, service_roles=service_roles), *named)
    _refuse_shared(teams)
    return teams


def operators_of(teams: Iterable[Team]) -> tuple[Person, ...]:
    """The operators of any team, each once."""
    return tuple(dict.fromkeys(person for team in teams for person in team.operators))


def service_roles_of(teams: Iterable[Team]) -> tuple[ServiceRole, ...]:
    """The service roles of all teams."""
    return tuple(role for team in teams for role in team.service_roles)


def _refuse_shared(teams: tuple[Team, ...]) -> None:
    """Raises DelegationError for two teams of a name, and for a runbook of two teams."""
    known: dict[str, Team] = {}
    for team in teams:
        if team.name and alike(team.name) in known:
            raise DelegationError(f"team {team.name!r} is named twice {IN_DEPLOYMENTS}")
        if team.name:
            known[alike(team.name)] = team
    owners: dict[str, Team] = {}
    for team in teams:
        for runbook in team.runbooks:
            first = owners.setdefault(runbook, team)
            if first is not team:
                raise DelegationError(
                    f"runbook {runbook!r} is one of team {first.name!r} and of team "
                    f"{team.name!r}, and a document runs under one role: give each team a copy "
                    f"under a name of its own in documents/ {IN_DEPLOYMENTS}"
                )
