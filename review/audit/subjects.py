"""What the audit of an account should receive, and whether it does: samples of every event."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from aws_facts.partitions import IAM_HOMES
from review.access.evaluation import Evaluator
from review.audit.changes import calls_that_change
from review.audit.events import (
    EXECUTION,
    STEP,
    Event,
    alarm_events,
    call_events,
    execution_events,
)
from review.audit.recording import Channel, Recording, Rule
from review.iam.actions import Actions
from review.model.account import LimitKind, Made, Runbook
from review.model.schedules import Schedule
from review.templates.intrinsics import Environment

_BAD_ENDS = (
    *("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected", "CompletedWithFailure"),
    "ChangeCalendarOverrideRejected",
)
"""Source: Systems Manager API Reference, AutomationExecution; the events spell Canceled."""
_BOTH = (Channel.LOG, Channel.TOPIC)


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
                for call, named in (
                    ("PutParameter", {"name": lock}),
                    ("DeleteParameter", {"name": lock}),
                    ("DeleteParameters", {"names": [lock]}),
                )
                for event in call_events(environment, "ssm", call, named)
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
            changes = list(_changed(actions, environment, "document", name, arn))
            yield f"changes of document {name}", environment.region, _BOTH, False, changes
    home = replace(account, region=IAM_HOMES.get(account.partition, ""))
    for kind, name, arn in made:
        changes = list(_changed(actions, home, kind, name, arn))
        yield f"changes of {kind} {name}", home.region, _BOTH, True, changes


def _ended(environment: Environment, runbook: str, status: str) -> Iterator[_Sample]:
    for event in execution_events(environment, EXECUTION, runbook, status):
        yield _Sample(event, (runbook, status, event["detail"]["ExecutionId"]))


def _changed(
    actions: Actions, environment: Environment, kind: str, name: str, arn: str
) -> Iterator[_Sample]:
    for service, call, parameters in calls_that_change(actions, kind, name, arn):
        for event in call_events(environment, service, call, parameters):
            yield _of_call(call, event)


def _of_call(call: str, event: Event) -> _Sample:
    detail = event["detail"]
    return _Sample(event, (call, detail["userIdentity"]["arn"], detail["eventID"]))
