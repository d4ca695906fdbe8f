"""What an audit found, for every form of output alike."""

from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from operate.audit.matching import AuditedExecution, UnattributedCall
from operate.audit.origins import Origins
from operate.audit.records import Call
from operate.audit.spool import Spool
from operate.times import utc


@dataclass(kw_only=True, slots=True)
class Report:
    """What an audit found."""

    account: str
    region: str
    global_region: str
    """The Region in which global services record their calls, and that is read as well."""
    since: datetime
    until: datetime
    roles: tuple[str, ...]
    """The names of the watched roles."""
    others: frozenset[str]
    """Regions that have reports of their own, with their executions."""
    origins: Origins = field(default_factory=Origins)
    executions: Spool[AuditedExecution]
    """Every execution with a role, the newest first, those that began earlier last."""
    unattributed: list[UnattributedCall] = field(default_factory=list)
    without_role: list[AuditedExecution] = field(default_factory=list)
    refused: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What limits what the audit could see."""
    statuses: Counter[str] = field(default_factory=Counter)
    """How many executions have which status."""
    began_earlier: int = 0
    """How many of the executions began before the audited time."""

    def add(self, execution: AuditedExecution) -> None:
        """Adds an execution, unless it is one of another report."""
        self.origins.add(execution)
        if execution.run.elsewhere in self.others:
            return
        self.statuses[execution.run.status] += 1
        self.began_earlier += execution.began_earlier
        self.executions.add(replace(execution, run=replace(execution.run, answer={})))

    @property
    def has_findings(self) -> bool:
        """Whether a role was used outside of executions, or an execution ran without one."""
        return bool(self.unattributed or self.without_role)

    @property
    def _regions(self) -> str:
        if self.global_region in ("", self.region):
            return self.region
        return f"{self.region}, with the calls of global services in {self.global_region}"

    def summary(self) -> list["SummaryLine"]:
        """What was audited and how much was found."""
        by_status = ", ".join(f"{n} {status}" for status, n in sorted(self.statuses.items()))
        earlier = f"; {self.began_earlier} began earlier" if self.began_earlier else ""
        return [
            SummaryLine("account", self.account),
            SummaryLine("Region", self._regions),
            SummaryLine("window", f"{utc(self.since)} to {utc(self.until)}"),
            SummaryLine("roles", ", ".join(self.roles) or "none that Automation may assume"),
            SummaryLine("executions", f"{by_status}{earlier}" if self.statuses else "none"),
            SummaryLine.of_findings("calls outside executions", self.unattributed),
            SummaryLine.of_findings("executions without a role", self.without_role),
        ]


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """A label and a value of the summary."""

    label: str
    value: str
    is_finding: bool | None = None
    """Whether something was found; None for what can be no finding."""

    @classmethod
    def of_findings(cls, label: str, found: Sized) -> Self:
        """How much was found of a kind."""
        return cls(label, str(len(found) or "none"), bool(found))


_ANSWERED = {"Approve": "approved", "Reject": "rejected", "Revoke": "revoked", "Stop": "stopped"}


def answer_of(call: Call) -> tuple[str, str]:
    """What an approval, a rejection or a stop was, and its comment."""
    kind = str(call.parameters.get("signalType") or "Stop")
    payload = call.parameters.get("payload")
    given = payload.get("Comment") or payload.get("comment") if isinstance(payload, dict) else ""
    comment = " ".join(map(str, given)) if isinstance(given, list) else str(given or "")
    return f"tried to {kind.lower()}" if call.error else _ANSWERED.get(kind, kind), comment
