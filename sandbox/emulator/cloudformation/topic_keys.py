"""``KmsMasterKeyId`` of ``AWS::SNS::Topic`` in CloudFormation, which the emulator drops."""

from collections.abc import Mapping
from typing import Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

Properties = Mapping[str, Any]

_EMULATED = provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"]


def _create(logical_id: str, properties: Properties, stack: str) -> Any:
    made = _EMULATED["create"](logical_id, properties, stack)
    _keep_key(made[0], properties)
    return made


def _update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
    made = _EMULATED["update"](physical_id, old, new, *rest)
    _keep_key(made[0], new)
    return made


def _keep_key(topic: str, properties: Properties) -> None:
    attributes = sns._topics[topic]["attributes"]
    attributes["KmsMasterKeyId"] = properties.get("KmsMasterKeyId", "")


HANDLERS = {**_EMULATED, "create": _create, "update": _update}
"""The emulator's handlers of topics, each followed by the key."""
