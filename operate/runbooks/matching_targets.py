"""Which targets a fleet would have now, as far as the caller may see it: AWS finds them at the
start, with the rights of the fleet's role."""

from collections.abc import Iterator, Mapping
from typing import Any

from operate.connection import Connection
from operate.errors import AwsError, is_denied
from operate.runbooks.catalog import Rate
from operate.screen import clean

_SHOWN = 20
_TAG = "tag:"


def matching_targets(connection: Connection, rate: Rate) -> Iterator[str]:
    """A line for each target of the fleet's description, with what matches it now or why that is
    not known."""
    for target in rate.given:
        key, values = str(target.get("Key", "")), [*map(str, target.get("Values", ()))]
        what = f"{key}={' or '.join(values)}"
        try:
            found = _found(connection, key, values)
        except AwsError as error:
            why = "you may not ask" if is_denied(error) else "AWS does not answer"
            yield f"what matches {what} now is not known: {why} ({_CALLS[key.split(':')[0]]})"
            continue
        if found is None:
            yield f"what matches {what} now is not known before the start"
            continue
        more = len(found) - _SHOWN
        shown = clean(", ".join(sorted(found)[:_SHOWN])) or "nothing"
        several = f" and {more} more" if more > 0 else ""
        yield f"{_KINDS[key.split(':')[0]]} {what} now: {shown}{several} ({len(found)})"


_CALLS = {"tag": "ec2:DescribeInstances", "ResourceGroup": "resource-groups:ListGroupResources"}
_KINDS = {"tag": "EC2 instances with", "ResourceGroup": "resources of"}


def _found(connection: Connection, key: str, values: list[str]) -> list[str] | None:
    """The names of what matches; None for a kind of targets that is not asked about here."""
    if key.startswith(_TAG):
        pages = (
            connection.client("ec2")
            .get_paginator("describe_instances")
            .paginate(
                Filters=[
                    {"Name": key, "Values": values},
                    {"Name": "instance-state-name", "Values": ["running", "stopping", "stopped"]},
                ]
            )
        )
        return [
            str(instance["InstanceId"])
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]
    if key == "ResourceGroup":
        groups = connection.client("resource-groups").get_paginator("list_group_resources")
        return [
            _last(each)
            for value in values
            for page in groups.paginate(Group=value)
            for each in page["Resources"]
        ]
    return None


def _last(resource: Mapping[str, Any]) -> str:
    return str(resource["Identifier"]["ResourceArn"]).rsplit("/", 1)[-1]
