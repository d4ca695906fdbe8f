"""Refuses what AWS refuses before it looks at permissions: scopes of others, broken bodies.

The emulator verifies signatures, and takes any service and Region that one is made for.
Source: IAM User Guide, Troubleshoot Signature Version 4, Credential scope; Smithy, AWS JSON 1.1.
"""

import re
from functools import cache

import botocore.session
from ministack.core.iam_actions import access_denied_response
from ministack.core.router import detect_service

from sandbox.emulator.call import Call, Response
from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.api.operation import error_response
from sandbox.ssm.api.shapes import check_members
from sandbox.ssm.operations import added_operation

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]*)/([^/]*)/aws4_request")
_MOST_OF_SSM = 1 << 20
"""Bytes of a request to SSM that are read: sixteen documents of the largest size."""
_SIGNED_OTHERWISE = {"cloudcontrol": "cloudcontrolapi", "dynamodbstreams": "dynamodb"}
"""Services whose requests are signed for another name than the emulator's own."""


def refused_as_malformed(call: Call) -> Response | None:
    """The refusal of a request that is signed for another service or no Region, or whose body is
    none of its operation; None for any other."""
    return _wrong_scope(call) or _wrong_body(call)


def _wrong_scope(call: Call) -> Response | None:
    in_query = call.query.get("X-Amz-Credential", [""])[0]
    signed = call.headers.get("authorization", "") or f"Credential={in_query}"
    scope = _SCOPE.search(signed)
    if scope is None:
        return None  # not signed so, or not at all: the emulator's to judge
    region, service = scope.groups()
    if region not in _regions():
        return _refusal(call, f"Credential should be scoped to a valid region, not '{region}'.")
    if "x-amz-target" in call.headers:
        others = {name: value for name, value in call.headers.items() if name != "x-amz-target"}
        signed_for = str(detect_service(call.method, call.path, others, call.query))
        if signed_for != _SIGNED_OTHERWISE.get(call.service, call.service):
            return _refusal(
                call,
                f"Credential should be scoped to correct service: '{call.service}', not "
                f"'{service}'.",
            )
    return None


def _refusal(call: Call, message: str) -> Response:
    if "x-amz-target" in call.headers:
        return error_response(403, ApiError("InvalidSignatureException", message))
    response: Response = access_denied_response(
        call.service,
        f"{call.service}:{call.operation}",
        "",
        call.request_id,
        headers=call.headers,
        error_code="SignatureDoesNotMatch",
        message=message,
    )
    return response


def _wrong_body(call: Call) -> Response | None:
    if "x-amz-target" not in call.headers:
        return None
    if call.service == "ssm" and len(call.body) > _MOST_OF_SSM:
        return error_response(413, ApiError("RequestEntityTooLarge", "The request is too large."))
    try:
        body = call.json_body
    except (ValueError, RecursionError):
        return error_response(400, ApiError("SerializationException", "The body is not JSON."))
    if not isinstance(body, dict):
        message = "Start of structure or map found where not expected."
        return error_response(400, ApiError("SerializationException", message))
    if added_operation(call) is not None:
        return None  # the sandbox's own operations check their whole shape
    try:
        check_members(call.service, call.operation, body)
    except ApiError as error:
        return error_response(400, error)
    return None


@cache
def _regions() -> frozenset[str]:
    """The Regions of the account's partition."""
    return frozenset(botocore.session.get_session().get_available_regions("ec2", "aws"))
