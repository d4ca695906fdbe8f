"""What a change of schedules does: what starts by itself, and when."""

from collections.abc import Iterator

from review.access_review import AccountReview
from review.diff.gains import Aspect, Gain
from review.model.schedules import Schedule


def schedules_gained(old: AccountReview | None, new: AccountReview) -> Iterator[Gain]:
    """What starts by itself now, or at other times, as another role."""
    was = {_key(each): each for each in old.account.schedules if each.is_on} if old else {}
    for each in new.account.schedules:
        if each.is_on and was.get(_key(each)) != each:
            about = frozenset({(Aspect.SCHEDULE, each.name, each.region)})
            yield Gain(f"{_said(each)} now", f"{_said(each)} no longer", about)


def _key(schedule: Schedule) -> tuple[str, str, str]:
    return schedule.region, schedule.group, schedule.name


def _said(schedule: Schedule) -> str:
    when = f"{schedule.at} {schedule.between}".strip()
    return f"{schedule.title} starts {schedule.starts} as {schedule.role} at {when}"
