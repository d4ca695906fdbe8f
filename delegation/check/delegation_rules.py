"""What delegation asks of a runbook: operators pick no role, and hand over no text of their own."""

import re
from collections.abc import Mapping
from typing import Any

from delegation.check.findings import Findings, shown_value
from delegation.check.patterns import compiled, lets_anything_through
from delegation.files import Place

_ROLE_NAME = re.compile(r"(automation)?assumerole(arn)?", re.IGNORECASE)
_ROLE_TYPE = "AWS::IAM::Role::Arn"


def check_delegation(
    content: Mapping[str, Any],
    types: Mapping[str, str],
    free: Mapping[str, str],
    findings: Findings,
) -> None:
    """Notes what would let an operator choose the role, or hand over a text nobody expects.

    ``free`` are the parameters that the sidecar lets be free, each with its why.
    """
    if "assumeRole" in content:
        findings.add(
            "assume-role",
            ("assumeRole",),
            f"is {shown_value(content['assumeRole'])}",
            "remove the line: the deployment wires the service role of deployments.py",
            at_key=True,
        )
    for name, kind in types.items():
        field = content["parameters"][name]
        place = ("parameters", name)
        if kind == _ROLE_TYPE or _ROLE_NAME.fullmatch(name):
            findings.add(
                "role-parameter",
                place,
                "lets whoever starts the runbook pick a role",
                "remove it: the service role of deployments.py runs the runbook",
                at_key=True,
            )
        elif name not in free and kind in ("String", "StringList"):
            _check_constrained(field, place, findings)


def _check_constrained(field: Mapping[str, Any], place: Place, findings: Findings) -> None:
    pattern, remedy = field.get("allowedPattern"), _CONSTRAIN
    if field.get("allowedValues"):
        return
    if pattern is None:
        found = f"takes any text, as a {field['type']} without allowedPattern or allowedValues"
    elif isinstance(pattern, str) and _compiles(pattern) and lets_anything_through(pattern):
        found, remedy = f"takes any text through {shown_value(pattern)}", _ANCHOR
    else:
        return
    findings.add("free-text", place, found, remedy, at_key=True)


_CONSTRAIN = (
    "constrain it, give it a typed id as AWS::EC2::Instance::Id, or say why it is free under "
    "freeParameters in the .delegation.yaml beside the document"
)
_ANCHOR = "anchor the pattern with ^ and $ and spell out what may stand between"


def _compiles(pattern: str) -> bool:
    try:
        compiled(pattern)
    except re.error:
        return False
    return True
