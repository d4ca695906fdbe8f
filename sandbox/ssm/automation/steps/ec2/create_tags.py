"""``aws:createTags``."""

from sandbox.ssm.automation.steps.base import Action, Outputs


class CreateTags(Action):
    """Tags EC2 resources, or what Systems Manager tags.

    Source: Systems Manager User Guide, aws:createTags.
    """

    name = "aws:createTags"

    def run(self) -> Outputs:
        """Calls CreateTags of EC2 or AddTagsToResource of Systems Manager."""
        ids, tags = self.required("ResourceIds"), self.required("Tags")
        kind = str(self.inputs.get("ResourceType", "EC2"))
        if kind == "EC2":
            self.call(self.client("ec2").create_tags, {"Resources": list(ids), "Tags": tags})
            return {}
        ssm = self.client("ssm")
        for id_ in ids:
            self.call(
                ssm.add_tags_to_resource, {"ResourceType": kind, "ResourceId": id_, "Tags": tags}
            )
        return {}
