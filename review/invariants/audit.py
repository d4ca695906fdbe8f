"""Invariants of the audit: every execution is kept, every bad end and change is reported."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from aws_facts.partitions import IAM_HOMES
from review.access.evaluation import Evaluator
from review.audit.events import (
    EXECUTION,
    STEP,
    Event,
    alarm_events,
    call_events,
    execution_events,
)
from review.audit.recording import Channel, Recording, Rule
from review.iam.actions import Action, Actions
from review.iam.patterns import overlap
from review.invariants.invariant import Invariant, Proof, invariant
from review.model.account import LimitKind, Made, Runbook
from review.model.schedules import Schedule
from review.templates.intrinsics import Environment

_BAD_ENDS = (
    *("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected", "CompletedWithFailure"),
    "ChangeCalendarOverrideRejected",
)
"""Source: Systems Manager API Reference, AutomationExecution; the events spell Canceled."""
_BOTH = (Channel.LOG, Channel.TOPIC)
_READING = {"List", "Read"}

_PARAMETERS = {
    "document": "name",
    "role": "roleName",
    "policy": "policyArn",
    "group": "groupName",
    "user": "userName",
}
"""By kind of resource, the parameter in which CloudTrail records which one a call changes."""
_OTHER_PARAMETERS = {
    "ssm:AddTagsToResource": "resourceId",
    "ssm:RemoveTagsFromResource": "resourceId",
    "ssm:PutResourcePolicy": "resourceArn",
    "ssm:DeleteResourcePolicy": "resourceArn",
    "iam:CreatePolicy": "policyName",
}
"""Source: Systems Manager and IAM API Reference."""

_USES = "it uses the document and leaves it as it is"
_SESSION = "it opens or labels a session and leaves the role as it is"
NOT_CHANGES = {
    **dict.fromkeys(
        (
            *("ssm:CreateAssociation", "ssm:CreateAssociationBatch", "ssm:DeleteAssociation"),
            *("ssm:UpdateAssociation", "ssm:UpdateAssociationStatus", "ssm:SendCommand"),
            *("ssm:StartAutomationExecution", "ssm:StartChangeRequestExecution"),
            "ssm:StartSession",
        ),
        _USES,
    ),
    "ssm:PutCalendar": "it changes documents of type ChangeCalendar, no runbook",
    **dict.fromkeys(
        (
            *("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"),
            *("sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"),
        ),
        _SESSION,
    ),
    "iam:PassRole": "it is a permission; no call has this name",
    "iam:CreateServiceLinkedRole": "it makes service-linked roles only",
    "iam:DeleteServiceLinkedRole": "it deletes service-linked roles only",
    "iam:ChangePassword": "users change their own; CloudTrail records no name with it",
    "ec2:AssociateEnclaveCertificateIamRole": "it changes a certificate",
    "ec2:DisassociateEnclaveCertificateIamRole": "it changes a certificate",
    "ssm:UpdateManagedInstanceRole": "it changes an instance",
    "codestar:CreateUserProfile": "it changes a profile of AWS CodeStar",
    "codestar:DeleteUserProfile": "it changes a profile of AWS CodeStar",
    "codestar:UpdateUserProfile": "it changes a profile of AWS CodeStar",
}
"""Calls that the data lists for documents, roles, policies, groups or users and that are no change
of one, each with the reason. Source: Service Authorization Reference."""


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Subject:
    """Something that a channel should receive, and whether it does."""

    what: str
    region: str
    channel: Channel
    is_received: bool
    in_some_regions: bool = False
    """Whether that depends on the Region, which nothing fixes."""

    @property
    def where(self) -> str:
        """The channel, for a sentence."""
        return f"the {self.channel} in {self.region}"


@dataclass(frozen=True, slots=True)
class _Sample:
    """An event, and what a message of it has to show."""

    event: Event
    facts: tuple[str, ...]


def audit_invariants(evaluator: Evaluator) -> Iterator[Invariant]:
    """The invariants about the audit, where there is one."""
    account = evaluator.account
    if not account.has_recording:
        return
    known = subjects(evaluator)
    missing = [subject for subject in known if not subject.is_received]
    partly = [subject for subject in known if subject.in_some_regions]
    findings = [f"{each.where} does not receive {each.what}" for each in missing]
    excepted = (
        "deployed to another Region than "
        f"{', '.join(IAM_HOMES.values())}, it receives no event of IAM; nothing fixes the Region"
    )
    yield invariant(
        "audit-receives-everything",
        "every execution of these runbooks and every use of a fleet's lock is kept in the log; "
        "every bad end, and every change of a document or of a role, policy, group or user of "
        "these templates, is reported by the topic",
        Proof(tuple(findings), (), excepted=excepted if partly else ""),
    )
    yield invariant(
        "audit-is-delivered",
        "EventBridge, and nobody else, may write to the log and publish to the topic, whose key "
        "is enabled and of this account",
        Proof(account.recording.undelivered, ()),
    )


def subjects(evaluator: Evaluator) -> tuple[Subject, ...]:
    """Everything that the audit of this account should receive, and whether it does."""
    account = evaluator.account
    runbooks = tuple((runbook.name, runbook.arns) for runbook in account.runbooks)
    return _subjects(
        evaluator.engine.actions(),
        account.environment,
        runbooks,
        tuple((lock, each.arns) for each in account.runbooks for lock in locks_of(each)),
        account.made,
        account.schedules,
        account.recording,
    )


_Runbooks = tuple[tuple[str, tuple[str, ...]], ...]
"""Names, each with the documents' ARNs."""
_Locks = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of parameters, each with the ARNs of the documents that hold them."""


@lru_cache(maxsize=16)
def _subjects(
    actions: Actions,
    environment: Environment,
    runbooks: _Runbooks,
    locks: _Locks,
    made: tuple[Made, ...],
    schedules: tuple[Schedule, ...],
    recording: Recording,
) -> tuple[Subject, ...]:
    found = []
    of_schedules = _of_schedules(environment, schedules)
    of_locks = _of_locks(environment, locks)
    samples_of = (*_samples(actions, environment, runbooks, made), *of_locks, *of_schedules)
    for what, region, channels, of_iam, samples in samples_of:
        for channel in channels:
            rules = [rule for rule in recording.rules if rule.region == region]
            fixed = [rule for rule in rules if not rule.condition]
            everywhere = _is_received(samples, channel, fixed)
            here = everywhere or (of_iam and _is_received(samples, channel, rules))
            found.append(
                Subject(
                    what=what,
                    region=region,
                    channel=channel,
                    is_received=here,
                    in_some_regions=here and not everywhere,
                )
            )
    return tuple(found)


def _is_received(samples: Iterable[_Sample], channel: Channel, rules: Iterable[Rule]) -> bool:
    return all(any(r.sends(s.event, channel, *s.facts) for r in rules) for s in samples)


_Sampled = tuple[str, str, tuple[Channel, ...], bool, list[_Sample]]
"""What should be received, where, by which channels, whether it is of IAM, and its events."""


def _of_schedules(account: Environment, schedules: tuple[Schedule, ...]) -> Iterator[_Sampled]:
    """The calls that change schedules or their group, and what goes into their queue."""
    for region, group in dict.fromkeys((each.region, each.group) for each in schedules):
        environment = replace(account, region=region)
        changes = [
            _of_call(call, event)
            for call, parameter in _SCHEDULE_CALLS
            for event in call_events(environment, "scheduler", call, {parameter: group})
        ]
        yield changes_of_group(group), region, _BOTH, False, changes
    for region, queue in dict.fromkeys((each.region, each.undelivered) for each in schedules):
        alarm = queue.rsplit(":", 1)[-1]  # the alarm on a queue is called as the queue
        events = alarm_events(replace(account, region=region), alarm)
        samples = [_Sample(event, (alarm,)) for event in events]
        yield in_queue(queue), region, (Channel.TOPIC,), False, samples


def _of_locks(account: Environment, locks: _Locks) -> Iterator[_Sampled]:
    """The calls that take or release the lock of a fleet."""
    for lock, arns in locks:
        for arn in arns:
            environment = replace(account, region=arn.split(":")[3])
            calls = [
                _Sample(event, ())
                for call, named in _LOCK_CALLS
                for event in call_events(environment, "ssm", call, named(lock))
            ]
            yield uses_of_lock(lock), environment.region, (Channel.LOG,), False, calls


def locks_of(runbook: Runbook) -> Iterator[str]:
    """The name of the parameter that a fleet holds while it runs."""
    if runbook.starts:
        for limit in runbook.limits:
            if limit.kind is LimitKind.ONE_AT_A_TIME:
                yield json.loads(limit.value)


def uses_of_lock(lock: str) -> str:
    """What is received of a lock."""
    return f"who takes and releases the lock {lock}"


_LOCK_CALLS: tuple[tuple[str, Callable[[str], dict[str, Any]]], ...] = (
    ("PutParameter", lambda lock: {"name": lock}),
    ("DeleteParameter", lambda lock: {"name": lock}),
    ("DeleteParameters", lambda lock: {"names": [lock, "/another"]}),
)
"""Calls, each with the parameters in which CloudTrail records the lock."""


def changes_of_group(group: str) -> str:
    """What is received of a group of schedules."""
    return f"changes of schedules of {group}"


def in_queue(queue: str) -> str:
    """What is received of a queue, by its ARN, of what was not started."""
    return f"what is in queue {queue.rsplit(':', 1)[-1]}"


_SCHEDULE_CALLS = (
    ("CreateSchedule", "groupName"),
    ("UpdateSchedule", "groupName"),
    ("DeleteSchedule", "groupName"),
    ("DeleteScheduleGroup", "name"),
)
"""Calls, each with the parameter in which CloudTrail records the group (inferred)."""


def _samples(
    actions: Actions, account: Environment, runbooks: _Runbooks, made: tuple[Made, ...]
) -> Iterator[_Sampled]:
    calls = {kind: _changing(actions, kind) for kind in _PARAMETERS}
    for name, arns in runbooks:
        for arn in arns:
            environment = replace(account, region=arn.split(":")[3])
            ends = [s for status in _BAD_ENDS for s in _ended(environment, name, status)]
            kept = [
                _Sample(event, ())
                for kind in (EXECUTION, STEP)
                for status in ("Success", *_BAD_ENDS)
                for event in execution_events(environment, kind, name, status)
            ]
            yield f"executions of {name}", environment.region, (Channel.LOG,), False, kept
            yield f"bad ends of {name}", environment.region, (Channel.TOPIC,), False, ends
            changes = list(_changed(calls, environment, "document", {"name": name, "arn": arn}))
            yield f"changes of document {name}", environment.region, _BOTH, False, changes
    home = replace(account, region=IAM_HOMES.get(account.partition, ""))
    for kind, name, arn in made:
        named = {"name": name, "arn": arn}
        changes = list(_changed(calls, home, kind, named))
        yield f"changes of {kind} {name}", home.region, _BOTH, True, changes


def _ended(environment: Environment, runbook: str, status: str) -> Iterator[_Sample]:
    for event in execution_events(environment, EXECUTION, runbook, status):
        yield _Sample(event, (runbook, status, event["detail"]["ExecutionId"]))


def _changed(
    calls: Mapping[str, list[Action]], environment: Environment, kind: str, named: Mapping[str, str]
) -> Iterator[_Sample]:
    """A call of each action that changes a resource, by each name that it may have."""
    for action in calls[kind]:
        service, call = action.name.split(":")
        parameter = _OTHER_PARAMETERS.get(action.name, _PARAMETERS[kind])
        for value in _values(kind, parameter, named):
            for event in call_events(environment, service, call, {parameter: value}):
                yield _of_call(call, event)


def _of_call(call: str, event: Event) -> _Sample:
    detail = event["detail"]
    return _Sample(event, (call, detail["userIdentity"]["arn"], detail["eventID"]))


def _values(kind: str, parameter: str, named: Mapping[str, str]) -> Iterable[str]:
    if parameter.lower().endswith("arn"):
        return (named["arn"],)
    return (named["name"], named["arn"]) if kind == "document" else (named["name"],)


@lru_cache(maxsize=len(_PARAMETERS))
def _changing(actions: Actions, kind: str) -> list[Action]:
    """The actions that change a kind of resource, by the data; `NOT_CHANGES` left out."""
    service = "ssm" if kind == "document" else "iam"
    example = f"arn:aws:{service}:us-east-1:111122223333:{kind}/Example"
    return [
        action
        for action in actions
        if not set(action.levels) <= _READING
        and action.name not in NOT_CHANGES
        and any(_is_kind(arn, example) for arn in action.arns)
    ]


def _is_kind(pattern: str, example: str) -> bool:
    """Whether a kind of resource of the data is that of an ARN, not any resource at all."""
    _, _, service, _, _, kind = pattern.split(":", 5)
    _, _, wanted, _, _, example_kind = example.split(":", 5)
    return service == wanted and overlap(kind, example_kind)
