"""The tags of a runbook's document: what a list of documents shows of it, without a call for each.

Source: SSM API Reference, ListDocuments (its answer has tags and no description) and Tag (a value
has at most 256 letters, digits, spaces or ``_.:/=+-@``).
"""

from collections.abc import Mapping
from typing import Any

SERVICE_ROLE = "ServiceRole"
DESCRIPTION = "Description"
TEAM = "OperatorTeam"
FLEET = "Fleet"
"""Of a document that is run for a target: the fleet that alone starts it."""
OWN_EXECUTIONS = "OwnExecutions"
"""Where operators follow their own executions alone: the value of the tag ``OperatorTeam`` with
which each execution of the runbook is started."""

INSTANCES = "OnlyInstancesTagged"
"""Where the role's boundary asks for a tag: ``Automation=allowed``."""

TOO_LONG = "too long for a tag"
"""In place of tags that have no room."""
_LONGEST = 256
_CUT = "=E2=80=A6"
"""An ellipsis, quoted."""


def document_tags(
    content: Mapping[str, Any],
    service_role: str,
    team: str = "",
    of_executions: str = "",
    fleet: str = "",
    instances: str = "",
) -> dict[str, str]:
    """The role that a runbook runs with, the team whose operators may run it, where it has a name,
    how its executions are tagged, where they are, the fleet that alone starts it, where it is for a
    target, the tag that instances must have, where they must, and its description, where it has
    one.

    The description is quoted-printable (RFC 2045), as a tag takes neither brackets nor quotes:
    ``Restart EC2 instances=28s=29``.
    """
    words = " ".join(str(content.get("description") or "").split())
    described = {DESCRIPTION: _quoted(words)} if words else {}
    of_team = {TEAM: team} if team else {}
    tagging = {OWN_EXECUTIONS: of_executions} if of_executions else {}
    of_fleet = {FLEET: fleet} if fleet else {}
    limit = {INSTANCES: instances if len(instances) <= _LONGEST else TOO_LONG} if instances else {}
    return {SERVICE_ROLE: service_role, **of_team, **tagging, **of_fleet, **limit, **described}


def _quoted(text: str) -> str:
    """The text in the characters of a tag, cut where it is too long."""
    quoted = [_quoted_character(character) for character in text]
    if sum(map(len, quoted)) <= _LONGEST:
        return "".join(quoted)
    kept, length = [], len(_CUT)
    for character in quoted:
        length += len(character)
        if length > _LONGEST:
            break
        kept.append(character)
    return "".join(kept).rstrip() + _CUT


def _quoted_character(character: str) -> str:
    if character.isascii() and (character.isalnum() or character in " _.:/+-@"):
        return character
    return "".join(f"={byte:02X}" for byte in character.encode())
