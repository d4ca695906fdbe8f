"""The rehearsal, once through, and what it says when something is not as expected."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.narrator import Narrator
from rehearsal.report import Outcome, Report, SceneFailed
from rehearsal.workstation import Workstation

PROJECT = Path(__file__).resolve().parents[2]


def test_makefile_plays_the_rehearsal_for_make_rehearse() -> None:
    done = subprocess.run(
        ("make", "--dry-run", "rehearse"), cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert "python -m rehearsal\n" in done.stdout


def test_outcome_that_disagrees_says_what_was_expected_and_what_came() -> None:
    stream = io.StringIO()
    report = Report(show=Narrator(stream).outcome, scene=5, person="Operator")

    report.note("stop an instance", expected="denied", happened="allowed")

    assert stream.getvalue() == "   NOT stop an instance: allowed, expected denied\n"
    assert report.agrees is False
    assert report.table().splitlines()[-1] == "0 of 1 as expected"


def test_report_without_an_outcome_agrees_with_nothing() -> None:
    assert Report(show=lambda outcome: None).agrees is False


def test_denial_is_reported_with_awss_message() -> None:
    stream = io.StringIO()
    outcome = Outcome(
        scene=5,
        person="Operator",
        what="describe instances",
        expected="denied",
        happened="denied",
        detail="User: … is not authorized to perform: ec2:DescribeInstances",
    )

    Narrator(stream).outcome(outcome)

    assert stream.getvalue() == (
        "   ok  describe instances: denied\n"
        "       User: … is not authorized to perform: ec2:DescribeInstances\n"
    )


def test_progress_is_refreshed_in_place_on_a_terminal_only() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()

    for stream in (terminal, pipe):
        with Narrator(stream).busy("cdk synth"):
            pass

    assert "\r" in terminal.getvalue()
    assert pipe.getvalue() == "       cdk synth (0.0 s)\n"


def test_failing_command_says_what_came_and_which_log_to_read(tmp_path: Path) -> None:
    workstation = Workstation(tmp_path, {})

    with pytest.raises(SceneFailed) as error:
        workstation.python("-c", "import sys; sys.exit('broken')")

    (log,) = workstation.logs.iterdir()
    name = Path(sys.executable).name
    assert str(error.value) == (
        f"{name} -c import sys; sys.exit('broken'): expected exit status 0, came 1: broken; "
        f"read {log}"
    )
    assert "broken" in log.read_text("utf-8")


@pytest.mark.sandbox
def test_interrupted_rehearsal_fails_and_leaves_no_account(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "1. Administrator" not in process.stdout.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "the story could not go on: it was interrupted" in printed
    assert list(tmp_path.glob("aws-sandbox-*")) == []


def test_folder_of_the_data_is_asked_for_before_the_story(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "--json", str(tmp_path / "none" / "x.json")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert f"the folder {tmp_path / 'none'} does not exist" in done.stderr
