"""What each shipped runbook is rehearsed with: its success, its refusals and its way back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import Sandbox

Parameters = dict[str, list[str]]
MEMORY = "SecurityGroupsBeforeIsolation"


class World:
    """One instance of the sandbox's account and Region, and what a scenario looks at."""

    def __init__(self, sandbox: Sandbox, region: str) -> None:
        self.ec2 = sandbox.client("ec2", region=region)
        self.instance = self._launch()
        self.images_before = self.images()

    def _launch(self) -> str:
        launched = self.ec2.run_instances(
            ImageId="ami-12345678", InstanceType="t3.micro", MinCount=1, MaxCount=1
        )
        return str(launched["Instances"][0]["InstanceId"])

    def stop(self) -> None:
        """Stops the instance."""
        self.ec2.stop_instances(InstanceIds=[self.instance])

    def security_group(self) -> str:
        """A new security group."""
        name = f"Quarantine-{self.instance}"
        return str(self.ec2.create_security_group(GroupName=name, Description="none")["GroupId"])

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
        Scenario(name="makes a tagged image", leaves=_tagged_image_alone),
        Scenario(
            name="reboots where asked to",
            parameters=lambda world: {"NoReboot": ["false"]},
            leaves=_tagged_image_alone,
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
                and run["Outputs"]["readSecurityGroups.GroupIds"] == [world.tags()[MEMORY]]
            ),
        ),
        Scenario(
            name="refuses an instance that is isolated",
            parameters=lambda world: {"QuarantineSecurityGroupId": world.groups()},
            prepare=World.isolate_by_hand,
            succeeds=False,
            says="already",
        ),
        Scenario(
            name="forgets where the groups cannot be changed",
            parameters=lambda world: {"QuarantineSecurityGroupId": ["sg-00000000000000000"]},
            succeeds=False,
            says="InvalidGroup.NotFound",
            leaves=lambda world, run: world.tags() == {},
        ),
    ],
    "Release-EC2Instance": [
        Scenario(
            name="releases",
            prepare=World.isolate_by_hand,
            leaves=lambda world, run: (
                world.tags() == {}
                and world.groups() == run["Outputs"]["splitSecurityGroups.GroupIds"]
            ),
        ),
        Scenario(
            name="refuses an instance that is not isolated",
            succeeds=False,
            says="finds nothing in the answer",
            leaves=lambda world, run: world.tags() == {},
        ),
    ],
}
