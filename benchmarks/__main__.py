"""``python -m benchmarks``: measures the figures and prints them with their targets."""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.doctor import ROLES, questions_about_roles
from benchmarks.fleet import TARGETS, follow_a_fleet, run_fleets
from benchmarks.measure import Command, alternately, median, seconds_of
from benchmarks.operator_cli import (
    EVENTS_A_RUN,
    FEW_RUNS,
    LISTED,
    RUNS,
    account_of_an_operator,
    account_with_runs,
)
from benchmarks.pipeline import review_of_a_runbook
from benchmarks.projects import (
    PROJECT,
    app_of_accounts,
    app_with_runbooks,
    app_with_shipped_runbooks,
    check_of_runbooks,
    default_app,
    gate_of_accounts,
    gate_of_default_app,
    needs_of_shipped_runbooks,
    review_of_default_app,
    trivial_app,
)
from rehearsal.operator import follow
from review.access.effective_access import access_of
from review.iam.engine import Engine
from review.model.account_reader import read_accounts
from review.templates.assembly import read_templates
from review.templates.intrinsics import Environment
from sandbox import Sandbox

FIGURES = PROJECT / "docs" / "figures.md"
_LEAST_RUNS = 7
_MANY = 400
_CHECKED = 200
_ACCOUNTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measured figure and what it may be at most."""

    what: str
    against: str
    measured: float
    target: float
    unit: str

    def row(self) -> str:
        """A row of the Markdown table."""
        shown = f"{self.measured:.2f}{self.unit}"
        verdict = "yes" if self.measured <= self.target else "**no**"
        return (
            f"| {self.what} | {self.against} | {shown} | {self.target:g}{self.unit} | {verdict} |"
        )


def main() -> int:
    """Measures, prints, and writes docs/figures.md if asked; 1 if a target is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures the figures of docs/figures.md; several minutes.",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=_LEAST_RUNS,
        help=f"measured runs of each, {_LEAST_RUNS} or more",
    )
    parser.add_argument("--write", action="store_true", help=f"write {FIGURES.name} in docs/")
    parser.add_argument(
        "--only", nargs="+", choices=tuple(_GROUPS), metavar="GROUP", help=", ".join(_GROUPS)
    )
    options = parser.parse_args()
    if options.runs < _LEAST_RUNS:
        parser.error(f"--runs is {options.runs}; medians need {_LEAST_RUNS} or more")
    if options.write and options.only:
        parser.error("--write is for all figures, and --only names some")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            figure
            for name, measured in _GROUPS.items()
            if name in (options.only or _GROUPS)
            for figure in measured(Path(folder), options.runs)
        ]
    report = _report(figures, options.runs, time.perf_counter() - started)
    print(report)
    if options.write:
        FIGURES.write_text(report, "utf-8")
    return 0 if all(figure.measured <= figure.target for figure in figures) else 1


class _Measured:
    """What samples of commands say, by their medians."""

    def __init__(self, commands: list[Command], runs: int) -> None:
        self._samples = alternately(commands, runs)

    def ratio(self, above: Command, below: Command, measure: str) -> float:
        return self.median(above, measure) / self.median(below, measure)

    def seconds(self, command: Command) -> str:
        return f"{self.median(command, 'seconds'):.2f} s"

    def megabytes(self, command: Command) -> str:
        return f"{self.median(command, 'megabytes'):.0f} MB"

    def median(self, command: Command, measure: str) -> float:
        return median(getattr(sample, measure) for sample in self._samples[command.name])


def _synthesis(folder: Path, runs: int) -> list[Figure]:
    trivial, default = trivial_app(folder / "trivial"), default_app(folder / "default")
    one, many = app_with_runbooks(folder / "one", 1), app_with_runbooks(folder / "many", _MANY)
    shipped = app_with_shipped_runbooks(folder / "shipped")
    found = _Measured([trivial, default, shipped, one, many], runs)
    return [
        Figure(
            what=f"synthesis of the default app ({found.seconds(default)}), wall time",
            against=f"an app with one trivial resource ({found.seconds(trivial)})",
            measured=found.ratio(default, trivial, "seconds"),
            target=1.35,
            unit="x",
        ),
        Figure(
            what=f"the same, peak memory of the process tree ({found.megabytes(default)})",
            against=f"an app with one trivial resource ({found.megabytes(trivial)})",
            measured=found.ratio(default, trivial, "megabytes"),
            target=1.5,
            unit="x",
        ),
        Figure(
            what=f"synthesis with all shipped runbooks ({found.seconds(shipped)}), wall time",
            against=f"an app with one trivial resource ({found.seconds(trivial)})",
            measured=found.ratio(shipped, trivial, "seconds"),
            target=1.4,
            unit="x",
        ),
        Figure(
            what=f"the same, peak memory of the process tree ({found.megabytes(shipped)})",
            against=f"an app with one trivial resource ({found.megabytes(trivial)})",
            measured=found.ratio(shipped, trivial, "megabytes"),
            target=1.5,
            unit="x",
        ),
        Figure(
            what=f"synthesis of {_MANY} runbooks in a Region ({found.seconds(many)}), wall time",
            against=f"one runbook ({found.seconds(one)})",
            measured=found.ratio(many, one, "seconds"),
            target=1.4,
            unit="x",
        ),
    ]


