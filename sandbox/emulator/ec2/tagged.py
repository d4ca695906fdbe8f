"""Instances among the tagged resources of an account, which the emulator leaves out.

Source: Resource Groups Tagging API Reference, GetResources.
"""

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

_GONE = ("terminated", "shutting-down")


def tagged_instances() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The ARN and tags of each instance that has tags."""
    for id_, instance in list(ec2._instances.items()):
        if (tags := ec2._tags.get(id_)) and instance["State"]["Name"] not in _GONE:
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/{id_}", list(tags)
