"""EC2 calls that the emulator lacks: images of instances, instance types, security groups,
encryption by default."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import ec2

from sandbox.emulator.call import Response

Form = dict[str, Any]

OFFERED_TYPES = tuple(
    f"{family}.{size}"
    for family in ("t2", "t3", "t4g", "m5", "m7i", "c5", "c7g", "r5")
    for size in ("micro", "small", "medium", "large", "xlarge", "2xlarge")
    if family.startswith("t") or size.endswith("large")
)
"""The instance types that the sandbox's Regions offer."""
WITHOUT_CAPACITY = ("r5.2xlarge",)
"""Offered types that no instance can be started as, to rehearse a start that fails."""


def _create_image(form: Form) -> Response:
    """An image of an instance, available at once, with a snapshot of its root volume."""
    instance = ec2._instances.get(ec2._p(form, "InstanceId"))
    if instance is None:
        return _no_instance(form)
    name = ec2._p(form, "Name")
    return _add_image(form, "CreateImageResponse", name, ec2._p(form, "Description"))


def _copy_image(form: Form) -> Response:
    """A copy of an image of any Region, in this one."""
    region, source = ec2._p(form, "SourceRegion"), ec2._p(form, "SourceImageId")
    found = ec2._images.get_scoped(get_account_id(), region, source)
    if found is None:
        return _error("InvalidAMIID.NotFound", f"The image id '[{source}]' does not exist")
    name = ec2._p(form, "Name") or found["Name"]
    return _add_image(form, "CopyImageResponse", name, ec2._p(form, "Description"))


def _add_image(form: Form, response: str, name: str, description: str) -> Response:
    if not ec2._AMI_NAME_RE.match(name):
        return _error("InvalidAMIName.Malformed", f"AMI name {name} is not 3 to 128 characters")
    if any(image["Name"] == name for image in ec2._images.values()):
        return _error(
            "InvalidAMIName.Duplicate", f"AMI name {name} is already in use by another AMI"
        )
    image_id, snapshot_id = ec2._new_image_id(), ec2._new_snapshot_id()
    ec2._snapshots[snapshot_id] = {
        "SnapshotId": snapshot_id,
        "VolumeId": "vol-ffffffff",
        "VolumeSize": 8,
        "Description": f"Created for {image_id}",
        "State": "completed",
        "StartTime": ec2._now_ts(),
        "Progress": "100%",
        "OwnerId": get_account_id(),
        "Encrypted": False,
        "StorageTier": "standard",
    }
    ec2._images[image_id] = {
        "ImageId": image_id,
        "Name": name,
        "ImageLocation": "",
        "Description": description,
        "Architecture": "x86_64",
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot_id}}],
        "VirtualizationType": "hvm",
        "CreationDate": ec2._now_ts(),
        "OwnerId": get_account_id(),
    }
    ec2._parse_tag_specs(form, "image", image_id)
    return _answer(response, f"<imageId>{image_id}</imageId>")


def _describe_instance_type_offerings(form: Form) -> Response:
    """The types offered in this Region, by the filters ``instance-type``, with its wildcards, and
    ``location``."""
    filters: dict[str, list[str]] = ec2._parse_filters(form)
    wanted = filters.get("instance-type", ["*"])
    kind = ec2._p(form, "LocationType") or "region"
    place = get_region() if kind == "region" else f"{get_region()}a"
    is_here = place in filters.get("location", [place])
    items = "".join(
        f"<item><instanceType>{name}</instanceType><locationType>{kind}</locationType>"
        f"<location>{place}</location></item>"
        for name in OFFERED_TYPES
        if is_here and any(fnmatchcase(name, each) for each in wanted)
    )
    return _answer(
        "DescribeInstanceTypeOfferingsResponse",
        f"<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>",
    )


