"""Calls of RDS that the emulator lacks or answers otherwise.

Source: RDS API Reference, CopyDBSnapshot, ModifyDBInstance.
"""

import threading
from collections.abc import Mapping
from typing import Any

from ministack.services import rds

from sandbox.emulator.call import Response

_emulated_modification = rds._ACTION_MAP["ModifyDBInstance"]


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


def _error(code: str, message: str, status: int) -> Response:
    answer: Response = rds._error(code, message, status)
    return answer
