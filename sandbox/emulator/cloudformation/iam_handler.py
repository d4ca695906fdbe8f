"""What a resource handler of IAM calls: the emulator's own API, and CloudFormation's words for a
refusal."""

from typing import Any


def call_iam(operation: Any, **parameters: str) -> None:
    """Calls an operation of the emulator's IAM; raises ValueError, as a handler does, if it is
    refused."""
    status, _, body = operation(parameters)
    if status >= 400:
        raise ValueError(f"Resource handler returned message: {body.decode('utf-8', 'replace')}")
