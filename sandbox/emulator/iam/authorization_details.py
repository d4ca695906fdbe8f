"""``GetAccountAuthorizationDetails`` with permissions boundaries, which the emulator leaves out."""

import re
from typing import Any

from ministack.services import iam

OPERATION = "GetAccountAuthorizationDetails"
_original = iam._IAM_HANDLERS[OPERATION]
_RECORDS = {"User": iam._users, "Role": iam._roles}
_NAMED = re.compile(r"<(User|Role)Name>([^<]+)</\1Name>")


def details_with_boundaries(parameters: Any) -> Any:
    """The answer, each user and role with its boundary where it has one."""
    status, headers, body = _original(parameters)
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, _NAMED.sub(_with_boundary, text).encode()


def _with_boundary(match: re.Match[str]) -> str:
    boundary = (_RECORDS[match[1]].get(match[2]) or {}).get("PermissionsBoundary")
    if not boundary:
        return match[0]
    return (
        f"{match[0]}<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
        f"<PermissionsBoundaryArn>{boundary}</PermissionsBoundaryArn></PermissionsBoundary>"
    )
