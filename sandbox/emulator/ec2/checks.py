"""What EC2 calls are judged on: every resource that they name or make, with its own tags.

The emulator judges one instance a call, by its first id, and knows no tags.
"""

from ministack.core.responses import get_account_id
from ministack.services import ec2

from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import Check, arn, request_tag_context, tag_context


def ec2_checks(call: Call) -> list[Check]:
    """The checks of an EC2 call on what it names and makes: each by its own ARN and tags.

    A call that describes takes no resource: it is judged on ``*``, whatever ids it names.
    """
    action = f"ec2:{call.operation}"
    if call.operation.startswith("Describe") and call.operation != "DescribeInstanceAttribute":
        return [Check(action=action, resource="*")]
    resources = [f"instance/{instance}" for instance in call.members("InstanceId")]
    named = [
        id_ for field in ("ResourceId", "ImageId", "SnapshotId") for id_ in call.members(field)
    ]
    if call.operation == "ModifyInstanceAttribute":
        named += call.members("GroupId")
    if call.operation != "RunInstances":  # the emulator's to judge: it takes more kinds
        resources += map(_ec2_resource, named)
    resources += _MADE.get(call.operation, ())
    checks = []
    for resource in resources:
        tags = {tag["Key"]: tag["Value"] for tag in ec2._tags.get(resource.rsplit("/", 1)[1]) or ()}
        ec2_keys = {f"ec2:ResourceTag/{key}": value for key, value in tags.items()}
        context = {**tag_context(tags), **ec2_keys, **request_tag_context(_tags_of(call))}
        checks.append(Check(action=action, resource=_ec2_arn(resource), context=context))
    return checks


def _ec2_resource(id_: str) -> str:
    """``instance/i-…`` for an instance's id, and likewise for what else can be tagged."""
    return f"{_EC2_KINDS.get(id_.split('-', 1)[0], 'resource')}/{id_}"


def _ec2_arn(resource: str) -> str:
    """The ARN of an EC2 resource; those of images and snapshots name no account."""
    found = arn("ec2", resource)
    is_of_region = resource.startswith(("image/", "snapshot/"))
    return found.replace(f":{get_account_id()}:", "::") if is_of_region else found


_MADE = {
    "CreateImage": ("image/ami-made", "snapshot/snap-made"),
    "CopyImage": ("image/ami-made", "snapshot/snap-made"),
}
"""What calls make, and are judged on as well. Source: Service Authorization Reference, EC2."""


def _tags_of(call: Call) -> dict[str, str]:
    """The tags of an EC2 request: ``Tag.1.Key``, ``Tag.1.Value``, …"""
    keys, number = {}, 1
    while f"Tag.{number}.Key" in call.form:
        value = call.form.get(f"Tag.{number}.Value", [""])[0]
        keys[call.form[f"Tag.{number}.Key"][0]] = value
        number += 1
    return keys


_EC2_KINDS = {
    "i": "instance",
    "vol": "volume",
    "ami": "image",
    "snap": "snapshot",
    "sg": "security-group",
    "vpc": "vpc",
    "subnet": "subnet",
    "eni": "network-interface",
}
