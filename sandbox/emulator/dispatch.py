"""Every request passes here: judged, answered by an extension or the emulator, and recorded."""

from collections.abc import Mapping

import ministack.app
from ministack.core.iam_evaluator import pin_request_caller

from sandbox.emulator import cloudtrail
from sandbox.emulator.call import Call, Response
from sandbox.emulator.checks import refused_where_the_emulator_errs
from sandbox.emulator.cloudformation import stack_roles
from sandbox.emulator.iam import own_user
from sandbox.emulator.malformed_requests import refused_as_malformed
from sandbox.emulator.sts import web_identity
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.operation import error_response, perform
from sandbox.ssm.operations import added_operation

_emulator_dispatch = ministack.app._dispatch_service_request


async def dispatch(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, list[str]],
    request_id: str,
) -> Response:
    """The answer to a request, with the emulator's own signature."""
    call = Call(
        method=method,
        path=path,
        headers=headers,
        body=body,
        query=query_params,
        request_id=request_id,
    )
    pin_request_caller(headers, query_params)
    response = await _answer(call)
    cloudtrail.record(call, response)
    return response


async def _answer(call: Call) -> Response:
    if refusal := refused_as_malformed(call):
        return refusal
    if denial := refused_where_the_emulator_errs(call):
        return denial
    stack_roles.note(call)
    if operation := added_operation(call):
        return perform(call.operation, operation, call)
    if (call.service, call.operation) == ("iam", own_user.OPERATION):
        return own_user.change_password(call)
    if (call.service, call.operation) == ("sts", web_identity.OPERATION):
        return web_identity.assume_role(call)
    response: Response = await _emulator_dispatch(
        call.method, call.path, call.headers, call.body, call.query, call.request_id
    )
    if call.service == "ssm" and response[0] == 400 and b"Unknown action" in response[2]:
        lacking = f"The sandbox lacks ssm:{call.operation}; sandbox/README.md lists what it has."
        return error_response(400, ApiError("InvalidAction", lacking))
    return response
