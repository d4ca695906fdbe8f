"""``AWS::IAM::OIDCProvider`` in CloudFormation, over the emulator's own IAM API."""

from collections.abc import Mapping
from typing import Any

from ministack.services import iam

from sandbox.emulator.cloudformation.iam_handler import call_iam

Properties = Mapping[str, Any]


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    parameters = {"Url": properties["Url"]}
    for name, member in (("ClientIdList", "ClientIDList"), ("ThumbprintList", "ThumbprintList")):
        for number, value in enumerate(properties.get(name) or (), start=1):
            parameters[f"{member}.member.{number}"] = value
    call_iam(iam._create_oidc_provider, **parameters)
    issuer = properties["Url"].removeprefix("https://").rstrip("/")
    arn = f"arn:aws:iam::{iam.get_account_id()}:oidc-provider/{issuer}"
    return arn, {"Arn": arn}


def _update(arn: str, old: Properties, new: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    iam._oidc_providers[arn]["ClientIDList"] = list(new.get("ClientIdList") or ())
    return arn, {"Arn": arn}


def _delete(arn: str, properties: Properties) -> None:
    iam._oidc_providers.pop(arn, None)


HANDLERS = {"create": _create, "update": _update, "delete": _delete}
"""What CloudFormation calls for a resource of the type."""
