"""Policies that this project did not write, as far as they decide about the questions.

A statement that cannot be read is never taken to give less: of an Allow that may speak of what is
asked it is said that it was not understood, a Deny is ignored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from account.live_iam import Identity, LiveIam
from review.errors import ReviewError
from review.iam.managed_policies import aws_managed_policy
from review.iam.patterns import covers
from review.iam.policy_variables import Values, filled
from review.iam.statements import Statement, read_policy, rendered_policy

_VERSION = "2012-10-17"
_OLD = "2008-10-17"
"""The version of a policy that names none; a policy variable is plain text in it.
Source: IAM User Guide, IAM JSON policy elements: Version."""
_VARIABLE = "${"
_OPTIONAL = ("Sid", "Condition")
"""Parts of a statement that may be empty, and say nothing then."""


@dataclass(frozen=True, slots=True)
class Held:
    """The statements that decide about a principal's requests."""

    identity: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None
    not_understood: tuple[str, ...]
    """Allows that may speak of what is asked, each with why it was not read."""


def held_by(
    identity: Identity, live: LiveIam, own: frozenset[str], actions: tuple[str, ...]
) -> Held:
    """What a user or role holds by itself and its groups that speaks of these actions. Of policies
    of this deployment (``own``) it is what they deny: who holds one and should not is a finding of
    its own."""
    reader = Reader(_values(identity), actions)
    statements: list[Statement] = []
    groups = (live.identities.get(("group", group)) for group in identity.groups)
    for holder in (identity, *filter(None, groups)):
        for name, document in holder.inline.items():
            statements += reader.read(f"{holder.title}, {name}", document)
        for arn in sorted(holder.attached):
            read = reader.read(arn, _document(arn, live))
            statements += [each for each in read if arn not in own or not each.allows]
    bounds = None
    if identity.boundary is not None:
        bounds = tuple(reader.read(identity.boundary, _document(identity.boundary, live)))
    return Held(tuple(statements), bounds, tuple(reader.not_understood))


def _values(identity: Identity) -> Values:
    """The policy variables of a principal. Source: IAM User Guide, Where you can use policy
    variables."""
    if identity.kind == "user":
        return Values(known={"aws:username": identity.name}, absent=frozenset())
    return Values(known={}, absent=frozenset({"aws:username"}))


def _document(arn: str, live: LiveIam) -> Any:
    """A managed policy; the reason where it is not known."""
    if arn in live.policies:
        return live.policies[arn].document
    try:
        return rendered_policy(aws_managed_policy(arn).statements)
    except ReviewError as error:
        return str(error)


class Reader:
    """Reads policies for one principal and some actions."""

    def __init__(self, values: Values, actions: tuple[str, ...]) -> None:
        self._values = values
        self._actions = actions
        self.not_understood: list[str] = []
        """Allows that may speak of the actions, each with why it was not read."""

    def read(self, name: str, document: Any) -> Iterable[Statement]:
        """The statements of a policy that speak of the actions, without policy variables."""
        if isinstance(document, str):
            self.not_understood.append(document)  # why its text is not known
            return
        is_policy = isinstance(document, Mapping) and "Statement" in document
        version = document.get("Version", _OLD) if is_policy else None
        if version not in (_VERSION, _OLD):
            self.not_understood.append(f"{name}: it is no policy document that IAM takes")
            return
        statements = document["Statement"]
        for each in statements if isinstance(statements, list) else [statements]:
            if _speaks_of(each, self._actions):
                found = self._statement(name, each, is_old=version == _OLD)
                if found is not None:
                    yield found

    def _statement(self, name: str, statement: Any, *, is_old: bool) -> Statement | None:
        allows = not isinstance(statement, Mapping) or statement.get("Effect") != "Deny"
        if is_old and not allows and _VARIABLE in str(statement):
            return None  # it denies what has this very name, which nothing has
        try:
            return filled(_statement(name, statement), self._values)
        except ReviewError as error:
            why = str(error)
        except (AttributeError, KeyError, TypeError, ValueError):
            why = f"{name}: it is no statement"
        if allows:
            self.not_understood.append(why)
        return None


def _statement(name: str, statement: Any) -> Statement:
    if isinstance(statement, Mapping):
        statement = {k: v for k, v in statement.items() if v or k not in _OPTIONAL}
    (found,) = read_policy(name, {"Version": _VERSION, "Statement": [statement]}).statements
    return found


def _speaks_of(statement: Any, actions: tuple[str, ...]) -> bool:
    """Whether a statement may be about any of the actions."""
    if not isinstance(statement, Mapping):
        return True
    but = "NotAction" in statement
    named = statement.get("NotAction" if but else "Action")
    patterns = [named] if isinstance(named, str) else named
    if not isinstance(patterns, list) or not all(isinstance(each, str) for each in patterns):
        return True
    return _any_covered(tuple(patterns), actions, but=but)


@cache
def _any_covered(patterns: tuple[str, ...], actions: tuple[str, ...], *, but: bool) -> bool:
    """Whether a pattern stands for one of the actions, or none does for one of them."""
    return any(
        any(covers(pattern.lower(), action.lower()) for pattern in patterns) != but
        for action in actions
    )
