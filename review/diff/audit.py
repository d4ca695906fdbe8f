"""What a change does to the audit: what it receives, whom it notifies, how it keeps it."""

from collections.abc import Iterable, Iterator

from review.access_review import AccountReview
from review.audit.recording import Recording
from review.audit.subjects import changes_of_group, in_queue, locks_of, uses_of_lock
from review.diff.gains import Gain
from review.model.schedules import Schedule

OF_RUNBOOKS = ("executions of", "bad ends of", "changes of document")
"""What is received of a runbook, each before its name."""


def changes_of(kind: str, name: str) -> str:
    """What is received of an IAM resource."""
    return f"changes of {kind} {name}"


def of_schedules(schedules: Iterable[Schedule]) -> Iterator[str]:
    """What is received of schedules."""
    for each in schedules:
        yield changes_of_group(each.group)
        yield in_queue(each.undelivered)


def audit_gained(old: AccountReview | None, new: AccountReview) -> Iterator[Gain]:
    """What is hidden now and was not, and who learns what they did not."""
    was, recording = old.account.recording if old else Recording(), new.account.recording
    if old is not None:
        yield from _no_longer_received(old, new)
    for topic, address in sorted({*was.subscribers} - {*recording.subscribers}):
        yield Gain(f"topic {topic} no longer notifies {address}")
    for topic, address in sorted({*recording.subscribers} - {*was.subscribers}):
        yield Gain(f"topic {topic} now notifies {address}")
    kept = dict(was.kept)
    for log, days in recording.kept:
        before = kept.get(log)
        if before is not None and days and (not before or days < before):
            longer = f"{before} days" if before else "for ever"
            yield Gain(
                f"log {log} keeps its events {days} days (before: {longer})",
                f"log {log} keeps its events {longer} (before: {days} days)",
            )
    for region, topic in sorted({*was.encrypted} - {*recording.encrypted}):
        yield Gain(
            f"topic {topic} in {region} is no longer encrypted with a key of these templates",
            f"topic {topic} in {region} is now encrypted with a key of these templates",
        )


def _no_longer_received(old: AccountReview, new: AccountReview) -> Iterator[Gain]:
    """What is no longer received, of what there is still."""
    made = {changes_of(each.kind, each.name) for each in new.account.made}
    for runbook in new.account.runbooks:
        made |= {f"{what} {runbook.name}" for what in OF_RUNBOOKS}
        made |= {uses_of_lock(lock) for lock in locks_of(runbook)}
    made |= {*of_schedules(new.account.schedules)}
    received = {(s.what, s.region, s.channel) for s in new.notifications if s.is_received}
    for subject in old.notifications:
        key = (subject.what, subject.region, subject.channel)
        if subject.is_received and subject.what in made and key not in received:
            yield Gain(
                f"{subject.where} no longer receives {subject.what}",
                f"{subject.where} now receives {subject.what}",
            )
