"""``aws:updateVariable``."""

from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed


class UpdateVariable(Action):
    """Gives one of the document's variables a value.

    Source: Systems Manager User Guide, aws:updateVariable.
    """

    name = "aws:updateVariable"

    def run(self) -> Outputs:
        """Sets ``Name``, written as ``variable:NAME``, to ``Value``."""
        name = str(self.required("Name"))
        if not name.startswith("variable:") or name not in self.execution.variables:
            known = ", ".join(self.execution.variables) or "none"
            raise StepFailed(f"{name} is not a variable of the document; known: {known}")
        self.execution.variables[name] = self.inputs.get("Value")
        return {}
