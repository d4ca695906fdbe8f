"""The ARN of what a call of IAM is about: the emulator leaves out the path."""

from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import iam

_original = iam_actions.extract_resource_arn
_RECORDS = {"role": iam._roles, "user": iam._users, "group": iam._groups}


def arn_with_path(service: str, *args: Any, **keywords: Any) -> str:
    """The ARN that a role, user or group of IAM has; else what the emulator makes of the call."""
    arn: str = _original(service, *args, **keywords)
    kind, _, name = arn.rsplit(":", 1)[-1].partition("/")
    return arn_of(kind, name) if service == "iam" and kind in _RECORDS else arn


def arn_of(kind: str, name: str) -> str:
    """The ARN of something in IAM by its kind and name; of one that is not there, without path."""
    known = _RECORDS.get(kind, {}).get(name)
    return str(known["Arn"]) if known else f"arn:aws:iam::{get_account_id()}:{kind}/{name}"
