"""What a change of runbooks does: what those who start them get done, and what holds them back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from review.access_review import AccountReview
from review.diff.gains import Aspect, Gain
from review.model.account import Limit, LimitKind, Persona, Runbook
from review.model.runbook_documents import calls_of


def runbooks_gained(old: AccountReview | None, new: AccountReview) -> Iterator[Gain]:
    """What anybody gets done by a runbook now and did not before."""
    held = {access.principal.arn: access.allowed_actions for access in new.accesses}
    old_runbooks = {runbook.name: runbook for runbook in old.account.runbooks} if old else {}
    starters = [a.principal.name for a in new.accesses if a.principal.persona is Persona.OPERATOR]
    for runbook in new.account.runbooks:
        who = ", ".join(starters) or "anyone who starts it"
        was = old_runbooks.get(runbook.name)
        reported = list(_runbook_gained(was, runbook, who, held))
        if was and was.control_flow_digest != runbook.control_flow_digest:
            what = f"what {runbook.name} does, by the order, guards or outputs of its steps"
            reported.append((f"{who} gains {what}", f"{who} loses {what}"))
        for gained, lost in reported:
            yield Gain(gained, lost, frozenset({(Aspect.RUNBOOK, runbook.name, "")}))


def _runbook_gained(
    old: Runbook | None, new: Runbook, who: str, held: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """The gains by one runbook, each with the loss that it is from the other side."""
    had = _done(old, held) if old else set()
    gained = sorted(_done(new, held) - had)
    if gained:
        what = f"{', '.join(gained)} through {new.name}"
        yield f"{who} gains {what}", f"{who} loses {what}"
    known = {replace(call, step="") for call in old.calls} if old else set()
    for call in new.calls:
        if not call.inputs or replace(call, step="") in known or (call.is_known and not old):
            continue
        if call.is_known and set(call.actions) & set(gained):
            continue
        how = "by its inputs" if call.is_known else "which no template shows"
        what = f"what step {call.step} of {new.name} does, {how}"
        yield f"{who} gains {what}", f"{who} loses {what}"
    if new.role is None and (old is None or old.role is not None):
        own = f"the author gains by {new.name}: it runs with the caller's own permissions"
        yield own, f"{new.name} no longer runs with the caller's own permissions"
    elif old is not None and old.role != new.role:
        yield f"{new.name} now runs as {new.runs_as}", f"{new.name} no longer runs as {new.runs_as}"
    if old is None:
        return
    limits = {limit.what: limit for limit in new.limits}
    for limit in old.limits:
        becomes = limits.get(limit.what)
        if becomes is None or not is_as_tight(limit, becomes):
            now = becomes.value if becomes else "none"
            yield (
                f"{who} gains by {new.name}: {limit} becomes {now}",
                f"{new.name} holds {who} to more: {limit.what}: {now} becomes {limit.value}",
            )


def _done(runbook: Runbook, held: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The actions of a runbook's steps, those that depend on inputs if its role may do them."""
    of_role = held.get(runbook.role or "")
    return {
        action
        for call in runbook.calls
        for action in (*call.actions, *call.optional)
        if action in call.actions or of_role is None or action in of_role
    }


def more_done(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What a document's steps do to AWS and those of another one do not: actions, and steps whose
    inputs differ or cannot be evaluated. Of contents as Systems Manager has them."""
    before, after = (set(calls_of(content)) for content in (old, new))
    known = {replace(call, step="") for call in before}
    had = {action for call in before for action in (*call.actions, *call.optional)}
    gained = {action for call in after for action in (*call.actions, *call.optional)} - had
    steps = {
        f"step {call.step}"
        for call in after
        if call.inputs and replace(call, step="") not in known and not gained & {*call.actions}
    }
    return sorted(gained) + sorted(steps)


def is_as_tight(old: Limit, new: Limit) -> bool:
    """Whether a limit holds its starter to as much as before; what cannot be determined does
    not."""
    if new.is_avoidable and not old.is_avoidable:
        return False
    if old.value == new.value:
        return True
    try:
        before, after = json.loads(old.value), json.loads(new.value)
    except ValueError:  # of a lock file that somebody edited
        return False
    if old.kind is LimitKind.APPROVAL:
        return _is_approval_as_tight(before, after)
    if old.kind in (LimitKind.MAX_ITEMS, LimitKind.MAX_CHARS):
        return _is_at_least(before, after)
    if old.kind in (LimitKind.MIN_ITEMS, LimitKind.MIN_CHARS):
        return _is_at_least(after, before)
    if old.kind is LimitKind.TARGETS:
        return _is_scope_as_tight(before, after)
    if old.kind in (LimitKind.AT_ONCE, LimitKind.ERRORS):
        return _is_rate_as_tight(before, after)
    return old.kind is LimitKind.ALLOWED_VALUES and _is_within(after, before)


def _is_approval_as_tight(before: object, after: object) -> bool:
    """Whether as many of the same approvers, or of fewer, must approve."""
    return (
        isinstance(before, dict)
        and isinstance(after, dict)
        and before.keys() == after.keys() == {"of", "needed"}
        and _is_at_least(after["needed"], before["needed"])
        and _is_within(after["of"], before["of"])
    )


def _is_scope_as_tight(before: object, after: object) -> bool:
    """Whether the targets are by the same key with no other value, and all else is the same."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return False
    old, new = _one_target(before), _one_target(after)
    rest = ({k: v for k, v in each.items() if k != "Targets"} for each in (before, after))
    if old is None or new is None or old["Key"] != new["Key"]:
        return False
    return _is_within(new["Values"], old["Values"]) and next(rest) == next(rest)


def _one_target(scope: dict[str, Any]) -> dict[str, Any] | None:
    targets = scope.get("Targets")
    target = targets[0] if isinstance(targets, list) and len(targets) == 1 else None
    is_whole = isinstance(target, dict) and target.keys() == {"Key", "Values"}
    return target if is_whole else None


def _is_rate_as_tight(before: object, after: object) -> bool:
    """Whether a number, or a percentage, is no larger; one of each cannot be compared."""
    old, new = str(before), str(after)
    digits = old.removesuffix("%"), new.removesuffix("%")
    is_alike = old.endswith("%") == new.endswith("%") and all(map(str.isdecimal, digits))
    return is_alike and int(digits[1]) <= int(digits[0])


def _is_at_least(one: object, other: object) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one >= other


def _is_within(some: object, others: object) -> bool:
    return (
        isinstance(some, list)
        and isinstance(others, list)
        and set(map(str, some)) <= set(map(str, others))
    )
