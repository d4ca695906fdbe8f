"""``aws:executeScript``."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from sandbox.ssm.automation.steps import script_runner
from sandbox.ssm.automation.steps.aws_api import selected_outputs
from sandbox.ssm.automation.steps.base import Action, Outputs, StepFailed, StepTimedOut

_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 600
"""Source: Systems Manager User Guide, aws:executeScript."""


class ExecuteScript(Action):
    """Runs a Python script in a process of its own, with the session's credentials.

    Source: Systems Manager User Guide, aws:executeScript.
    """

    name = "aws:executeScript"
    default_timeout: ClassVar[float] = _LONGEST_SECONDS

    def run(self) -> Outputs:
        """Calls ``Handler`` with ``InputPayload``; its value is ``$.Payload`` to selectors."""
        runtime = str(self.required("Runtime"))
        if not runtime.lower().startswith("python3"):
            raise StepFailed(f"The sandbox runs Python scripts, not {runtime}")
        given = {
            "script": str(self.required("Script")),
            "handler": str(self.required("Handler")),
            "payload": self.inputs.get("InputPayload") or {},
            "context": self.execution.system_variables(),
        }
        value = self._run_script(given)
        answer = {"Payload": value}
        return {
            "Payload": value,
            "OutputPayload": answer,
            **selected_outputs(answer, self.definition.get("outputs")),
        }

    def _run_script(self, given: dict[str, Any]) -> Any:
        with tempfile.TemporaryDirectory(prefix="script-") as folder:
            file = Path(folder, "step.json")
            file.write_text(json.dumps(given), "utf-8")
            status = self._run_process(file, folder)
            result_file = file.with_suffix(".result")
            if not result_file.exists():
                raise StepFailed(f"The script ended with status {status}")
            result = json.loads(result_file.read_text("utf-8"))
        if "error" in result:
            raise StepFailed(f"Failure when running the script: {result['error']}")
        return result["value"]

    def _run_process(self, file: Path, folder: str) -> int:
        """Runs the script to its end, its time limit or the step's stop; its exit status."""
        lifeline, held = os.pipe()
        until = time.monotonic() + _LONGEST_SECONDS
        with os.fdopen(held, "wb"):  # closed with this process, however it ends
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", script_runner.__file__, str(file), str(lifeline)],
                    cwd=folder,
                    env={"HOME": folder, "PATH": os.environ["PATH"], **self.environment()},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    pass_fds=(lifeline,),
                )
            finally:
                os.close(lifeline)
            try:
                while process.poll() is None:
                    self.pause(_POLL_SECONDS)
                    if time.monotonic() > until:
                        raise StepTimedOut("Step timed out")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode
