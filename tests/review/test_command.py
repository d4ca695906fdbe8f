"""``python -m review``, as a reviewer runs it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.review.conftest import DEFAULT, GUIDE
from tests.stacks.synthesis import written

pytestmark = pytest.mark.command

PROJECT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default deployment's cloud assembly."""
    return written(DEFAULT, tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's cloud assembly."""
    return written(GUIDE, tmp_path_factory.mktemp("guide"))


def _review(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "review", *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_review_of_the_default_deployment_writes_two_pages_alike_each_time(
    default: Path, tmp_path: Path
) -> None:
    done = _review(default, "--output", tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "account 111122223333, us-east-1 (aws)\n"
        "  operator AutomationRestrictedOperator: 10 of 22,091 actions allowed, 22,081 denied on "
        "every resource\n"
        "  service role AutomationServiceRole: 3 of 22,091 actions allowed, 22,088 denied on every "
        "resource\n"
        "  15 invariants: 15 hold\n"
        f"written: {tmp_path}/access-review.html, {tmp_path}/access-review.md\n"
    )
    page = (tmp_path / "access-review.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*\w+""", page) == []  # self-contained
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page
    assert "@media print" in page
    assert "<svg" in page
    markdown = (tmp_path / "access-review.md").read_text("utf-8")
    assert _review(default, "--output", tmp_path / "again").returncode == 0
    for name in ("access-review.html", "access-review.md"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert "| `ec2:StartInstances`, `ec2:StopInstances` | " in markdown
    for text in (page, markdown):
        assert "pathfinding.cloud" in text
        assert "sts:GetCallerIdentity" in text


def test_json_holds_what_the_pages_say(default: Path) -> None:
    done = _review(default, "--json")

    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert data["actions"] == 22091
    (account,) = data["accounts"]
    assert [access["principal"]["name"] for access in account["accesses"]] == [
        "AutomationRestrictedOperator",
        "AutomationServiceRole",
    ]
    assert {invariant["verdict"] for invariant in account["invariants"]} == {"holds"}
    assert not (default / "access-review.html").exists()


def test_violated_invariant_ends_with_2_and_is_listed(guide: Path, tmp_path: Path) -> None:
    done = _review(guide, "--output", tmp_path)

    assert done.returncode == 2
    assert (
        ": AutomationRestrictedOperator may start every runbook of this account in every Region, "
        "AWS's own, and those that other accounts share with it, each under whichever role is "
        "embedded in it (by OperatorRestrictedPermissions/RunAutomationWorkflows)\n"
    ) in done.stdout
    page = (tmp_path / "access-review.html").read_text("utf-8")
    first = page.index('<li class="is-')
    assert page[first:].startswith('<li class="is-bad"><strong class="bad">violated</strong> ')
    assert '<dt>invariants</dt><dd class="bad">' in page


def test_against_another_assembly_says_who_gains_what(default: Path, guide: Path) -> None:
    same, wider = _review(default, "--against", default), _review(guide, "--against", default)
    narrower = _review(default, "--against", guide)

    assert (same.returncode, wider.returncode, narrower.returncode) == (0, 2, 0)
    assert same.stdout.endswith("Nobody gains or loses anything.\n")
    assert "**Gains**\n\n- AutomationRestrictedOperator gains ssm:" in wider.stdout
    assert "**Losses**\n\n- AutomationRestrictedOperator loses ssm:" in narrower.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["missing"],
            "error: missing is not a folder; name one with templates, as make synth writes",
        ),
        ([".ci"], "error: .ci holds no template; name a folder as make synth writes it"),
        (["--account", "1"], "error: argument --account: '1' is not 12 digits"),
        (["--agaist"], "error: unrecognized arguments: --agaist"),
    ],
)
def test_wrong_use_is_reported_without_a_traceback(arguments: list[str], message: str) -> None:
    done = _review(*arguments)

    assert done.returncode == 1
    assert done.stderr.strip().endswith(message)
    assert "Traceback" not in done.stderr
