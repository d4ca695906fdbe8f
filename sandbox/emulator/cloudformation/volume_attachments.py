"""``AWS::EC2::VolumeAttachment`` in CloudFormation, over the emulator's own EC2 API."""

from collections.abc import Mapping
from typing import Any

from ministack.services import ec2

Properties = Mapping[str, Any]


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, Any]]:
    status, _, body = ec2._attach_volume(dict(properties))
    if status >= 400:
        raise ValueError(f"Resource handler returned message: {body.decode('utf-8', 'replace')}")
    return str(properties["VolumeId"]), {}


def _delete(id_: str, properties: Properties) -> None:
    ec2._detach_volume(dict(properties))


HANDLERS = {"create": _create, "delete": _delete}
"""What CloudFormation calls for a resource of the type."""
