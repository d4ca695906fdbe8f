"""``aws:assertAwsResourceProperty`` and ``aws:waitForAwsResourceProperty``."""

import json
from typing import Any

from sandbox.ssm.automation.steps.aws_api import AwsApiAction, select, selected_outputs
from sandbox.ssm.automation.steps.base import Outputs, StepFailed

_POLL_SECONDS = 0.1


class _ResourceProperty(AwsApiAction):
    def property_of(self, answer: Any) -> str:
        """What ``PropertySelector`` finds, as a string."""
        found = select(answer, str(self.required("PropertySelector")), "String")
        return found if isinstance(found, str) else json.dumps(found)

    def desired(self) -> list[str]:
        """``DesiredValues`` as texts."""
        values = self.required("DesiredValues")
        texts = values if isinstance(values, list) else [values]
        return [text if isinstance(text, str) else json.dumps(text) for text in texts]


class AssertAwsResourceProperty(_ResourceProperty):
    """Fails unless a property of a resource has one of the desired values.

    Source: Systems Manager User Guide, aws:assertAwsResourceProperty.
    """

    name = "aws:assertAwsResourceProperty"

    def run(self) -> Outputs:
        """Asks once."""
        answer = self.answer()
        found, desired = self.property_of(answer), self.desired()
        if found not in desired:
            raise StepFailed(
                f"Property value {found} from the API output is not in the desired values "
                f"{', '.join(desired)}"
            )
        return selected_outputs(answer, self.definition.get("outputs"))


class WaitForAwsResourceProperty(_ResourceProperty):
    """Waits until a property of a resource has one of the desired values.

    Source: Systems Manager User Guide, aws:waitForAwsResourceProperty.
    """

    name = "aws:waitForAwsResourceProperty"

    def run(self) -> Outputs:
        """Asks until it is so or the step times out."""
        while self.property_of(answer := self.answer()) not in self.desired():
            self.pause(_POLL_SECONDS)
        return selected_outputs(answer, self.definition.get("outputs"))
