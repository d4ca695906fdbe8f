"""``aws:executeAwsApi``."""

from sandbox.ssm.automation.steps.aws_api import AwsApiAction, selected_outputs
from sandbox.ssm.automation.steps.base import Outputs


class ExecuteAwsApi(AwsApiAction):
    """Calls any API of any service and selects outputs from its answer.

    Source: Systems Manager User Guide, aws:executeAwsApi.
    """

    name = "aws:executeAwsApi"

    def run(self) -> Outputs:
        """Calls the API once."""
        return selected_outputs(self.answer(), self.definition.get("outputs"))
