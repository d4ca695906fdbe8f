"""A trail as it is told: plain values under names, for every form of output alike."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from operate.screen import moment, who
from operate.trail.joined import AuditedRun
from operate.trail.records import Call

Told = dict[str, Any]

_SAID = {"Approve": "approved", "Reject": "rejected", "Revoke": "revoked", "Stop": "stopped"}


@dataclass(kw_only=True, slots=True)
class Trail:
    """What an audit found. Runs lie in a file, the newest first: there may be many."""

    region: str
    since: str
    until: str
    roles: tuple[str, ...]
    spool: IO[str]
    outside: list[Told] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)
    count: int = 0

    def add(self, run: Told) -> None:
        """Adds a run."""
        self.spool.write(json.dumps(run) + "\n")
        self.count += 1

    def runs(self) -> Iterator[Told]:
        """Every run, the newest first."""
        self.spool.seek(0)
        for line in self.spool:
            yield json.loads(line)


def tell_run(audited: AuditedRun) -> Told:
    """A run: who started which version with what, who answered, what was called and came of it."""
    run, start = audited.run, audited.start
    return {
        "Run": run.id,
        "Runbook": run.runbook,
        "Version": run.version,
        "Status": run.status,
        "Started": _iso(run.started),
        "Ended": _iso(run.ended),
        "StartedBy": run.starter,
        "StartedFrom": start.source if start else "",
        "StartEvent": start.id if start else "",
        "Parameters": dict(run.parameters),
        "Failure": run.failure,
        "Steps": [
            {
                "Name": step.name,
                "Action": step.action,
                "Status": step.status,
                "Started": _precisely(step.started),
                "Ended": _precisely(step.ended),
            }
            for step in run.steps
        ],
        "Answers": [_tell_answer(call) for call in audited.answers],
        "Calls": [tell_call(call) for call in audited.calls],
    }


def tell_call(call: Call) -> Told:
    """A call: when, what, on what, with what result, by whom."""
    return {
        "Time": _iso(call.time),
        "Call": f"{call.service}:{call.name}",
        "On": list(call.resources),
        "Result": call.result,
        "Message": call.message,
        "By": call.who,
        "From": call.source,
        "Event": call.id,
    }


def _tell_answer(call: Call) -> Told:
    """An approval, a rejection, a stop; the comment as it was given."""
    kind = str(call.parameters.get("signalType") or "Stop")
    payload = call.parameters.get("payload")
    comment = ""
    if isinstance(payload, Mapping):
        given = payload.get("Comment") or payload.get("comment") or ()
        comment = " ".join(map(str, given)) if isinstance(given, list) else str(given)
    return {
        "Time": _iso(call.time),
        "Answer": f"tried to {kind.lower()}" if call.error else _SAID.get(kind, kind),
        "By": call.who,
        "Comment": comment,
        "Result": call.result,
        "Event": call.id,
    }


def _iso(time: datetime | None) -> str:
    return moment(time).replace(" ", "T")


def _precisely(time: datetime | None) -> str:
    """To the millisecond, for what lasts less than a second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" if time else ""


def said(answer: Told) -> str:
    """An answer in a line: what, by whom, with what result and why."""
    refused = "" if answer["Result"] == "ok" else f" ({answer['Result']})"
    comment = f": {answer['Comment']}" if answer["Comment"] else ""
    return f"{answer['Time']} {answer['Answer']} by {who(answer['By'])}{refused}{comment}"