def _accounts(folder: Path, runs: int) -> list[Figure]:
    one, many = (app_of_accounts(folder / f"of{n}", n) for n in (1, _ACCOUNTS))
    gate = gate_of_accounts(folder / "gate", _ACCOUNTS)
    found = _Measured([one, many, gate], runs)
    return [
        Figure(
            what=f"synthesis of {_ACCOUNTS} accounts with 4 Regions each ({found.seconds(many)}), "
            "wall time",
            against=f"one such account ({found.seconds(one)})",
            measured=found.ratio(many, one, "seconds"),
            target=3,
            unit="x",
        ),
        Figure(
            what=f"the same, peak memory of the process tree ({found.megabytes(many)})",
            against=f"one such account ({found.megabytes(one)})",
            measured=found.ratio(many, one, "megabytes"),
            target=1.5,
            unit="x",
        ),
        Figure(
            what=f"`make check` of the {_ACCOUNTS} accounts",
            against="-",
            measured=found.median(gate, "seconds"),
            target=35,
            unit=" s",
        ),
    ]


def _check(folder: Path, runs: int) -> list[Figure]:
    check = check_of_runbooks(folder / "check", _CHECKED)
    needs = needs_of_shipped_runbooks(folder / "needs")
    gate = gate_of_default_app()
    samples = alternately([check, needs, gate], runs)
    return [
        Figure(
            what=what,
            against="-",
            measured=median(sample.seconds for sample in samples[command.name]),
            target=target,
            unit=" s",
        )
        for what, command, target in (
            (f"check of {_CHECKED} runbooks of 3 KB", check, 0.7),
            ("`needs` of the shipped runbooks", needs, 0.5),
            ("`make check` of the default deployment", gate, 6),
        )
    ]


def _review(folder: Path, runs: int) -> list[Figure]:
    command, against = review_of_default_app(folder / "review")
    measured = alternately([command, against], runs)
    samples = measured[command.name]
    environment = Environment(account="111122223333", region="us-east-1", partition="aws")
    (account,) = read_accounts(read_templates(folder / "review" / "cdk.out", environment))
    roles = [principal for principal in account.principals if principal.trust]

    def sweep() -> None:
        with Engine() as engine:
            access_of(engine, account.principals[0], tuple(roles))

    return [
        Figure(
            what="`python -m review` of the default deployment",
            against="-",
            measured=median(sample.seconds for sample in samples),
            target=1.5,
            unit=" s",
        ),
        Figure(
            what="the same, `--against` the guide's assembly",
            against="-",
            measured=median(sample.seconds for sample in measured[against.name]),
            target=3,
            unit=" s",
        ),
        Figure(
            what="the same without it, peak memory of the process tree",
            against="-",
            measured=median(sample.megabytes for sample in samples),
            target=600,
            unit=" MB",
        ),
        Figure(
            what="every AWS action of one principal, the engine's start included",
            against="-",
            measured=median(seconds_of(sweep, runs)),
            target=2,
            unit=" s",
        ),
    ]


def _sandbox(runs: int) -> list[Figure]:
    def start_and_stop() -> float:
        started = time.perf_counter()
        with Sandbox():
            return time.perf_counter() - started

    start_and_stop()
    starts = [start_and_stop() for _ in range(runs)]
    with Sandbox() as sandbox:
        ec2, ssm = sandbox.client("ec2"), sandbox.client("ssm")
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2)
        ids = [instance["InstanceId"] for instance in launched["Instances"]]
        content = (PROJECT / "documents" / "Restart-EC2InstanceDemo.json").read_text("utf-8")
        ssm.create_document(Name="Restart", DocumentType="Automation", Content=content)

        def restart() -> None:
            started = ssm.start_automation_execution(
                DocumentName="Restart", Parameters={"InstanceId": ids}
            )
            execution = follow(ssm, started["AutomationExecutionId"])
            if execution["AutomationExecutionStatus"] != "Success":
                raise RuntimeError(execution["FailureMessage"])

        restarts = seconds_of(restart, runs)
    return [
        Figure(
            what="sandbox up, until it answers a signed call",
            against="-",
            measured=median(starts),
            target=3,
            unit=" s",
        ),
        Figure(
            what="restart of two instances through the API, until its end is seen",
            against="-",
            measured=median(restarts),
            target=0.1,
            unit=" s",
        ),
    ]


def _rehearsal(runs: int) -> Figure:
    command = Command(
        name="rehearsal",
        arguments=(sys.executable, "-m", "rehearsal"),
        folder=PROJECT,
        environment={},
    )
    samples = alternately([command], runs)["rehearsal"]
    return Figure(
        what="`make rehearse`, installed",
        against="-",
        measured=median(sample.seconds for sample in samples),
        target=15,
        unit=" s",
    )


