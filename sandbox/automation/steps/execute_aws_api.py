"""``aws:executeAwsApi``."""

import base64
import json
from datetime import date, datetime
from typing import Any

import jsonpath
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from sandbox.automation.steps.base import Action, Outputs, StepFailed


class ExecuteAwsApi(Action):
    """Calls any API of any service and selects outputs from its answer.

    Source: Systems Manager User Guide, aws:executeAwsApi.
    """

    name = "aws:executeAwsApi"

    def run(self) -> Outputs:
        """Calls ``Api`` of ``Service`` with the other inputs as its parameters."""
        service, api = str(self.required("Service")), str(self.required("Api"))
        parameters = {k: v for k, v in self.inputs.items() if k not in ("Service", "Api")}
        answer = self.call(self._function(service, api), parameters)
        plain = json.loads(json.dumps(answer, default=_plain))
        return {
            output["Name"]: _select(plain, output)
            for output in (self.definition.get("outputs") or ())
        }

    def _function(self, service: str, api: str) -> Any:
        try:
            client = self.client(service)
        except UnknownServiceError:
            raise StepFailed(f"Service {service} does not exist") from None
        method = xform_name(api)
        if method not in client.meta.method_to_api_mapping:
            raise StepFailed(f"Api {api} of service {service} does not exist")
        return getattr(client, method)


def _select(answer: Any, output: dict[str, Any]) -> Any:
    """What the output's ``Selector`` (a JSONPath) finds, in the form of its ``Type``."""
    name, selector, kind = output["Name"], output["Selector"], output.get("Type", "String")
    try:
        found = [match.obj for match in jsonpath.finditer(selector, answer)]
    except jsonpath.JSONPathError as error:
        raise StepFailed(f"Selector {selector} of output {name} is no JSONPath: {error}") from None
    if not found:
        raise StepFailed(f"Selector {selector} of output {name} finds nothing in the answer")
    is_list = kind.endswith("List")
    if is_list:
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found
    return found[0]


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    read = getattr(value, "read", None)
    return _plain(read()) if read else str(value)
