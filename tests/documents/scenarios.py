"""What each shipped runbook is rehearsed with: its success, its refusals and its way back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sandbox import Sandbox

Parameters = dict[str, list[str]]
MEMORY = "SecurityGroupsBeforeIsolation"


class World:
    """One instance of the sandbox's account and Region, and what a scenario looks at."""

    def __init__(self, sandbox: Sandbox, region: str) -> None:
        self.ec2 = sandbox.client("ec2", region=region)
        self._trail = sandbox.client("cloudtrail", region=region)
        self.instance = self._launch()
        self.groups_before = self.groups()
        self.images_before = self.images()

    def _launch(self) -> str:
        launched = self.ec2.run_instances(
            ImageId="ami-12345678",
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            SecurityGroupIds=[self.security_group(), self.security_group()],
        )
        return str(launched["Instances"][0]["InstanceId"])

    def was_rebooted(self) -> bool:
        """Whether the last image was asked for with a reboot."""
        events = self._trail.lookup_events()["Events"]
        last = next(event for event in events if event["EventName"] == "CreateImage")
        asked = json.loads(last["CloudTrailEvent"])["requestParameters"]
        return bool(asked.get("noReboot") != "true")

    def stop(self) -> None:
        """Stops the instance."""
        self.ec2.stop_instances(InstanceIds=[self.instance])

    def security_group(self, **network: str) -> str:
        """A new security group without any rule, in the default VPC unless another is named."""
        made = self.ec2.create_security_group(
            GroupName=f"Group-{uuid4()}", Description="none", **network
        )
        group = self.ec2.describe_security_groups(GroupIds=[made["GroupId"]])["SecurityGroups"][0]
        if group["IpPermissionsEgress"]:
            self.ec2.revoke_security_group_egress(
                GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"]
            )
        return str(group["GroupId"])

    def open_group(self) -> str:
        """A security group that lets traffic in."""
        group = self.security_group()
        self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        return group

    def group_of_another_vpc(self) -> str:
        """A security group that the instance cannot be put under."""
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        return self.security_group(VpcId=vpc)

    def isolate_by_hand(self) -> None:
        """Puts the instance into the state that Isolate-EC2Instance leaves."""
        groups = " ".join(self.groups())
        self.ec2.modify_instance_attribute(InstanceId=self.instance, Groups=[self.security_group()])
        tag = {"Key": MEMORY, "Value": groups}
        self.ec2.create_tags(Resources=[self.instance], Tags=[tag])

    def state(self) -> tuple[str, str]:
        """The instance's type and state."""
        found = self._describe()
        return found["InstanceType"], found["State"]["Name"]

    def groups(self) -> list[str]:
        """The ids of the instance's security groups."""
        return [group["GroupId"] for group in self._describe()["SecurityGroups"]]

    def tags(self) -> dict[str, str]:
        """The instance's tags."""
        return {tag["Key"]: tag["Value"] for tag in self._describe().get("Tags", ())}

    def images(self) -> dict[str, dict[str, str]]:
        """The tags of the account's images by id."""
        images = self.ec2.describe_images(Owners=["self"])["Images"]
        return {
            image["ImageId"]: {tag["Key"]: tag["Value"] for tag in image.get("Tags", ())}
            for image in images
        }

    def snapshots(self) -> set[str]:
        """The ids of the account's snapshots."""
        found = self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return {snapshot["SnapshotId"] for snapshot in found}

    def _describe(self) -> dict[str, Any]:
        answer = self.ec2.describe_instances(InstanceIds=[self.instance])
        found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
        return found


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run of a runbook and what must come of it."""

    name: str
    parameters: Callable[[World], Parameters] = lambda world: {}
    """What it is given beside the instance."""
    prepare: Callable[[World], None] = lambda world: None
    denied: tuple[str, ...] = ()
    """Actions that are denied besides, so that a step fails."""
    succeeds: bool = True
    says: str = ""
    """What the failure message of the run holds."""
    leaves: Callable[[World, Mapping[str, Any]], bool] = field(default=lambda world, run: True)
    """Whether what the run leaves is as it should be."""


def _tagged_image_alone(world: World, run: Mapping[str, Any]) -> bool:
    (image,) = run["Outputs"]["createImage.ImageId"]
    new = {id_: tags for id_, tags in world.images().items() if id_ not in world.images_before}
    tags = {
        "BackupOf": world.instance,
        "AutomationExecutionId": str(run["AutomationExecutionId"]),
    }
    return new == {image: tags}


def _no_new_image(world: World, run: Mapping[str, Any]) -> bool:
    if not run["Outputs"]["createImage.ImageId"][0].startswith("ami-"):
        return False
    described = {
        snapshot["SnapshotId"]: snapshot["Description"]
        for snapshot in world.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    }
    image = run["Outputs"]["createImage.ImageId"][0]
    return image not in world.images() and f"Created for {image}" not in described.values()


def _is_untouched(world: World) -> bool:
    return world.tags() == {} and world.groups() == world.groups_before


_SMALL: Parameters = {"InstanceType": ["t3.small"]}

SCENARIOS: dict[str, list[Scenario]] = {
    "Restart-EC2InstanceDemo": [
        Scenario(
            name="restarts", leaves=lambda world, run: world.state() == ("t3.micro", "running")
        ),
        Scenario(
            name="starts what was stopped",
            prepare=World.stop,
            leaves=lambda world, run: world.state() == ("t3.micro", "running"),
        ),
    ],
    "Resize-EC2Instance": [
        Scenario(
            name="resizes",
            parameters=lambda world: _SMALL,
            leaves=lambda world, run: (
                world.state() == ("t3.small", "running")
                and run["Outputs"] == {"readInstance.InstanceType": ["t3.micro"]}
            ),
        ),
        Scenario(
            name="leaves stopped what was stopped",
            prepare=World.stop,
            parameters=lambda world: _SMALL,
            leaves=lambda world, run: world.state() == ("t3.small", "stopped"),
        ),
        Scenario(
            name="refuses the same type",
            parameters=lambda world: {"InstanceType": ["t3.micro"]},
            succeeds=False,
            says="is of type t3.micro already",
            leaves=lambda world, run: world.state() == ("t3.micro", "running"),
        ),
        Scenario(
            name="refuses a type that is not offered",
            parameters=lambda world: {"InstanceType": ["x9.huge"]},
            succeeds=False,
            says="finds nothing in the answer",
            leaves=lambda world, run: world.state() == ("t3.micro", "running"),
        ),
        Scenario(
            name="goes back where the type cannot be changed",
            parameters=lambda world: _SMALL,
            denied=("ec2:ModifyInstanceAttribute",),
            succeeds=False,
            says="ec2:ModifyInstanceAttribute",
            leaves=lambda world, run: world.state() == ("t3.micro", "running"),
        ),
        Scenario(
            name="goes back where the new type cannot be started",
            parameters=lambda world: {"InstanceType": ["r5.2xlarge"]},
            succeeds=False,
            says="InsufficientInstanceCapacity",
            leaves=lambda world, run: world.state() == ("t3.micro", "running"),
        ),
    ],
    "Backup-EC2Instance": [
        Scenario(
            name="makes a tagged image",
            leaves=lambda world, run: _tagged_image_alone(world, run) and not world.was_rebooted(),
        ),
        Scenario(
            name="reboots where asked to",
            parameters=lambda world: {"NoReboot": ["false"]},
            leaves=lambda world, run: _tagged_image_alone(world, run) and world.was_rebooted(),
        ),
        Scenario(
            name="removes an image that it cannot tag",
            denied=("ec2:CreateTags",),
            succeeds=False,
            says="ec2:CreateTags",
            leaves=_no_new_image,
        ),
    ],
    "Isolate-EC2Instance": [
        Scenario(
            name="isolates",
            parameters=lambda world: {"QuarantineSecurityGroupId": [world.security_group()]},
            leaves=lambda world, run: (
                run["Parameters"]["QuarantineSecurityGroupId"] == world.groups()
                and run["Outputs"]["readSecurityGroups.GroupIds"] == world.groups_before
                and world.tags() == {MEMORY: " ".join(world.groups_before)}
            ),
        ),
        Scenario(
            name="refuses an instance that is isolated",
            parameters=lambda world: {"QuarantineSecurityGroupId": [world.security_group()]},
            prepare=World.isolate_by_hand,
            succeeds=False,
            says="is isolated already; release it first",
            leaves=lambda world, run: (
                world.tags() == {MEMORY: " ".join(world.groups_before)}
                and world.groups() != world.groups_before
            ),
        ),
        Scenario(
            name="refuses a group that lets traffic in",
            parameters=lambda world: {"QuarantineSecurityGroupId": [world.open_group()]},
            succeeds=False,
            says="lets traffic in or out",
            leaves=lambda world, run: _is_untouched(world),
        ),
        Scenario(
            name="gives the groups back where they cannot be changed",
            parameters=lambda world: {"QuarantineSecurityGroupId": [world.group_of_another_vpc()]},
            succeeds=False,
            says="belong to different networks",
            leaves=lambda world, run: _is_untouched(world),
        ),
        Scenario(
            name="keeps the memory where they cannot be given back",
            parameters=lambda world: {"QuarantineSecurityGroupId": [world.security_group()]},
            denied=("ec2:ModifyInstanceAttribute",),
            succeeds=False,
            says="ec2:ModifyInstanceAttribute",
            leaves=lambda world, run: world.tags() == {MEMORY: " ".join(world.groups_before)},
        ),
    ],
    "Release-EC2Instance": [
        Scenario(
            name="releases",
            prepare=World.isolate_by_hand,
            leaves=lambda world, run: (
                _is_untouched(world)
                and run["Outputs"]["splitSecurityGroups.GroupIds"] == world.groups_before
            ),
        ),
        Scenario(
            name="refuses an instance that is not isolated",
            succeeds=False,
            says="finds nothing in the answer",
            leaves=lambda world, run: _is_untouched(world),
        ),
    ],
}