def _pipeline(folder: Path, runs: int) -> Figure:
    with review_of_a_runbook(folder / "pipeline") as command:
        samples = alternately([command], runs)[command.name]
    return Figure(
        what="`make review BASE=…` of a change of one runbook, by change set in the sandbox",
        against="-",
        measured=median(sample.seconds for sample in samples),
        target=25,
        unit=" s",
    )


def _desk(runs: int) -> list[Figure]:
    with account_of_an_operator() as (listing, first_step, list_of_one, one_call):
        found = _Measured([listing, first_step, list_of_one, one_call], runs)
    return [
        Figure(
            what=f"`operate list` of one runbook ({found.seconds(list_of_one)})",
            against=f"a client of boto3 and one call ({found.seconds(one_call)})",
            measured=found.ratio(list_of_one, one_call, "seconds"),
            target=1.3,
            unit="x",
        ),
        Figure(
            what=f"`operate list` of {LISTED} runbooks",
            against="-",
            measured=found.median(listing, "seconds"),
            target=2,
            unit=" s",
        ),
        Figure(
            what="`operate run`, until its first step is shown",
            against="-",
            measured=found.median(first_step, "seconds"),
            target=0.5,
            unit=" s",
        ),
    ]


def _audit(runs: int) -> list[Figure]:
    with account_with_runs(FEW_RUNS) as few, account_with_runs(RUNS) as many:
        samples = alternately([few, many], runs)
    memory = [median(s.megabytes for s in samples[each.name]) for each in (many, few)]
    return [
        Figure(
            what=f"`operate audit` of {RUNS:,} runs with {RUNS * EVENTS_A_RUN:,} events",
            against="-",
            measured=median(sample.seconds for sample in samples[many.name]),
            target=8,
            unit=" s",
        ),
        Figure(
            what=f"the same, peak memory ({memory[0]:.0f} MB)",
            against=f"{FEW_RUNS} runs with {FEW_RUNS * EVENTS_A_RUN:,} events ({memory[1]:.0f} MB)",
            measured=memory[0] / memory[1],
            target=1.5,
            unit="x",
        ),
    ]


def _doctor(folder: Path, runs: int) -> list[Figure]:
    review_of_default_app(folder / "doctor")
    command = questions_about_roles(folder / "doctor" / "cdk.out")
    samples = alternately([command], runs)[command.name]
    return [
        Figure(
            what=f"the doctor's questions about {ROLES:,} roles of others",
            against="-",
            measured=median(sample.seconds for sample in samples),
            target=180,
            unit=" s",
        ),
        Figure(
            what="the same, peak memory of the process tree",
            against="-",
            measured=median(sample.megabytes for sample in samples),
            target=500,
            unit=" MB",
        ),
    ]


def _fleet() -> list[Figure]:
    seconds, megabytes = run_fleets()
    followed, calls = follow_a_fleet()
    return [
        Figure(
            what=f"a fleet of {TARGETS:,} targets in the sandbox, of two steps each, once",
            against="-",
            measured=seconds,
            target=600,
            unit=" s",
        ),
        Figure(
            what="memory of the sandbox after three of them",
            against="-",
            measured=megabytes,
            target=1500,
            unit=" MB",
        ),
        Figure(
            what=f"`operate run` of {TARGETS:,} targets, every third call throttled, killed and "
            "resumed: peak memory",
            against="-",
            measured=followed,
            target=150,
            unit=" MB",
        ),
        Figure(
            what="the same, calls a second, throttled ones as well",
            against="-",
            measured=calls,
            target=3,
            unit="",
        ),
    ]


_GROUPS: dict[str, Callable[[Path, int], list[Figure]]] = {
    "synthesis": _synthesis,
    "accounts": _accounts,
    "check": _check,
    "review": _review,
    "sandbox": lambda _, runs: _sandbox(runs),
    "rehearsal": lambda _, runs: [_rehearsal(runs)],
    "pipeline": lambda folder, runs: [_pipeline(folder, runs)],
    "desk": lambda _, runs: _desk(runs),
    "audit": lambda _, runs: _audit(runs),
    "doctor": _doctor,
    "fleet": lambda _folder, _runs: _fleet(),
}
"""What is measured, by group."""


def _report(figures: list[Figure], runs: int, seconds: float) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}"
    )
    rows = "\n".join(figure.row() for figure in figures)
    return f"""# Figures

Measured {datetime.now(UTC):%Y-%m-%d} by `make bench`, {seconds:.0f} seconds in all: medians of
{runs} runs after one unmeasured, the synthesized apps in turn.
Machine: {machine}.

| what | against | measured | at most | met |
|---|---|---|---|---|
{rows}

A synthesis includes cdk-nag's AwsSolutions pack and CDK's own template validation, on both sides of
a ratio where the app has them: the trivial app has the validation only.
"""


if __name__ == "__main__":
    sys.exit(main())
