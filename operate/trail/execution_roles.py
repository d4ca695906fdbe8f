"""Whether the runbook of an execution gives it a role, or it ran with its caller's permissions."""

from datetime import datetime

from operate.connection import Connection, asking
from operate.errors import AwsError, code_of, is_denied
from operate.executions import Run
from operate.runbooks import Runbook, runbook_of

_GONE = ("InvalidDocument", "InvalidDocumentVersion")


class ExecutionRoles:
    """Reads the version of a runbook that an execution ran, each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], tuple[Runbook, datetime] | None] = {}

    def has_role(self, run: Run) -> bool | None:
        """Whether the version that ran embeds a role; None where it cannot be read, or is younger
        than the execution: whoever deletes a document can make another of the same name."""
        key = run.runbook, run.version
        if key not in self._known:
            self._known[key] = self._read(*key)
        known = self._known[key]
        if known is None or known[1] > run.started:
            return None
        return not known[0].lends_own_permissions(run.parameters)

    def _read(self, name: str, version: str) -> tuple[Runbook, datetime] | None:
        with asking(f"for {name}, version {version}"):
            try:
                answer = self._connection.ssm.get_document(
                    Name=name, DocumentVersion=version, DocumentFormat="JSON"
                )
            except AwsError as error:
                if code_of(error) in _GONE or is_denied(error):
                    return None
                raise
            created = answer.get("CreatedDate")
            return (runbook_of(name, answer), created) if created else None
