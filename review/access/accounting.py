"""The account of every Allow: each becomes a grant, or something that is named cuts it.

What a principal can do is found by the engine, with patterns of its own
(`review.access.effective_access`). This module checks that nothing was
lost on the way, and shares neither engine nor patterns with it: it makes a request that a statement
allows, and looks for the grant or the cut that stands for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from review.access.grants import Access, Cut
from review.errors import ReviewError
from review.iam.actions import Action, Actions
from review.iam.statements import Statement
from review.model.account import Principal

_ALL = "*"
_SEGMENTS = 6
"""Parts of an ARN, divided by its first five colons."""


def require_accounted(access: Access, actions: Actions) -> tuple[Cut, ...]:
    """The cuts of a principal's access, those by its boundary included.

    Raises ReviewError for an action and resource that a statement allows, that nothing cuts, and
    that no grant stands for.
    """
    principal, boundary = access.principal, access.principal.boundary
    denies = [s for s in principal.filled(_statements(principal)) if not s.allows]
    bounds = [s for s in principal.filled(boundary.statements) if s.allows] if boundary else []
    found = list(access.cuts)
    for policy in principal.policies:
        for written in policy.statements:
            for statement in principal.filled([written]):
                if not statement.allows:
                    continue
                label = f"{policy.name}/{statement.sid}"
                for action, resource in _allowed(statement, actions):
                    if _is_accounted(access, statement, action, resource, bounds, denies, label):
                        continue
                    assert boundary is not None
                    found.append(
                        Cut(
                            action=action.name,
                            resource=resource,
                            by=(label,),
                            cut_by=boundary.name,
                        )
                    )
    return tuple(sorted(set(found)))


def _statements(principal: Principal) -> Iterator[Statement]:
    for policy in principal.held:
        yield from policy.statements


def _allowed(statement: Statement, actions: Actions) -> Iterator[tuple[Action, str]]:
    """Each action that a statement names, with each of its resources."""
    resources = (_ALL,) if statement.but_resources else statement.resources
    patterns = tuple(pattern.lower() for pattern in statement.actions)
    for action in _named(patterns, statement.but_actions, actions):
        for resource in resources:
            yield action, resource


@lru_cache(maxsize=64)
def _named(patterns: tuple[str, ...], but: bool, actions: Actions) -> list[Action]:
    if not but and not any("*" in each or "?" in each for each in patterns):
        return [action for action in map(actions.get, patterns) if action is not None]
    return [
        action
        for action in actions
        if any(matches(pattern, action.name.lower()) for pattern in patterns) != but
    ]


def _is_accounted(
    access: Access,
    statement: Statement,
    action: Action,
    resource: str,
    bounds: Sequence[Statement],
    denies: Sequence[Statement],
    label: str,
) -> bool:
    """Whether grants or cuts stand for what is allowed; False where the boundary leaves nothing."""
    kinds = (_ALL,) if action.takes_no_resource else action.arns
    is_spelled = action.name.lower() in (each.lower() for each in statement.actions)
    excepted = statement.resources if statement.but_resources else ()
    is_left = access.principal.boundary is None
    for bound, but in _within(access.principal, bounds, action):
        requests = [_request(resource, *bound, kind=kind) for kind in kinds]
        if action.takes_no_resource:
            requests = [_ALL] if {resource, *bound} == {_ALL} else []
        if not any(requests) and is_spelled and not statement.but_actions:
            # A kind of resource that the data does not list for the action.
            requests = [_request(resource, *bound)]
        for request in requests:
            if request is None or _is_among((*excepted, *but), request):
                continue
            if not _stands_for(access, action, request) and not _is_denied(denies, action, request):
                raise ReviewError(
                    f"{access.principal.name}: {label} allows {action.name} on {request}, nothing "
                    f"cuts it, and the review shows no grant of it"
                )
        shared = _request(resource, *bound)
        is_left |= shared is not None and not _is_among(but, shared)
    return is_left


def _within(
    principal: Principal, bounds: Sequence[Statement], action: Action
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each resource that the boundary leaves for an action, with its exceptions; nothing narrower
    than all where there is no boundary."""
    if principal.boundary is None:
        yield (), ()
    for each in bounds:
        if _speaks_of(each, action):
            if each.but_resources:
                yield (_ALL,), each.resources
            else:
                yield from (((resource,), ()) for resource in each.resources)


