"""What delegation asks of a runbook: operators pick no role, and hand over no text of their own."""

import re
from collections.abc import Mapping
from typing import Any

from delegation.files import Location
from delegation.runbooks.checks.findings import Findings, shown_value
from delegation.runbooks.checks.patterns import compiled, lets_anything_through
from delegation.runbooks.checks.references import references_in
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import named_steps

_ROLE_NAME = re.compile(r"(automation)?assumerole(arn)?", re.IGNORECASE)
_ROLE_TYPES = ("AWS::IAM::Role::Arn", "List<AWS::IAM::Role::Arn>")
_ROLE_INPUT = re.compile(r"assumerole|role_?arn$|iaminstanceprofile", re.IGNORECASE)
_FREE_KINDS = ("String", "StringList", "StringMap", "MapList")


def check_delegation(
    content: Mapping[str, Any],
    types: Mapping[str, str],
    free: Mapping[str, str],
    findings: Findings,
) -> None:
    """Notes what would let an operator choose the role, or hand over a string nobody expects.

    ``free`` are the parameters that the sidecar lets be free, each with its why.
    """
    if "assumeRole" in content:
        findings.add(
            Rule.ASSUME_ROLE,
            ("assumeRole",),
            f"is {shown_value(content['assumeRole'])}",
            "remove the line: the deployment wires the service role of deployments.py",
            at_key=True,
        )
    parameters = content.get("parameters")
    chosen = _named_where_a_role_is_wanted(content)
    for key, field in (parameters if isinstance(parameters, dict) else {}).items():
        name, location = str(key), ("parameters", str(key))
        kind = types.get(name, "Any")
        if not isinstance(field, dict):
            continue
        if is_role_parameter(name, types):
            findings.add(Rule.ROLE_PARAMETER, location, _PICKS, _REMOVE, at_key=True)
        elif name in free:
            continue
        elif name in chosen or ":role/" in f"{field.get('allowedPattern')}":
            findings.add(Rule.ROLE_PARAMETER, location, _PICKS, _JUSTIFY, at_key=True)
        elif kind in _FREE_KINDS:
            _check_constrained(field, location, findings)


def is_role_parameter(name: str, types: Mapping[str, str]) -> bool:
    """Whether a parameter is there to pick a role, by its type or name."""
    return types.get(name) in _ROLE_TYPES or _ROLE_NAME.fullmatch(name) is not None


_PICKS = "lets anyone who starts the runbook pick a role"
_REMOVE = "remove it: the service role of deployments.py runs the runbook"
_JUSTIFY = (
    "remove it, or say under freeParameters in the .delegation.yaml beside the document why the "
    "operator may pick it"
)


def _named_where_a_role_is_wanted(content: Mapping[str, Any]) -> set[str]:
    """The parameters that stand where an input, however deep, names a role."""
    return {
        reference.name
        for step in named_steps(content)
        for reference in references_in(dict(step.inputs), step.location)
        if any(
            isinstance(part, str) and _ROLE_INPUT.search(part) for part in reference.location[2:]
        )
    }


def _check_constrained(field: Mapping[str, Any], location: Location, findings: Findings) -> None:
    pattern, remedy = field.get("allowedPattern"), _CONSTRAIN
    if field.get("allowedValues"):
        return
    if pattern is None:
        found = f"takes any text, as a {field['type']} without allowedPattern or allowedValues"
    elif field.get("type") in ("StringMap", "MapList"):
        found = f"takes any text, as a {field['type']}, whose pattern SSM does not ask"
    elif isinstance(pattern, str) and _compiles(pattern) and lets_anything_through(pattern):
        found, remedy = f"takes any text through {shown_value(pattern)}", _ANCHOR
    else:
        return
    findings.add(Rule.FREE_TEXT, location, found, remedy, at_key=True)


_CONSTRAIN = (
    "constrain it, give it a typed id as AWS::EC2::Instance::Id, or say why it is free under "
    "freeParameters in the .delegation.yaml beside the document"
)
_ANCHOR = "anchor the pattern with ^ and $ and spell out what may stand between"


def is_constrained(field: Mapping[str, Any]) -> bool:
    """Whether a parameter takes nothing unexpected by itself, so that no sidecar need free it."""
    kind, pattern = field.get("type"), field.get("allowedPattern")
    if ":role/" in str(pattern) or kind not in ("String", "StringList"):
        return bool(field.get("allowedValues")) or kind not in (*_FREE_KINDS, None)
    is_narrow = isinstance(pattern, str) and _compiles(pattern)
    return bool(field.get("allowedValues")) or (
        is_narrow and not lets_anything_through(str(pattern))
    )


def _compiles(pattern: str) -> bool:
    try:
        compiled(pattern)
    except re.error:
        return False
    return True
