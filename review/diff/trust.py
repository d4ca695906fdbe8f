"""What a change does to trust: who may assume a role, and do what else with it."""

from collections.abc import Iterable, Iterator

from review.access.grants import Access
from review.diff.gains import provided
from review.iam.conditions import conditions_as_text
from review.iam.names import ASSUME_ROLE
from review.iam.statements import Statement
from review.model.account import Principal


def trust_gained(
    old: Access | None, role: Principal, accesses: Iterable[Access]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Who may assume a role now, whom each sentence is about first; those of the account's model
    are reported by their grants."""
    known = {access.principal.arn for access in accesses}
    was = old.principal if old else None
    had = [t for s in _trusting(was, allows=True) for t in _trusted(s)]
    for statement in _trusting(role, allows=True):
        for who, action, conditions in _trusted(statement):
            by_grant = who[1] in known and action == ASSUME_ROLE
            alike = [held for w, a, held in had if (w, a) == (who, action)]
            if by_grant or any(held <= conditions for held in alike):
                continue
            does = "assume" if action == ASSUME_ROLE else f"{action} on"
            reported = f"{does} {role.name}{provided(sorted(conditions)) or ' without condition'}"
            within = [provided(sorted(held)) for held in alike if held > conditions]
            lost = f"{who[1]} may no longer {reported}"
            if within:
                lost = f"{who[1]} may {does} {role.name} no longer but{', '.join(within)}"
            yield who[1:], f"{who[1]} may now {reported}", lost
    denied = list(_trusting(role, allows=False))
    for statement in _trusting(was, allows=False):
        if statement not in denied:
            names = tuple(value for _, value in statement.principals)
            reported = f"denies {', '.join(names)} {', '.join(statement.actions)}"
            reported += provided(conditions_as_text(statement))
            yield (
                names,
                f"the trust of {role.name} no longer {reported}",
                f"the trust of {role.name} now {reported}",
            )


def _trusting(role: Principal | None, *, allows: bool) -> Iterator[Statement]:
    if role is not None and role.trust is not None:
        yield from (s for s in role.trust.statements if s.allows == allows)


def _trusted(statement: Statement) -> Iterator[tuple[tuple[str, str], str, set[str]]]:
    """Whom a statement lets in, by kind and name, to do what, under which conditions."""
    for principal in statement.principals:
        for action in statement.actions:
            does = f"anything but {action}" if statement.but_actions else action
            yield principal, does, set(conditions_as_text(statement))