def _modify_instance_attribute(form: Form) -> Response:
    """Changes an instance's type while it is stopped, or its security groups."""
    instance = ec2._instances.get(ec2._p(form, "InstanceId"))
    if instance is None:
        return _no_instance(form)
    if kind := ec2._p(form, "InstanceType.Value") or _attribute(form, "instanceType"):
        if instance["State"]["Name"] != "stopped":
            return _error(
                "IncorrectInstanceState",
                f"The instance '{instance['InstanceId']}' is not in the 'stopped' state.",
            )
        if kind not in OFFERED_TYPES:
            return _error("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
        instance["InstanceType"] = kind
    groups = ec2._parse_member_list(form, "GroupId")
    if not kind and not groups:
        return _error("UnsupportedOperation", "The sandbox changes types and security groups only")
    if groups:
        if missing := [group for group in groups if group not in ec2._security_groups]:
            return _error(
                "InvalidGroup.NotFound", f"The security group '{missing[0]}' does not exist"
            )
        vpcs = {ec2._security_groups[group]["VpcId"] for group in groups}
        if vpcs != {instance["VpcId"]}:
            return _error(
                "InvalidGroup.NotFound",
                f"You have specified two resources that belong to different networks: "
                f"{instance['InstanceId']} and {groups[0]}",
            )
        instance["SecurityGroups"] = [
            {"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]}
            for group in groups
        ]
    return _answer("ModifyInstanceAttributeResponse", "<return>true</return>")


_encrypts_by_default = AccountRegionScopedDict()
"""Whether new volumes are encrypted, under one key in each Region."""


def _set_encryption(operation: str, form: Form) -> Response:
    """Whether a Region encrypts new volumes by default: set, taken back or read."""
    if not operation.startswith("Get"):
        _encrypts_by_default["volumes"] = operation.startswith("Enable")
    now = str(_encrypts_by_default.get("volumes", False)).lower()
    return _answer(
        f"{operation}Response", f"<ebsEncryptionByDefault>{now}</ebsEncryptionByDefault>"
    )


def _start_instances(form: Form) -> Response:
    answer: Response = _no_capacity(form) or _EMULATED_START(form)
    return answer


def _no_capacity(form: Form) -> Response | None:
    """The refusal of a start for which there is no capacity; None if there is."""
    for instance_id in ec2._parse_member_list(form, "InstanceId"):
        kind = (ec2._instances.get(instance_id) or {}).get("InstanceType")
        if kind in WITHOUT_CAPACITY:
            return _error(
                "InsufficientInstanceCapacity",
                f"We currently do not have sufficient {kind} capacity in the Availability Zone "
                f"you requested.",
            )
    return None


def _attribute(form: Form, name: str) -> str:
    """The value of the call's other form, ``Attribute`` and ``Value``."""
    return str(ec2._p(form, "Value")) if ec2._p(form, "Attribute") == name else ""


def _no_instance(form: Form) -> Response:
    instance_id = ec2._p(form, "InstanceId")
    return _error("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")


def _answer(response: str, inner: str) -> Response:
    answer: Response = ec2._xml(200, response, inner)
    return answer


def _error(code: str, message: str) -> Response:
    answer: Response = ec2._error(code, message, 400)
    return answer


CALLS: dict[str, Callable[[Form], Response]] = {
    "CreateImage": _create_image,
    "CopyImage": _copy_image,
    "DescribeInstanceTypeOfferings": _describe_instance_type_offerings,
    "ModifyInstanceAttribute": _modify_instance_attribute,
    "StartInstances": _start_instances,
    **{
        operation: partial(_set_encryption, operation)
        for operation in (
            "EnableEbsEncryptionByDefault",
            "DisableEbsEncryptionByDefault",
            "GetEbsEncryptionByDefault",
        )
    },
}
"""The calls by the names of their operations."""
REPLACED = ("StartInstances",)
"""Those that the emulator has as well: it never lacks capacity."""
_EMULATED_START = ec2._ACTION_MAP["StartInstances"]
