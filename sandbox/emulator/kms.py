"""Keys of KMS that AWS does not rotate, and the emulator does.

Source: KMS API Reference, EnableKeyRotation.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import kms

from sandbox.emulator.call import Response

_emulated = kms._reject_rotation_for_hmac


def refused_rotation(key: Mapping[str, Any], operation: str) -> Response | None:
    """The refusal to switch the rotation of a key that is none of symmetric encryption."""
    refused: Response | None = _emulated(key, operation)
    if refused is None and key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        refused = error_response_json(
            "UnsupportedOperationException", f"{operation} is not supported for {key['Arn']}.", 400
        )
    return refused
