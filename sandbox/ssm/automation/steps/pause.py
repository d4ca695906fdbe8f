"""``aws:pause``."""

from typing import ClassVar

from sandbox.ssm.automation.steps.base import Action, Outputs


class Pause(Action):
    """Waits until somebody resumes the execution.

    Source: Systems Manager User Guide, aws:pause.
    """

    name = "aws:pause"
    default_timeout: ClassVar[float] = 7 * 24 * 3600

    def run(self) -> Outputs:
        """Waits for the signal Resume."""
        self.wait_for_signal(("Resume",))
        return {}
