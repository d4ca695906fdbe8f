"""``aws:createImage``, ``aws:copyImage`` and ``aws:deleteImage``."""

from typing import Any, ClassVar

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed
from sandbox.ssm.documents.steps import flag

_POLL_SECONDS = 0.1
_ENDED = ("failed", "invalid", "error")


class _NewImage(Action):
    def given(self, *names: tuple[str, str]) -> dict[str, Any]:
        """Those of these inputs that are given, by the API's names."""
        return {api: self.inputs[name] for name, api in names if name in self.inputs}

    def await_image(self, image_id: str) -> Outputs:
        """Waits until the image is available; returns its id and state."""
        ec2 = self.client("ec2")
        while True:
            images = self.call(ec2.describe_images, {"ImageIds": [image_id]})["Images"]
            state = images[0]["State"] if images else "pending"
            if state == "available":
                return {"ImageId": image_id, "ImageState": state}
            if state in _ENDED:
                raise StepFailed(f"Image {image_id} is {state}")
            self.pause(_POLL_SECONDS)


class CreateImage(_NewImage):
    """Makes an image of an instance and waits until it is available.

    Source: Systems Manager User Guide, aws:createImage.
    """

    name = "aws:createImage"
    default_timeout: ClassVar[float] = 72 * 3600

    def run(self) -> Outputs:
        """Calls CreateImage and DescribeImages."""
        parameters: dict[str, Any] = {
            "InstanceId": self.required("InstanceId"),
            "Name": self.required("ImageName"),
        }
        parameters |= self.given(
            ("NoReboot", "NoReboot"),
            ("ImageDescription", "Description"),
            ("BlockDeviceMappings", "BlockDeviceMappings"),
        )
        if "NoReboot" in parameters:
            parameters["NoReboot"] = flag(parameters, "NoReboot")
        return self.await_image(self.call(self.client("ec2").create_image, parameters)["ImageId"])


class CopyImage(_NewImage):
    """Copies an image of any Region into this one and waits until it is available.

    Source: Systems Manager User Guide, aws:copyImage.
    """

    name = "aws:copyImage"
    default_timeout: ClassVar[float] = 72 * 3600

    def run(self) -> Outputs:
        """Calls CopyImage and DescribeImages."""
        parameters: dict[str, Any] = {
            "SourceImageId": self.required("SourceImageId"),
            "SourceRegion": self.required("SourceRegion"),
            "Name": self.required("ImageName"),
        }
        parameters |= self.given(
            ("ImageDescription", "Description"),
            ("Encrypted", "Encrypted"),
            ("KmsKeyId", "KmsKeyId"),
            ("ClientToken", "ClientToken"),
        )
        return self.await_image(self.call(self.client("ec2").copy_image, parameters)["ImageId"])


class DeleteImage(Action):
    """Deregisters an image and deletes its snapshots.

    Source: Systems Manager User Guide, aws:deleteImage.
    """

    name = "aws:deleteImage"
    default_timeout: ClassVar[float] = 12 * 3600

    def run(self) -> Outputs:
        """Calls DescribeImages, DeregisterImage and DeleteSnapshot."""
        ec2, image_id = self.client("ec2"), self.required("ImageId")
        images = self.call(ec2.describe_images, {"ImageIds": [image_id]})["Images"]
        if not images:
            raise StepFailed(f"Image {image_id} does not exist")
        self.call(ec2.deregister_image, {"ImageId": image_id})
        for mapping in images[0].get("BlockDeviceMappings", ()):
            if snapshot := mapping.get("Ebs", {}).get("SnapshotId"):
                self.call(ec2.delete_snapshot, {"SnapshotId": snapshot})
        return {}
