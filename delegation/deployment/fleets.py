"""Fleets: a runbook for many targets, at a rate that nobody who starts it can change."""

import re
from dataclasses import dataclass

from delegation.deployment.approvals import Approval
from delegation.deployment.limit_tags import LimitTag, LimitTags, limit_tags
from delegation.deployment.validation import refuse_duplicates, require_bool, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.runbook import RESERVED_PREFIXES

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,46}")
"""Room for the endings of its documents and its role."""
_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,300}")
_ALARM = re.compile(r"[^\x00-\x1f{}$*]{1,255}")
_PERCENT = re.compile(r"([1-9][0-9]?|100)%")
_ZERO_PERCENT = re.compile(r"(0|[1-9][0-9]?|100)%")
MOST_AT_ONCE = 100
"""Executions that run at the same time in an account and Region.
Source: AWS General Reference, Systems Manager quotas."""
_ROLE = "assumerole"
_LONGEST_MINUTES = 30 * 24 * 60
_VALUES = 50
"""Source: SSM API Reference, Target, Values."""

Parameters = tuple[tuple[str, str | tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """Two documents: ``NAME``, which operators start and which has no parameter, and
    ``NAME-Target``, which it alone starts, once for each target. Untried on AWS."""

    name: str
    """The name of the document that operators start: 3 to 46 letters, digits or ``_.-``."""
    runbook: str
    """Name of the file in ``documents/`` without ending that is run for each target."""
    parameter: str = ""
    """The parameter that takes the target; by default the one that names instances."""
    instances_tagged: LimitTag | None = None
    """Key and value, or values, of the tag that targets have. By default the one tag of the service
    role's ``only_instances_tagged``."""
    resource_group: str | None = None
    """Name of the resource group whose resources are the targets."""
    parameters: Parameters = ()
    """Names and values of the runbook's other parameters, the same for each target."""
    at_once: int | str = 1
    """How many targets at the same time: a number, or a percentage of the targets, ``"10%"``."""
    errors_allowed: int | str = 0
    """After one more failure no further target is begun; those that are running are finished."""
    timeout_minutes: int = 120
    """How long all targets may take together."""
    one_at_a_time: bool = True
    """Whether the fleet cannot be started while it runs: a parameter in Parameter Store holds the
    id of the execution that runs."""
    alarm: str | None = None
    """Name of a metric alarm of CloudWatch in each Region, which has to be OK when a target is
    begun."""
    approval: Approval | None = None
    """Who has to approve each run of the fleet."""
    calendar: str | None = None
    """Name or ARN of the Change Calendar that must be open when a run of the fleet begins."""

    def __post_init__(self) -> None:
        fleet = f"of fleet {self.name!r}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DelegationError(
                f"fleet {self.name!r} is not 3 to 46 letters, digits or _.- {IN_DEPLOYMENTS}"
            )
        if self.name.lower().startswith(RESERVED_PREFIXES):
            raise DelegationError(
                f"fleet {self.name!r}: AWS reserves names of documents that begin with "
                f"{' or '.join(RESERVED_PREFIXES)} {IN_DEPLOYMENTS}"
            )
        if not isinstance(self.runbook, str) or not self.runbook:
            raise DelegationError(
                f"runbook {fleet} is {self.runbook!r}, not a name {IN_DEPLOYMENTS}"
            )
        limit_tags(f"instances_tagged {fleet}", self.instances_tagged)
        if self.instances_tagged is not None and self.resource_group is not None:
            raise DelegationError(
                f"both instances_tagged and resource_group {fleet} name its targets; "
                f"Automation takes one {IN_DEPLOYMENTS}"
            )
        if len(self.tags) > 1:
            raise DelegationError(
                f"instances_tagged {fleet} has {len(self.tags)} tags; Automation takes one: make a "
                f"resource group of them, and name it in resource_group {IN_DEPLOYMENTS}"
            )
        if any(len(values) > _VALUES for _, values in self.tags):
            raise DelegationError(
                f"instances_tagged {fleet} has more than {_VALUES} values {IN_DEPLOYMENTS}"
            )
        for field, value, form in (
            ("resource_group", self.resource_group, _GROUP),
            ("alarm", self.alarm, _ALARM),
        ):
            if value is not None and not (isinstance(value, str) and form.fullmatch(value)):
                raise DelegationError(f"{field} {fleet} is {value!r}, not a name {IN_DEPLOYMENTS}")
        self._check_rate(fleet)
        self._check_parameters(fleet)
        if not isinstance(self.approval, Approval | None):
            raise DelegationError(
                f"approval {fleet} is {self.approval!r}, not an Approval {IN_DEPLOYMENTS}"
            )

    @property
    def target_name(self) -> str:
        """The name of the document that is run for a target."""
        return f"{self.name}-Target"

    @property
    def role_name(self) -> str:
        """The name of the role that starts it."""
        return f"{self.name}-FleetRole"

    @property
    def lock_name(self) -> str:
        """The name of the parameter that holds the execution that runs."""
        return f"/delegation/fleets/{self.name}"

    @property
    def tags(self) -> LimitTags:
        """Its own tag, in the longest form; none where the role's or a group says."""
        return limit_tags("", self.instances_tagged)

    def _check_rate(self, fleet: str) -> None:
        for field, value, least, percent in (
            ("at_once", self.at_once, 1, _PERCENT),
            ("errors_allowed", self.errors_allowed, 0, _ZERO_PERCENT),
        ):
            is_number = type(value) is int and value >= least
            if not is_number and not (isinstance(value, str) and percent.fullmatch(value)):
                raise DelegationError(
                    f"{field} {fleet} is {value!r}, neither a number from {least} nor a "
                    f"percentage such as '10%' {IN_DEPLOYMENTS}"
                )
        if isinstance(self.at_once, int) and self.at_once > MOST_AT_ONCE:
            raise DelegationError(
                f"at_once {fleet} is {self.at_once}; {MOST_AT_ONCE} executions run at the same "
                f"time in an account and Region {IN_DEPLOYMENTS}"
            )
        minutes = self.timeout_minutes
        if type(minutes) is not int or not 1 <= minutes <= _LONGEST_MINUTES:
            raise DelegationError(
                f"timeout_minutes {fleet} is {minutes!r}, not 1 to {_LONGEST_MINUTES:,} "
                f"{IN_DEPLOYMENTS}"
            )
        require_bool(f"one_at_a_time {fleet}", self.one_at_a_time)

    def _check_parameters(self, fleet: str) -> None:
        require_tuple(f"parameters {fleet}", self.parameters)
        refuse_duplicates(f"parameter {fleet}", [str(pair[0]) for pair in self.parameters if pair])
        for pair in self.parameters:
            values = pair[1] if isinstance(pair, tuple) and len(pair) == 2 else None
            listed = values if isinstance(values, tuple) else (values,)
            if values is None or not all(isinstance(each, str) for each in (pair[0], *listed)):
                raise DelegationError(
                    f"parameters {fleet} holds {pair!r}, not a name with a text or a tuple of "
                    f"texts {IN_DEPLOYMENTS}"
                )
            if "{{" in "".join(listed) or _ROLE in pair[0].lower():
                raise DelegationError(
                    f"parameters {fleet} holds {pair!r}: a fleet gives values alone, neither "
                    f"references nor a role {IN_DEPLOYMENTS}"
                )
        if not isinstance(self.parameter, str) or _ROLE in self.parameter.lower():
            raise DelegationError(
                f"parameter {fleet} is {self.parameter!r}, not a name {IN_DEPLOYMENTS}"
            )
