"""One request to the account, as the extensions see it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from ministack.core.iam_actions import extract_iam_action
from ministack.core.responses import get_account_id
from ministack.core.router import detect_service, extract_access_key_id, extract_region

Response = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A signed request: who calls which operation of which service, with what."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]]
    request_id: str
    account: str = field(default_factory=get_account_id)

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """Query string and body together, as the query protocol has them.

        Whatever the content type says, and with every value where both give one: what is judged
        must be no less than what the emulator may act on.
        """
        form = {name: list(values) for name, values in self.query.items()}
        names_json = "json" in self.headers.get("content-type", "")
        if not names_json and "x-amz-target" not in self.headers:
            body = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
            for name, values in body.items():
                form.setdefault(name, []).extend(values)
        return form

    @cached_property
    def service(self) -> str:
        """The emulator's name of the service: ``ssm``, ``ec2``, …"""
        return str(detect_service(self.method, self.path, self.headers, self.form))

    @cached_property
    def operation(self) -> str:
        """The API operation: ``StartAutomationExecution``; empty where the request names none."""
        target = self.headers.get("x-amz-target", "")
        if "." in target:
            return target.rsplit(".", 1)[-1]
        if self.form.get("Action"):
            return self.form["Action"][0]
        action = extract_iam_action(
            self.service, self.method, self.path, self.headers, self.body, self.form
        )
        return action.split(":")[-1] if action else ""

    @cached_property
    def region(self) -> str:
        """The Region that the request is signed for."""
        return str(extract_region(self.headers, self.query))

    @cached_property
    def access_key(self) -> str:
        """The access key id that signed it."""
        return str(extract_access_key_id(self.headers, self.query) or "")

    @cached_property
    def json_body(self) -> Any:
        """The body as JSON; raises ValueError or RecursionError for one that is none."""
        return json.loads(self.body or b"{}")

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The JSON body as an object; empty for other protocols or a malformed body."""
        try:
            body = self.json_body
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    def members(self, name: str) -> list[str]:
        """The values of a query-protocol list, ``InstanceId.1`` and on, or of ``InstanceId``."""
        values, number = [], 1
        while f"{name}.{number}" in self.form:
            values += self.form[f"{name}.{number}"]
            number += 1
        return values + self.form.get(name, [])
