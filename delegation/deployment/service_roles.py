"""Service roles: which runbooks each runs, and within which limits."""

import re
from dataclasses import dataclass
from typing import Any

from delegation import names
from delegation.deployment.keys import is_key_arn
from delegation.deployment.people import ExistingGroup, PermissionSet, Person, require_iam_name
from delegation.deployment.subscribers import check_subscribers
from delegation.deployment.validation import (
    refuse_duplicates,
    require_bool,
    require_tag,
    require_texts,
    require_tuple,
)
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.checks.patterns import compiled

LimitTag = tuple[str, str | tuple[str, ...]]
"""Key and value of a tag, or the values of which an instance must have one."""
LimitTags = tuple[tuple[str, tuple[str, ...]], ...]
"""Keys of tags, each with the values of which an instance must have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Four eyes: who has to approve a run before its first step."""

    by: tuple[Person, ...]
    """1 to 10 people, a permission set with its ``role_arn``.
    Source: Systems Manager User Guide, aws:approve, Approvers; a group cannot approve."""
    at_least: int = 1
    """How many of them have to approve; one rejection ends the run."""
    notify: str | tuple[str, ...] | None = None
    """Who gets the message of the step: e-mail addresses, ``https://`` addresses and ARNs of SQS
    queues, for which ApprovalsStack makes a topic; or the name of an SNS topic that exists in each
    Region and begins with ``Automation``; None for nobody.
    Source: Systems Manager User Guide, aws:approve, NotificationArn."""

    def __post_init__(self) -> None:
        require_tuple("by of an approval", self.by)
        for person in self.by:
            if not isinstance(person, Person):
                raise DelegationError(
                    f"approver {person!r} is not an IamUser, ExistingUser, ExistingRole or "
                    f"PermissionSet {IN_DEPLOYMENTS}"
                )
            if isinstance(person, ExistingGroup):
                raise DelegationError(
                    f"approver {person!r}: an approval step names users and roles, not groups; "
                    f"name its members {IN_DEPLOYMENTS}"
                )
            if isinstance(person, PermissionSet) and person.role_arn is None:
                raise DelegationError(
                    f"approver PermissionSet({person.name!r}) has no role_arn, by which an "
                    f"approval step names it; list the roles of the account: aws iam list-roles "
                    f"--path-prefix /aws-reserved/sso.amazonaws.com/ {IN_DEPLOYMENTS}"
                )
        if not 1 <= len(self.by) <= _APPROVERS:
            raise DelegationError(
                f"an approval by {len(self.by)} approvers; 1 to {_APPROVERS} {IN_DEPLOYMENTS}"
            )
        is_number = type(self.at_least) is int
        if not is_number or not 1 <= self.at_least <= len(self.by):
            raise DelegationError(
                f"at_least is {self.at_least!r}, not 1 to {len(self.by)}, the number of approvers "
                f"{IN_DEPLOYMENTS}"
            )
        if isinstance(self.notify, tuple):
            require_texts("notify of an approval", self.notify)
            if not self.notify:
                raise DelegationError(
                    f"notify of an approval is empty; leave it out to notify nobody "
                    f"{IN_DEPLOYMENTS}"
                )
            check_subscribers(self.notify)
        elif self.notify is not None and not _TOPIC.fullmatch(str(self.notify)):
            raise DelegationError(
                f"notify of an approval is {self.notify!r}, neither a tuple of addresses nor "
                f"the name of an SNS topic that begins with Automation: letters, digits or _-, at "
                f"most 256 {IN_DEPLOYMENTS}"
            )


_APPROVERS = 10
_TOPIC = re.compile(r"Automation[A-Za-z0-9_-]{0,246}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRole:
    """A role that SSM Automation assumes to run certain runbooks, and nothing else."""

    name: str
    """Its fixed name, 1 to 64 letters, digits or ``+=,.@_-``."""
    runbooks: tuple[str, ...]
    """Names of files in ``documents/`` without ending, at least one."""
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
        if not self.runbooks:
            raise DelegationError(
                f"service role {self.name!r} has no runbook; name one {IN_DEPLOYMENTS}"
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
        return _limit_tags("", self.only_instances_tagged)

    def _check_limits(self) -> None:
        role = f"of service role {self.name!r}"
        tags = _limit_tags(f"only_instances_tagged {role}", self.only_instances_tagged)
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


def _limit_tags(field: str, given: Any) -> LimitTags:
    """The tags of a limit in their longest form; raises DelegationError for what are none."""
    if given is None:
        return ()
    if not isinstance(given, tuple) or not given:
        require_tag(field, given)
    listed = (given,) if isinstance(given[0], str) else given
    found = []
    for tag in listed:
        has_values = isinstance(tag, tuple) and len(tag) == 2 and isinstance(tag[1], tuple)
        alternatives = [(tag[0], value) for value in tag[1]] if has_values else [tag]
        for alternative in alternatives or [tag]:
            require_tag(field, alternative)
        found.append((tag[0], tuple(value for _, value in alternatives)))
    return tuple(found)
