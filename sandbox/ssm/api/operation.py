"""An SSM operation: what IAM is asked, and what is done."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.emulator.call import Call, Response
from sandbox.emulator.iam.authorization import Check, refused
from sandbox.ssm.api.errors import ApiError, validation_error
from sandbox.ssm.api.pages import InvalidToken, page
from sandbox.ssm.api.shapes import check_request, without_none

PAGE_SIZE = 50
"""Entries a page when the caller names no number. Source: SSM API Reference, MaxResults."""
_JSON = "application/x-amz-json-1.1"

Parameters = dict[str, Any]
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A checked request."""

    call: Call
    parameters: Parameters

    def refuse_unless(self, checks: Iterable[Check]) -> None:
        """Raises Refused where IAM denies one of the checks to the caller."""
        if denial := refused(self.call, checks):
            raise Refused(denial)


class Refused(Exception):
    """IAM's refusal, ready to be sent."""

    def __init__(self, response: Response) -> None:
        super().__init__("refused")
        self.response = response


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the API."""

    checks: Callable[[Parameters], Iterable[Check]]
    """What the caller must be allowed, given the parameters."""
    run: Callable[[Request], Parameters]
    """Does it; returns the output as the model has it."""


def perform(name: str, operation: Operation, call: Call) -> Response:
    """Checks the request's shape, asks IAM, runs the operation; its errors become responses."""
    request = Request(call=call, parameters=call.parameters)
    try:
        check_request(name, request.parameters)
        request.refuse_unless(operation.checks(request.parameters))
        return 200, {"Content-Type": _JSON}, json.dumps(operation.run(request)).encode()
    except Refused as refusal:
        return refusal.response
    except ApiError as error:
        return error_response(400, error)
    except RecursionError:
        return error_response(400, validation_error("The request is nested too deeply."))
    except Exception:  # a mistake of ours must not look like a broken connection
        _log.exception("%s failed", name)
        return error_response(500, ApiError("InternalServerError", f"{name} failed in the sandbox"))


def error_response(status: int, error: ApiError) -> Response:
    """An error as the AWS JSON protocol has it."""
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return status, {"Content-Type": _JSON, "x-amzn-errortype": error.code}, body


def paged(
    request: Request, name: str, items: Sequence[T], describe: Callable[[T], Parameters]
) -> Parameters:
    """One page of a listing under its output's name, with the token of the next."""
    size = request.parameters.get("MaxResults") or PAGE_SIZE
    try:
        found, token = page(items, size, request.parameters.get("NextToken"))
    except InvalidToken:
        raise ApiError("InvalidNextToken", "The specified token is not valid.") from None
    return without_none({name: list(map(describe, found)), "NextToken": token})
