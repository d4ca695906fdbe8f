"""Escalation paths: from what one was given to more, and to whom they are open."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import combinations
from pathlib import Path

from review.access.evaluation import SOMEBODY_ELSES_RUNBOOK, Evaluator
from review.access.grants import Access, Grant
from review.iam.names import ASSUME_ROLE, PASS_ROLE, PASSED_TO, START, WRITES
from review.iam.patterns import is_pattern, overlap

_DATA = Path(__file__).resolve().parent / "data" / "escalation_paths.json"
_ON_RUNBOOKS = {START, *WRITES}
"""What leads to the role that a runbook embeds: starting it, or writing what others start."""


class Reach(StrEnum):
    """How far a path leads."""

    OPEN = "open"
    """To power that these templates do not bound."""
    BOUNDED = "as far as"
    """To the rights of roles that these templates make, and no further."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalationPath:
    """A way to more power: anyone who can do all of these."""

    id: str
    name: str
    permissions: tuple[str, ...]
    passes: str | None
    """The service that a role is passed to."""
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPath:
    """A path that somebody can go, alone or two together."""

    path: EscalationPath
    who: tuple[str, ...]
    """Titles: one, or two who would have to act together."""
    reach: Reach
    leads_to: tuple[str, ...]
    """Names of roles where bounded, else resources."""


@cache
def escalation_paths() -> tuple[EscalationPath, ...]:
    """The public list's paths, and those of Systems Manager that no list has."""
    data = json.loads(_DATA.read_text("utf-8"))
    return tuple(
        EscalationPath(
            id=path["id"],
            name=path["name"],
            permissions=tuple(path["permissions"]),
            passes=path.get("passes"),
            source=path["source"],
        )
        for path in (*data["paths"], *data["further"])
    )


def attribution() -> str:
    """Whom the public list is owed to."""
    return str(json.loads(_DATA.read_text("utf-8"))["attribution"])


def open_paths(evaluator: Evaluator) -> Iterator[OpenPath]:
    """The paths that are open to anybody, or to two people together and to neither alone."""
    accesses = evaluator.accesses
    for path in escalation_paths():
        alone = [access for access in accesses if _is_open(path, (access,))]
        for access in alone:
            yield _opening(evaluator, path, (access,))
        rest = [access for access in accesses if access not in alone]
        for pair in combinations(rest, 2):
            if _is_open(path, pair):
                yield _opening(evaluator, path, pair)


def _is_open(path: EscalationPath, accesses: Iterable[Access]) -> bool:
    together = tuple(accesses)
    return all(_grants(path, permission, together) for permission in path.permissions)


def _grants(path: EscalationPath, permission: str, accesses: Iterable[Access]) -> list[Grant]:
    """What grants a permission; a role that may be passed to other services only does not."""
    return [
        grant
        for access in accesses
        for grant in access.on(permission)
        if permission != PASS_ROLE or _may_pass_to(grant, path.passes)
    ]


def _may_pass_to(grant: Grant, service: str | None) -> bool:
    """Whether a role may be passed to a service: only what spells out other services says no."""
    named = [c for c in grant.conditions if c.startswith(f"{PASSED_TO} StringEquals ")]
    services = [c.removeprefix(f"{PASSED_TO} StringEquals ").split(", ") for c in named]
    return service is None or all(service in listed for listed in services)


def _opening(evaluator: Evaluator, path: EscalationPath, accesses: tuple[Access, ...]) -> OpenPath:
    grants = [g for permission in path.permissions for g in _grants(path, permission, accesses)]
    roles = [name for grant in grants if (name := _role_led_to(evaluator, grant)) is not None]
    unbounded = [grant for grant in grants if _is_unbounded(evaluator, path, grant)]
    bounded = bool(roles) and not unbounded
    leads = roles if bounded else [grant.resource for grant in unbounded or grants]
    return OpenPath(
        path=path,
        who=tuple(access.principal.title for access in accesses),
        reach=Reach.BOUNDED if bounded else Reach.OPEN,
        leads_to=tuple(dict.fromkeys(leads)),
    )


def _role_led_to(evaluator: Evaluator, grant: Grant) -> str | None:
    """The role whose rights a grant leads to, if these templates make it."""
    if grant.action in _ON_RUNBOOKS:
        for runbook in evaluator.account.runbooks:
            if grant.resource in runbook.arns and runbook.role:
                return runbook.role.rsplit("/", 1)[-1]
    if grant.action in (PASS_ROLE, ASSUME_ROLE):
        role = evaluator.account.by_arn(grant.resource)
        return role.name if role else None
    for text in grant.conditions:
        if text.startswith("cloudformation:RoleArn ArnEquals "):
            return text.rsplit("/", 1)[-1]
    return None


def _is_unbounded(evaluator: Evaluator, path: EscalationPath, grant: Grant) -> bool:
    """Whether a grant leads to power that the templates do not bound.

    Steps on the way (``ExecuteChangeSet``, ``CreateDocument``) lead nowhere by themselves where
    another permission of the path names the role.
    """
    if grant.action in _ON_RUNBOOKS:
        foreign = f"arn:*:ssm:*:*:document/{SOMEBODY_ELSES_RUNBOOK}"
        return overlap(grant.resource, foreign)
    if grant.action in (PASS_ROLE, ASSUME_ROLE):
        return is_pattern(grant.resource) or evaluator.account.by_arn(grant.resource) is None
    return not {PASS_ROLE, ASSUME_ROLE, *_ON_RUNBOOKS} & set(path.permissions) and (
        _role_led_to(evaluator, grant) is None and not _is_of_change_set(grant)
    )


def _is_of_change_set(grant: Grant) -> bool:
    """Whether it executes a change set, which names its role when it is made."""
    return grant.action == "cloudformation:ExecuteChangeSet"
