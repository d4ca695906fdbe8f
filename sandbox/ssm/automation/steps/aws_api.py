"""Calls of any AWS API, as three actions make them, and what is selected from the answers."""

import base64
import json
from datetime import date, datetime
from typing import Any

import jsonpath
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from sandbox.ssm.automation.steps.base import Action, StepFailed

_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")


class AwsApiAction(Action):
    """An action that calls ``Api`` of ``Service`` with its further inputs as parameters."""

    def answer(self) -> Any:
        """What the API answers, as plain JSON values."""
        service, api = str(self.required("Service")), str(self.required("Api"))
        parameters = {k: v for k, v in self.inputs.items() if k not in _OWN_INPUTS}
        answer = self.call(self._function(service, api), parameters)
        return json.loads(json.dumps(answer, default=_plain))

    def _function(self, service: str, api: str) -> Any:
        try:
            client = self.client(service.lower())
        except UnknownServiceError:
            raise StepFailed(f"Service {service} does not exist") from None
        method = xform_name(api)
        if method not in client.meta.method_to_api_mapping:
            raise StepFailed(f"Api {api} of service {service} does not exist")
        return getattr(client, method)


def selected_outputs(answer: Any, outputs: Any) -> dict[str, Any]:
    """The declared ``outputs`` of a step, each selected from its answer."""
    return {
        output["Name"]: select(answer, output["Selector"], output.get("Type", "String"))
        for output in outputs or ()
    }


def select(answer: Any, selector: str, kind: str) -> Any:
    """What a ``Selector`` (a JSONPath) finds, in the form of its ``Type``."""
    try:
        found = [match.obj for match in jsonpath.finditer(selector, answer)]
    except jsonpath.JSONPathError as error:
        raise StepFailed(f"Selector {selector} is not a JSONPath: {error}") from None
    if not found:
        raise StepFailed(f"Selector {selector} finds nothing in the answer")
    if kind.endswith("List"):
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found
    return found[0]


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    read = getattr(value, "read", None)
    return _plain(read()) if read else str(value)
