"""What an audit found, for every form of output alike."""

from collections import Counter
from dataclasses import dataclass, field, replace

from operate.trail.matching import AuditedExecution, Outside
from operate.trail.records import Call
from operate.trail.spool import Spool


@dataclass(kw_only=True, slots=True)
class Report:
    """What an audit found."""

    account: str
    region: str
    since: str
    until: str
    roles: tuple[str, ...]
    """The names of the watched roles."""
    executions: Spool[AuditedExecution]
    """Every execution with a role, the newest first, those that began earlier last."""
    outside: list[Outside] = field(default_factory=list)
    without_role: list[AuditedExecution] = field(default_factory=list)
    refused: list[Call] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    """How many executions have which status."""
    began_earlier: int = 0
    """How many of the executions began before the audited time."""

    def add(self, execution: AuditedExecution) -> None:
        """Adds an execution."""
        self.statuses[execution.run.status] += 1
        self.began_earlier += execution.began_earlier
        self.executions.add(replace(execution, run=replace(execution.run, answer={})))

    @property
    def has_findings(self) -> bool:
        """Whether a role was used outside of executions, or an execution ran without one."""
        return bool(self.outside or self.without_role)

    def summary(self) -> list[tuple[str, str]]:
        """What was audited and how much was found, as labels and values."""
        by_status = ", ".join(f"{n} {status}" for status, n in sorted(self.statuses.items()))
        earlier = f"; {self.began_earlier} began earlier" if self.began_earlier else ""
        return [
            ("account", self.account),
            ("Region", self.region),
            ("window", f"{self.since} to {self.until}"),
            ("roles", ", ".join(self.roles) or "none that Automation may assume"),
            ("executions", f"{by_status}{earlier}" if self.statuses else "none"),
            ("calls outside executions", str(len(self.outside) or "none")),
            ("executions without a role", str(len(self.without_role) or "none")),
        ]


_ANSWERED = {"Approve": "approved", "Reject": "rejected", "Revoke": "revoked", "Stop": "stopped"}


def answer_of(call: Call) -> tuple[str, str]:
    """What an approval, a rejection or a stop was, and its comment."""
    kind = str(call.parameters.get("signalType") or "Stop")
    payload = call.parameters.get("payload")
    given = payload.get("Comment") or payload.get("comment") if isinstance(payload, dict) else ""
    comment = " ".join(map(str, given)) if isinstance(given, list) else str(given or "")
    return f"tried to {kind.lower()}" if call.error else _ANSWERED.get(kind, kind), comment
