"""Calls of KMS, RDS and SQS that AWS answers otherwise than the emulator.

Source: KMS API Reference, EnableKeyRotation; RDS API Reference, CopyDBSnapshot, ModifyDBInstance;
SQS API Reference, SetQueueAttributes.
"""

import threading
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import kms, rds, sqs

from sandbox.emulator.call import Response

_emulated_rotation = kms._reject_rotation_for_hmac
_emulated_modification = rds._ACTION_MAP["ModifyDBInstance"]
_emulated_attributes = sqs._HANDLERS["SetQueueAttributes"]


def refused_rotation(key: Mapping[str, Any], operation: str) -> Response | None:
    """The refusal to switch the rotation of a key that is none of symmetric encryption."""
    refused: Response | None = _emulated_rotation(key, operation)
    if refused is None and key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        refused = error_response_json(
            "UnsupportedOperationException", f"{operation} is not supported for {key['Arn']}.", 400
        )
    return refused


def copy_snapshot(form: Mapping[str, Any]) -> Response:
    """A copy of a snapshot of this Region, encrypted where a key is named."""
    source = rds._p(form, "SourceDBSnapshotIdentifier").rsplit(":", 1)[-1]
    target, key = rds._p(form, "TargetDBSnapshotIdentifier"), rds._p(form, "KmsKeyId")
    if source not in rds._snapshots:
        return _error("DBSnapshotNotFound", f"DBSnapshot {source} not found.", 404)
    if target in rds._snapshots:
        return _error("DBSnapshotAlreadyExists", f"Snapshot {target} already exists.", 400)
    original = rds._snapshots[source]
    arn = f"{original['DBSnapshotArn'].rsplit(':', 1)[0]}:{target}"
    copy = {**original, "DBSnapshotIdentifier": target, "DBSnapshotArn": arn}
    if key:
        copy.update(Encrypted=True, StorageEncrypted=True, KmsKeyId=key)
    rds._snapshots[target] = copy
    inner = f"<DBSnapshot>{rds._snapshot_xml(copy)}</DBSnapshot>"
    answer: Response = rds._xml(
        200, "CopyDBSnapshotResponse", f"<CopyDBSnapshotResult>{inner}</CopyDBSnapshotResult>"
    )
    return answer


def modify_instance(form: Mapping[str, Any]) -> Response:
    """Modifies an instance, which is in the state ``modifying`` for a second where the change is
    made at once, as that of ``PubliclyAccessible`` always is."""
    answer: Response = _emulated_modification(form)
    instance = rds._resolve_instance(rds._p(form, "DBInstanceIdentifier"))
    at_once = rds._p(form, "ApplyImmediately") == "true" or rds._p(form, "PubliclyAccessible")
    if answer[0] < 300 and at_once:
        instance["DBInstanceStatus"] = "modifying"
        done = threading.Timer(1, instance.update, kwargs={"DBInstanceStatus": "available"})
        done.daemon = True
        done.start()
    return answer


def set_attributes(data: dict[str, Any], url: str) -> dict[str, Any]:
    """Sets attributes of a queue; a truth value is kept as SQS answers it, in small letters."""
    given = data.get("Attributes") or {}
    attributes = {
        name: str(value).lower() if str(value) in ("True", "False") else value
        for name, value in given.items()
    }
    changed: dict[str, Any] = _emulated_attributes({**data, "Attributes": attributes}, url)
    return changed


def _error(code: str, message: str, status: int) -> Response:
    answer: Response = rds._error(code, message, status)
    return answer