def _speaks_of(statement: Statement, action: Action) -> bool:
    name = action.name.lower()
    return any(matches(p.lower(), name) for p in statement.actions) != statement.but_actions


def _stands_for(access: Access, action: Action, request: str) -> bool:
    return any(_is_on(grant.resource, request) for grant in access.on(action.name)) or any(
        cut.action == action.name and _is_on(cut.resource, request) for cut in access.cuts
    )


def _is_denied(denies: Iterable[Statement], action: Action, request: str) -> bool:
    return any(
        not deny.conditions
        and _speaks_of(deny, action)
        and (
            not _is_among(deny.resources, request)
            if deny.but_resources
            else any(_is_surely_on(resource, request) for resource in deny.resources)
        )
        for deny in denies
    )


def _is_among(resources: Iterable[str], request: str) -> bool:
    return any(_is_on(resource, request) for resource in resources)


def _is_on(resource: str, request: str) -> bool:
    return resource in (_ALL, request) or matches(resource, request)


def _is_surely_on(resource: str, request: str) -> bool:
    """The same, part by part of an ARN: a star need not go beyond a colon."""
    parts, others = (each.split(":", _SEGMENTS - 1) for each in (resource, request))
    if resource == _ALL or len(parts) != len(others):
        return _is_on(resource, request)
    return all(map(matches, parts, others))


def _request(*resources: str, kind: str = _ALL) -> str | None:
    """A resource of a kind that all of the patterns stand for; None if there is none.

    ARNs are compared part by part, then with stars that go beyond colons: they may, at the end of a
    part. Source: IAM User Guide, IAM JSON policy elements: Resource.
    """
    narrow = [resource for resource in (*resources, kind) if resource != _ALL]
    if not narrow:
        return _ALL
    parts = [resource.split(":", _SEGMENTS - 1) for resource in narrow]
    if any(len(each) != _SEGMENTS for each in parts):
        return meeting(*narrow)
    shared = [meeting(*each) for each in zip(*parts, strict=True)]
    if None not in shared:
        return ":".join(part for part in shared if part is not None)
    if not any(part.endswith("*") for each in parts for part in each[:-1]):
        return None
    beyond = meeting(*narrow)
    return beyond if beyond is not None and _is_surely_on(kind, beyond) else None


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` stands for a string."""
    at, read, star, resumed = 0, 0, -1, 0
    while read < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resumed = at, read
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[read]):
            at += 1
            read += 1
        elif star >= 0:
            resumed += 1
            at, read = star + 1, resumed
        else:
            return False
    return all(character == "*" for character in pattern[at:])


@lru_cache(maxsize=4096)
def meeting(*patterns: str) -> str | None:
    """A shortest text that all patterns stand for; None where there is none."""
    if len(set(patterns)) == 1 and not {"*", "?"} & set(patterns[0]):
        return patterns[0]
    start = (0,) * len(patterns)
    reached: dict[tuple[int, ...], str] = {start: ""}
    waiting = [start]
    for state in waiting:
        left = [pattern[at:] for pattern, at in zip(patterns, state, strict=True)]
        if all(set(rest) <= {"*"} for rest in left):
            return reached[state]
        for character, following in _following(left, state):
            if following not in reached:
                reached[following] = reached[state] + character
                waiting.append(following)
    return None


def _following(left: Sequence[str], state: Sequence[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """One more character that all accept, each star used or passed by."""
    choices = []
    for rest, at in zip(left, state, strict=True):
        ahead = len(rest) - len(rest.lstrip("*"))
        options = [(rest[0], at)] if ahead else []  # the star takes the character
        if ahead < len(rest):
            options.append((rest[ahead], at + ahead + 1))
        choices.append(options)
    for option in product(*choices):
        spelled = {symbol for symbol, _ in option if symbol not in ("*", "?")}
        if len(spelled) <= 1:
            yield next(iter(spelled), "x"), tuple(at for _, at in option)
