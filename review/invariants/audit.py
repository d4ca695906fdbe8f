"""Invariants of the audit: every execution is kept, every bad end and change is reported."""

from collections.abc import Iterator

from aws_facts.partitions import IAM_HOMES
from review.access.evaluation import Evaluator
from review.audit.subjects import subjects
from review.invariants.invariant import Invariant, Proof, invariant


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
