"""``aws:CalledVia`` and ``aws:ViaAWSService`` of calls that Automation makes as its caller.

Source: IAM User Guide, AWS global condition context keys.
"""

from typing import Any

from ministack.core import iam_evaluator

from sandbox.ssm.automation.clients import made_as_caller

_principal_keys = iam_evaluator._principal_keys


def principal_keys_with_service(credential: Any) -> dict[str, Any]:
    """What describes a caller, with the keys of a call that Automation makes for them."""
    keys: dict[str, Any] = _principal_keys(credential)
    if made_as_caller(credential.access_key_id):
        keys["aws:calledvia"] = ["ssm.amazonaws.com"]
        keys["aws:viaawsservice"] = "true"
    return keys
