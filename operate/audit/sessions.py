"""Whether Automation opened the session that a call was made with.

The name of a session proves nothing: anyone who can assume a role chooses it. What proves it is the
``AssumeRole`` event of the service itself, and the access key id that it gave out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from operate.audit.records import Call

OpenedBetween = Callable[[datetime, datetime], Iterable[Call]]
"""The calls that opened sessions of roles between two times, in any Region."""

_ROUNDING = timedelta(seconds=1)
"""How far a session's creation may be from the event that opened it: both have whole seconds."""
_AROUND = timedelta(seconds=5)
"""How far around a session's creation other Regions are asked."""


def session_fault(
    call: Call,
    openings: Sequence[Call],
    window: tuple[datetime, datetime],
    opened_between: OpenedBetween,
) -> str:
    """Why a call under an execution's id was not made with Automation's session; empty if it was.

    ``openings``: who opened sessions of this id, as far as this Region's event history shows;
    ``window``: when the execution began, before which nobody could know its id, and its end.
    """
    known = [opening for opening in openings if _may_have_opened(opening, call)]
    if opener := _by_key(call, known):
        return _fault_of(opener)
    if call.is_through_aws:
        return _indirect_fault(call, [*known, *_other(call, opened_between(*window))])
    created = call.session_created
    if created is None:
        return "the event does not say when the session was opened"
    elsewhere = _other(call, opened_between(created - _AROUND, created + _AROUND))
    if opener := _by_key(call, elsewhere):
        return _fault_of(opener)
    same_time = [
        opening
        for opening in (*known, *elsewhere)
        if abs(opening.time - created) <= _ROUNDING and not (call.access_key and opening.opened_key)
    ]
    for opening in same_time:
        if fault := _fault_of(opening):
            return fault
    return "" if same_time else "no AssumeRole of Automation opened the session"


def _indirect_fault(call: Call, openings: Sequence[Call]) -> str:
    """A service signs with a key of its own for the session that it acts for: the session's name
    is all there is, and proves something only where nobody else took it."""
    if opener := _by_key(call, openings):
        return _fault_of(opener)
    for opening in openings:
        if fault := _fault_of(opening):
            return fault
    return "" if openings else "Automation opened no session of this name"


def _may_have_opened(opening: Call, call: Call) -> bool:
    return (opening.opened_role, opening.opened_session) == (call.role, call.session)


def _other(call: Call, openings: Iterable[Call]) -> list[Call]:
    return [o for o in openings if not o.error and _may_have_opened(o, call)]


def _by_key(call: Call, openings: Iterable[Call]) -> Call | None:
    matching = (o for o in openings if call.access_key and o.opened_key == call.access_key)
    return next(matching, None)


def _fault_of(opening: Call) -> str:
    if opening.is_by_automation_itself:
        return ""
    return f"{opening.caller} opened a session of this name in {opening.region}"
