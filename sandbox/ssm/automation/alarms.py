"""The alarm of a start: once it fires, or cannot be read, the execution is stopped.

Source: Systems Manager User Guide, Configuring Automation to monitor CloudWatch alarms; API
Reference, AlarmConfiguration, AlarmStateInformation. The execution identity asks for the state and
asks to stop. What stands in no page: that it asks before the first step too, that children that run
are stopped with their parent, and that a stop which the identity may not ask for is none.
"""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.emulator.sts.role_sessions import Credentials
from sandbox.ssm.automation.clients import client
from sandbox.ssm.automation.executions import Execution

_POLL_SECONDS = 0.2
_FIRING, _UNKNOWN = "ALARM", "UNKNOWN"


@contextlib.contextmanager
def watched(execution: Execution, credentials: Credentials) -> Iterator[None]:
    """Within it, an execution with an alarm is stopped once that fires or cannot be read."""
    if execution.alarm is None:
        yield
        return
    over = threading.Event()
    context = contextvars.copy_context()
    watch = _Watch(execution, execution.alarm, credentials)
    watch.look()
    watcher = threading.Thread(target=context.run, args=(watch.until, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


class _Watch:
    """Looks at the alarm of one execution."""

    def __init__(
        self, execution: Execution, configuration: dict[str, Any], credentials: Credentials
    ) -> None:
        self._execution = execution
        self._name = str(configuration["Alarms"][0]["Name"])
        self._goes_on_unknown = bool(configuration.get("IgnorePollAlarmFailure"))
        self._credentials = credentials

    def until(self, over: threading.Event) -> None:
        """Looks again and again, until the execution is over or cancelled."""
        while not over.wait(_POLL_SECONDS) and self._execution.stop != "Cancel":
            self.look()

    def look(self) -> None:
        """Looks once, and stops the execution if it has to."""
        state = self._state()
        if state == _FIRING:
            self._stop_as_the_identity()
        elif state == _UNKNOWN and not self._goes_on_unknown:
            self._triggered(state)
            self._execution.ask_to_stop("Cancel")

    def _state(self) -> str:
        cloudwatch = self._client("cloudwatch")
        try:
            found = cloudwatch.describe_alarms(
                AlarmNames=[self._name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except (ClientError, BotoCoreError):
            return _UNKNOWN
        alarms = [*found.get("MetricAlarms", ()), *found.get("CompositeAlarms", ())]
        return str(alarms[0]["StateValue"]) if alarms else _UNKNOWN

    def _stop_as_the_identity(self) -> None:
        self._triggered(_FIRING)
        try:
            self._client("ssm").stop_automation_execution(
                AutomationExecutionId=self._execution.id, Type="Cancel"
            )
        except (ClientError, BotoCoreError) as error:
            self._execution.failure = f"Alarm {self._name} could not stop the execution: {error}"

    def _triggered(self, state: str) -> None:
        self._execution.triggered_alarms = [{"Name": self._name, "State": state}]

    def _client(self, service: str) -> Any:
        return client(service, self._credentials, self._execution.region)
