"""Approvals: who has to approve what is run, before it begins."""

import re
from dataclasses import dataclass

from delegation.deployment.people import ExistingGroup, PermissionSet, Person
from delegation.deployment.subscribers import check_subscribers
from delegation.deployment.validation import require_texts, require_tuple
from delegation.errors import IN_DEPLOYMENTS, DelegationError


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
