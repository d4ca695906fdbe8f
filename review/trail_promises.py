"""What is promised of the trail: every run is kept, every bad end and every change is told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from review.judge import Judge
from review.model import Account
from review.promises import Promise, Proof, promise
from review.trail import Channel

_HOMES = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""The Region that hears of IAM, by partition.
Source: IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail."""
_BAD_ENDS = ("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected")
_EXECUTION = "EC2 Automation Execution Status-change Notification"
_STEP = "EC2 Automation Step Status-change Notification"
_CALL = "AWS API Call via CloudTrail"
_DOCUMENT_CALLS = {
    "UpdateDocument": "name",
    "UpdateDocumentDefaultVersion": "name",
    "ModifyDocumentPermission": "name",
    "RemoveTagsFromResource": "resourceId",
}
_CHANGES = {
    "role": (
        "roleName",
        ("UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePermissionsBoundary"),
    ),
    "policy": ("policyArn", ("CreatePolicyVersion", "SetDefaultPolicyVersion")),
    "group": ("groupName", ("AddUserToGroup", "AttachGroupPolicy")),
    "user": ("userName", ("AttachUserPolicy", "CreateAccessKey")),
}
"""The parameter by which IAM's calls name what they change, and some that change it."""
_BOTH = (Channel.LOG, Channel.TOPIC)


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Subject:
    """Something that a trail hears of, in a Region, by a channel."""

    what: str
    region: str
    channel: Channel

    def __str__(self) -> str:
        return f"the {self.channel} in {self.region} hears of {self.what}"


def trail_promises(judge: Judge) -> Iterator[Promise]:
    """The promise about the trail, where there is one."""
    account = judge.account
    if not account.has_trail:
        return
    missing = [subject for subject, is_heard in _subjects(account) if not is_heard]
    yield promise(
        "trail-hears-of-everything",
        "every run of these runbooks is kept in the log; every bad end, and every change of a "
        "document or of a role, policy, group or user of these templates, is told by the topic",
        Proof(tuple(f"the {m.channel} in {m.region} hears not of {m.what}" for m in missing), ()),
    )


def heard(account: Account) -> frozenset[Subject]:
    """What the trail hears of."""
    return frozenset(subject for subject, is_heard in _subjects(account) if is_heard)


def expected(account: Account) -> frozenset[Subject]:
    """What a trail of this account should hear of."""
    return frozenset(subject for subject, _ in _subjects(account))


def _subjects(account: Account) -> Iterator[tuple[Subject, bool]]:
    """Everything that a trail should hear of, and whether it does."""
    for what, region, channels, samples in _samples(account):
        some = tuple(samples)
        for channel in channels:
            rules = [r for r in account.rules if r.region == region and channel in r.channels]
            is_heard = all(any(rule.hears(sample) for rule in rules) for sample in some)
            yield Subject(what=what, region=region, channel=channel), is_heard


def _samples(
    account: Account,
) -> Iterator[tuple[str, str, tuple[Channel, ...], Iterable[dict[str, Any]]]]:
    for runbook in account.runbooks:
        for arn in runbook.arns:
            region, name = arn.split(":")[3], runbook.name
            ends = [_run(name, _EXECUTION, status) for status in ("Success", *_BAD_ENDS)]
            runs = [*ends, _run(name, _STEP, "Success")]
            yield f"runs of {name}", region, (Channel.LOG,), runs
            yield f"bad ends of {name}", region, (Channel.TOPIC,), ends[1:]
            changes = [
                _call("ssm", call, {parameter: named})
                for call, parameter in _DOCUMENT_CALLS.items()
                for named in (name, arn)
            ]
            yield f"changes of document {name}", region, _BOTH, changes
    for kind, name, samples in _access(account):
        yield f"changes of {kind} {name}", _HOMES[account.place.partition], _BOTH, samples


def _access(account: Account) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Whatever the templates make of IAM: it is what delegation rests on."""
    for kind, name in account.made:
        parameter, calls = _CHANGES[kind]
        value = account.place.iam_arn(f"policy/{name}") if kind == "policy" else name
        yield kind, name, [_call("iam", call, {parameter: value}) for call in calls]


def _run(runbook: str, kind: str, status: str) -> dict[str, Any]:
    detail = {"Definition": runbook, "Status": status}
    return {"source": "aws.ssm", "detail-type": kind, "detail": detail}


def _call(service: str, name: str, parameters: dict[str, str]) -> dict[str, Any]:
    """A call as CloudTrail's trail puts it on the event bus."""
    return {
        "source": f"aws.{service}",
        "detail-type": _CALL,
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "requestParameters": parameters,
        },
    }
