"""Determines whether an execution used a service role."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from operate.connection import Connection, asking
from operate.errors import AwsError, code_of, is_denied
from operate.executions.execution import NOT_KEPT, Run
from operate.runbooks.catalog import runs_as_caller

_GONE = ("InvalidDocument", "InvalidDocumentVersion", "ValidationException")

_Version = tuple[Mapping[str, Any], datetime]
"""The content of a version of a document, and when it was created."""


class ExecutionRoles:
    """Reads the version of a runbook that an execution ran, each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], _Version | None] = {}

    def has_role(self, run: Run) -> bool | None:
        """Whether the version that ran gives it a role; None where it cannot be read, or is younger
        than the execution: anyone who can delete a document can make another of the same name."""
        if run.status == NOT_KEPT:
            return None
        key = run.runbook, run.version
        if key not in self._known:
            self._known[key] = self._read(*key)
        known = self._known[key]
        if known is None or known[1] > run.started:
            return None
        content = known[0]
        try:
            defaults = {
                name: each.get("default") for name, each in content.get("parameters", {}).items()
            }
            return not runs_as_caller(
                str(content.get("assumeRole") or ""), defaults, run.parameters
            )
        except AttributeError:  # no document that Systems Manager would take
            return None

    def _read(self, name: str, version: str) -> _Version | None:
        with asking(f"for {name}, version {version}"):
            try:
                answer = self._connection.ssm.get_document(
                    Name=name, DocumentVersion=version, DocumentFormat="JSON"
                )
                content, created = json.loads(answer["Content"]), answer["CreatedDate"]
            except AwsError as error:
                if code_of(error) in _GONE or is_denied(error):
                    return None
                raise
            except (ValueError, KeyError, RecursionError):
                return None
            return (content, created) if isinstance(content, dict) else None
