"""``aws:assertAwsResourceProperty`` and ``aws:waitForAwsResourceProperty``."""

from typing import Any

from sandbox.ssm.automation.steps.aws_api import AwsApiAction, select, selected_outputs
from sandbox.ssm.automation.steps.base import Outputs, StepFailed
from sandbox.ssm.documents.references import as_text

_POLL_SECONDS = 0.1


class _ResourceProperty(AwsApiAction):
    def property_of(self, answer: Any) -> str | None:
        """What ``PropertySelector`` finds, as a string; None where it finds nothing."""
        found = select(answer, str(self.required("PropertySelector")))
        return _compared(found[0]) if found else None

    def desired(self) -> list[str]:
        """``DesiredValues`` as strings."""
        values = self.required("DesiredValues")
        return list(map(_compared, values if isinstance(values, list) else [values]))


def _compared(value: Any) -> str:
    """A value as it is compared: a truth value with a capital letter.

    Source: Systems Manager User Guide, aws:assertAwsResourceProperty, DesiredValues.
    """
    return str(value) if isinstance(value, bool) else as_text(value)


class AssertAwsResourceProperty(_ResourceProperty):
    """Fails unless a property of a resource has one of the desired values.

    Source: Systems Manager User Guide, aws:assertAwsResourceProperty.
    """

    name = "aws:assertAwsResourceProperty"

    def run(self) -> Outputs:
        """Asks once."""
        answer = self.answer()
        found, desired = self.property_of(answer), self.desired()
        if found is None:
            raise StepFailed(
                f"PropertySelector {self.inputs['PropertySelector']} finds nothing in the answer"
            )
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
