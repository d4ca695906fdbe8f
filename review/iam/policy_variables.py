"""Policy variables: what a statement comes to for one principal.

IAM fills in variables when a request is made. The review fills in what it knows of a principal. For
what it does not know, it takes the value that gives the principal more: in an Allow a variable may
be anything, in a Deny it matches nothing.
Source: IAM User Guide, IAM policy elements: Variables and tags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from review.errors import ReviewError
from review.iam.statements import Statement

_VARIABLE = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_START = "${"
_LITERALS = {"*", "?", "$"}
"""``${*}`` stands for the character itself."""
_COLONS = 5
"""IAM fills in variables after the fifth colon of an ARN, where the resource stands."""


_USER_ID = "aws:userid"
"""Everybody has an id of their own, which no template shows. A condition of an Allow keeps the
variable: the engine fills it in where a request says whose id it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """What is known of a principal's variables; names in lower case, as IAM compares them."""

    known: Mapping[str, str]
    absent: frozenset[str]
    """Variables that the principal surely has no value for."""

    def fill(self, text: str, *, widest: bool, keeps_id: bool = False) -> str | None:
        """A string with its variables replaced; None where it matches nothing.

        An unknown value is ``*`` where the text is to match as much as it may, else nothing.
        """
        parts, end = [], 0
        for match in _VARIABLE.finditer(text):
            is_kept = keeps_id and match[1].lower() == _USER_ID
            value = match[0] if is_kept else self._value(match, widest=widest)
            if value is None:
                return None
            parts += [text[end : match.start()], value]
            end = match.end()
        if _START in text[end:]:
            raise ReviewError(f"{text!r} has a policy variable without an end")
        return "".join((*parts, text[end:]))

    def _value(self, match: re.Match[str], *, widest: bool) -> str | None:
        name, default = match.groups()
        if name in _LITERALS:
            return name if name == "$" or widest else None
        if name.lower() in self.known:
            return self.known[name.lower()]
        if name.lower() in self.absent:
            return default
        return "*" if widest else None


def filled(statement: Statement, values: Values) -> Statement | None:
    """The statement for a principal, without any variable; None where it applies to nothing.

    Raises ReviewError for a variable where IAM fills in none.
    """
    if not any(_START in text for text in _texts(statement)):
        return statement
    widest = statement.allows != statement.but_resources
    resources = [_resource(statement, text, values, widest) for text in statement.resources]
    conditions = []
    for operator, key, texts in statement.conditions:
        compared = [values.fill(text, widest=False, keeps_id=statement.allows) for text in texts]
        if None not in compared:
            conditions.append((operator, key, tuple(text for text in compared if text is not None)))
        elif not statement.allows:
            return None  # a condition that is not known to hold denies nothing
    matching = tuple(resource for resource in resources if resource is not None)
    if statement.resources and not matching and not statement.but_resources:
        return None
    if statement.but_resources and "*" in matching:
        return None
    everything = statement.but_resources and not matching
    return replace(
        statement,
        resources=("*",) if everything else matching,
        but_resources=statement.but_resources and not everything,
        conditions=tuple(conditions),
    )


def _resource(statement: Statement, text: str, values: Values, widest: bool) -> str | None:
    head, found, tail = _split(text)
    if _START in head:
        raise ReviewError(
            f"statement {statement.sid}: {text!r} has a policy variable where IAM fills in none; "
            f"it does so after the fifth colon"
        )
    filled_tail = values.fill(tail, widest=widest)
    return None if filled_tail is None else f"{head}{found}{filled_tail}"


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the fifth colon, the colon, and what stands after it."""
    parts = text.split(":", _COLONS)
    if len(parts) <= _COLONS:
        return text, "", ""
    return ":".join(parts[:_COLONS]), ":", parts[_COLONS]


def _texts(statement: Statement) -> tuple[str, ...]:
    compared = [text for _, _, texts in statement.conditions for text in texts]
    return (*statement.resources, *compared)
