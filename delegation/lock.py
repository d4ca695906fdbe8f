"""``permissions.lock.json``: what each service role may do, as the administrator accepted it.

An author who edits a runbook can so change what its steps need, but not what its role may do: a
synthesis with other needs than the accepted ones fails and prints the difference.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from delegation.deployment.deployment import Deployment
from delegation.deployment.limits import needs_by_runbook
from delegation.errors import DelegationError
from delegation.runbooks.runbook import Runbook
from delegation.user_files import lock_file

Accepted = dict[str, dict[str, dict[str, list[str]]]]
"""deployment -> service role -> ``action on resource`` -> the steps that need it. In the file an
entry is of several deployments where they need the same."""


def needed(
    deployment: Deployment, runbooks: Mapping[str, Runbook]
) -> dict[str, dict[str, list[str]]]:
    """What the service roles of a deployment need, as the lock file records it."""
    return {
        role.name: _by_grant(needs_by_runbook(role, runbooks)) for role in deployment.service_roles
    }


def check_accepted(needs: Accepted, file: Path | None = None) -> None:
    """Raises DelegationError that lists what is gained and lost, where needs are not accepted."""
    file = file or lock_file()
    changes = list(differences(_read(file), needs))
    if changes:
        raise DelegationError(
            f"{file.name} does not accept what the runbooks need:\n"
            + "\n".join(f"  {change}" for change in changes)
            + "\nthe administrator reviews this and runs: python -m delegation accept"
        )


def accept(needs: Accepted, file: Path | None = None, *, is_tried: bool = False) -> list[str]:
    """Records these needs as accepted, unless that is only tried; returns what changes, a line
    each."""
    file = file or lock_file()
    try:
        before = _read(file)
    except (
        DelegationError
    ):  # missing, or left unreadable by a merge: what is needed is written anew
        before = {}
    changes = list(differences(before, needs))
    if not is_tried:
        file.write_text(_written(needs), "utf-8")
    return changes


def differences(before: Accepted, after: Accepted) -> list[str]:
    """What ``after`` gains and loses against ``before``, a line for each grant."""
    lines = []
    for deployment, roles_before, roles_after in _alike(before, after):
        for role in sorted({*roles_before, *roles_after}):
            old, new = roles_before.get(role, {}), roles_after.get(role, {})
            where = f"{role} ({deployment})"
            for grant in sorted(new.keys() - old.keys()):
                lines.append(f"+ {where} gains {grant}, for {', '.join(new[grant])}")
            for grant in sorted(old.keys() - new.keys()):
                lines.append(f"- {where} loses {grant}, was for {', '.join(old[grant])}")
            for grant in sorted(new.keys() & old.keys()):
                if new[grant] != old[grant]:
                    lines.append(
                        f"~ {where} keeps {grant}, now for {', '.join(new[grant])}, "
                        f"was for {', '.join(old[grant])}"
                    )
            if (role in roles_before) != (role in roles_after) and not (old or new):
                sign, verb = ("+", "gains") if role in roles_after else ("-", "loses")
                lines.append(f"{sign} {where} {verb} no action")
    return lines


def _alike(
    before: Accepted, after: Accepted
) -> Iterator[tuple[str, Mapping[str, dict[str, list[str]]], Mapping[str, dict[str, list[str]]]]]:
    """What was and what is needed, once for the deployments that it is the same of."""
    texts = {
        label: json.dumps([before.get(label), after.get(label)])
        for label in sorted({*before, *after})
    }
    for labels in _grouped(texts).values():
        more = len(labels) - _SHOWN
        shown = ", ".join(labels[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield shown, before.get(labels[0], {}), after.get(labels[0], {})


_SHOWN = 3
_BETWEEN = ", "
"""Between the deployments of an entry of the file that is the same for several."""


def _written(needs: Accepted) -> str:
    """The text of the file: what is the same for several deployments stands there once."""
    texts = {label: json.dumps(roles, sort_keys=True) for label, roles in sorted(needs.items())}
    entries = {_BETWEEN.join(labels): needs[labels[0]] for labels in _grouped(texts).values()}
    return json.dumps(entries, indent=2, sort_keys=True) + "\n"


def _grouped(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The labels of the same text, by that text."""
    groups: dict[str, list[str]] = {}
    for label, text in texts.items():
        groups.setdefault(text, []).append(label)
    return groups


def _by_grant(needs: Any) -> dict[str, list[str]]:
    grants: dict[str, list[str]] = {}
    for runbook, need in needs:
        step = f"{runbook}/{need.step}"
        steps = grants.setdefault(need.grant, [])
        if step not in steps:
            steps.append(step)
    return grants


def _read(file: Path) -> Accepted:
    try:
        accepted = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise DelegationError(
            f"{file.name} does not exist; the administrator runs: python -m delegation accept"
        ) from None
    except ValueError as error:
        raise DelegationError(f"{file.name}: is not JSON: {error}; {_ANEW}") from None
    if not _is_accepted(accepted):
        raise DelegationError(f"{file.name}: is not what was accepted; {_ANEW}")
    return {label: roles for labels, roles in accepted.items() for label in labels.split(_BETWEEN)}


_ANEW = "the administrator writes it anew: python -m delegation accept"


def _is_accepted(value: Any) -> bool:
    """Whether a value has the form of the lock file at every level."""
    return isinstance(value, dict) and all(
        isinstance(roles, dict)
        and all(
            isinstance(grants, dict) and all(isinstance(steps, list) for steps in grants.values())
            for grants in roles.values()
        )
        for roles in value.values()
    )
