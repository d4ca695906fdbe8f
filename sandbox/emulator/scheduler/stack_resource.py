"""``AWS::Scheduler::Schedule`` in CloudFormation: the emulator drops its time zone and dates."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import scheduler
from ministack.services.cloudformation import provisioners

Properties = Mapping[str, Any]


def _create(logical_id: str, properties: Properties, stack: str) -> Any:
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=64)
    return _made(name, properties, scheduler._create_schedule(name, dict(properties)))


def _update(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
) -> Any:
    name = new.get("Name") or physical_id
    groups = [each.get("GroupName", "default") for each in (old, new)]
    if name == physical_id and groups[0] == groups[1]:
        return _made(name, new, scheduler._update_schedule(name, dict(new)))
    made = _create(logical_id or physical_id, new, stack)
    provisioners._scheduler_schedule_delete(physical_id, old)
    return made


def _made(name: str, properties: Properties, response: tuple[int, Any, bytes]) -> Any:
    """The physical id and attributes; ValueError, as a handler raises it, for what is refused."""
    status, _, body = response
    if status != 200:
        message = json.loads(body)["Message"]
        raise ValueError(f'Resource handler returned message: "{message}"')
    arn = scheduler._schedule_arn(properties.get("GroupName", "default"), name)
    return name, {"Arn": arn}


HANDLERS = {
    **provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"],
    "create": _create,
    "update": _update,
}
