"""Service roles: which runbooks each runs, and within which limits."""

import re
from dataclasses import dataclass

from delegation import names
from delegation.deployment.approvals import Approval
from delegation.deployment.fleets import Fleet
from delegation.deployment.keys import is_key_arn
from delegation.deployment.limit_tags import LimitTag, LimitTags, limit_tags
from delegation.deployment.people import require_iam_name
from delegation.deployment.validation import (
    refuse_duplicates,
    require_bool,
    require_texts,
    require_tuple,
)
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.checks.patterns import compiled


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRole:
    """A role that SSM Automation assumes to run certain runbooks, and nothing else."""

    name: str
    """Its fixed name, 1 to 64 letters, digits or ``+=,.@_-``."""
    runbooks: tuple[str, ...] = ()
    """Names of files in ``documents/`` without ending, which operators start; at least one, unless
    there are fleets."""
    fleets: tuple[Fleet, ...] = ()
    """Runbooks that are run under this role for many targets."""
    volume_keys: tuple[str, ...] = ()
    """ARNs of the customer managed KMS keys of the instances' EBS volumes.

    Starting an instance with such a volume needs ``kms:CreateGrant`` on its key; without it the
    instance stops and never starts. Source: EBS User Guide, Requirements for Amazon EBS encryption.
    """
    only_instances_tagged: LimitTag | tuple[LimitTag, ...] | None = None
    """Key and value of the tag that instances must have, or the key and a tuple of values of which
    they must have one, or a tuple of several such tags, all of which they must have; None for any
    instance. The role can neither set nor remove these tags."""
    at_most_instances: int | None = None
    """How many instances one run may name, 1 to 50; None for any number."""
    approval: Approval | None = None
    """Who has to approve each run; None for nobody."""
    calendar: str | None = None
    """Name or ARN of the Change Calendar that must be open when a run begins; None for any time."""
    require_reason: bool = False
    """Whether each start must say why, in a parameter ``Reason`` of the role's documents."""
    reason_pattern: str = r"^\S.{1,254}\S$"
    """What a reason looks like, as a regular expression of the whole of it: ``^OPS-[0-9]+$``."""

    def __post_init__(self) -> None:
        require_iam_name("service role", self.name)
        if "," in self.name:
            raise DelegationError(
                f"service role {self.name!r} holds a comma, which the tags of its documents "
                f"cannot {IN_DEPLOYMENTS}"
            )
        require_texts(f"runbooks of service role {self.name!r}", self.runbooks)
        require_texts(f"volume_keys of service role {self.name!r}", self.volume_keys)
        require_tuple(f"fleets of service role {self.name!r}", self.fleets)
        for fleet in self.fleets:
            if not isinstance(fleet, Fleet):
                raise DelegationError(f"fleet {fleet!r} is not a Fleet {IN_DEPLOYMENTS}")
        if not self.runbooks and not self.fleets:
            raise DelegationError(
                f"service role {self.name!r} has no runbook; name one, or a fleet {IN_DEPLOYMENTS}"
            )
        of_runbooks = (self.at_most_instances, self.approval, self.calendar)
        is_limited = any(each is not None for each in of_runbooks) or self.require_reason
        if not self.runbooks and is_limited:
            raise DelegationError(
                f"service role {self.name!r} has fleets alone, and limits of runbooks; a Fleet has "
                f"approval and calendar of its own, and a target is one {IN_DEPLOYMENTS}"
            )
        self._check_limits()
        for key in self.volume_keys:
            if not is_key_arn(key):
                raise DelegationError(
                    f"volume key {key!r} of service role {self.name!r} is not a KMS key ARN "
                    f"(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) "
                    f"{IN_DEPLOYMENTS}"
                )

    @property
    def documents(self) -> tuple[str, ...]:
        """The names of all documents that run under it: those that operators start, and those
        that its fleets start for a target."""
        return (*self.runbooks, *(fleet.target_name for fleet in self.fleets))

    @property
    def approval_topic(self) -> str | None:
        """The name of the topic on which its approvers are notified; None where nobody is."""
        notify = self.approval.notify if self.approval else None
        if isinstance(notify, tuple):
            return f"AutomationApprovalsOf{names.construct_id(self.name)}"
        return notify

    @property
    def is_limited(self) -> bool:
        """Whether the role's runbooks run under any limit."""
        return any(
            limit is not None
            for limit in (
                self.only_instances_tagged,
                self.at_most_instances,
                self.approval,
                self.calendar,
                self.require_reason or None,
            )
        )

    @property
    def limit_tags(self) -> LimitTags:
        """The tags of ``only_instances_tagged``, in its longest form."""
        return limit_tags("", self.only_instances_tagged)

    @property
    def approved_documents(self) -> tuple[str, ...]:
        """The names of the documents that an approval of its executions concerns."""
        return self.runbooks

    @property
    def instance_tags(self) -> LimitTags:
        """The tags that the instances of its runbooks must have."""
        return self.limit_tags

    def _check_limits(self) -> None:
        role = f"of service role {self.name!r}"
        tags = limit_tags(f"only_instances_tagged {role}", self.only_instances_tagged)
        refuse_duplicates(f"tag of only_instances_tagged {role}", [key.lower() for key, _ in tags])
        self._check_reason(role)
        most = self.at_most_instances
        if most is not None and (type(most) is not int or not 1 <= most <= _LIST_ITEMS):
            raise DelegationError(
                f"at_most_instances {role} is {most!r}, not 1 to {_LIST_ITEMS} {IN_DEPLOYMENTS}"
            )
        if self.approval is not None and not isinstance(self.approval, Approval):
            raise DelegationError(
                f"approval {role} is {self.approval!r}, not an Approval {IN_DEPLOYMENTS}"
            )
        calendar = self.calendar
        if calendar is not None and not (
            isinstance(calendar, str)
            and (_DOCUMENT_NAME.fullmatch(calendar) or _CALENDAR_ARN.fullmatch(calendar))
        ):
            raise DelegationError(
                f"calendar {role} is {calendar!r}, not the name of a Change Calendar or its ARN "
                f"(arn:PARTITION:ssm:REGION:ACCOUNT:document/NAME) {IN_DEPLOYMENTS}"
            )

    def _check_reason(self, role: str) -> None:
        require_bool(f"require_reason {role}", self.require_reason)
        try:
            compiled(self.reason_pattern)
        except (TypeError, re.error) as error:
            raise DelegationError(
                f"reason_pattern {role} is {self.reason_pattern!r}, not a regular expression: "
                f"{error} {IN_DEPLOYMENTS}"
            ) from None


_LIST_ITEMS = 50
"""Values of one parameter. Source: SSM API Reference, StartAutomationExecution, Parameters."""
_DOCUMENT_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_CALENDAR_ARN = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:document/[A-Za-z0-9_.-]{3,128}")


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRole(ServiceRole):
    """The role of a fleet: it starts the document of a target, and touches no target itself."""

    fleet: Fleet
    """What it starts."""
    of: ServiceRole
    """The role that the targets' documents run under."""

    @property
    def approved_documents(self) -> tuple[str, ...]:
        """That of the fleet, and that of its targets."""
        return (*self.runbooks, self.fleet.target_name)

    @property
    def instance_tags(self) -> LimitTags:
        """The tags that targets must have, by the role that touches them."""
        return self.of.limit_tags


def fleet_roles(role: ServiceRole) -> tuple[FleetRole, ...]:
    """The role of each fleet of a service role."""
    return tuple(
        FleetRole(
            name=fleet.role_name,
            runbooks=(fleet.name,),
            approval=fleet.approval,
            calendar=fleet.calendar,
            fleet=fleet,
            of=role,
        )
        for fleet in role.fleets
    )
