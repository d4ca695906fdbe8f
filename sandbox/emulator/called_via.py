"""``aws:CalledVia`` and ``aws:ViaAWSService`` of calls that Automation makes as its caller.

Source: IAM User Guide, AWS global condition context keys.
"""

from typing import Any

from ministack.core import iam_evaluator

from sandbox.automation.clients import made_as_caller

_principal_keys = iam_evaluator._principal_keys


def install() -> None:
    """Adds the keys to what describes the caller of such a call."""
    iam_evaluator._principal_keys = _principal_keys_with_service


def _principal_keys_with_service(credential: Any) -> dict[str, Any]:
    keys: dict[str, Any] = _principal_keys(credential)
    if made_as_caller(credential.access_key_id):
        keys["aws:calledvia"] = ["ssm.amazonaws.com"]
        keys["aws:viaawsservice"] = "true"
    return keys
